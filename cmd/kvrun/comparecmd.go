package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/pflag"

	"github.com/kvgen/kvgen/runtime/eval"
	"github.com/kvgen/kvgen/runtime/model"
)

// compareFlags are the flags of kvrun compare: those of kld that are not about the reference.
type compareFlags struct {
	kldFlags
	reference string
}

func (f *compareFlags) add(fs *pflag.FlagSet) {
	f.addMeasure(fs)
	f.modelFlags.add(fs, model.Exact)
	f.ref = "f16"
}

// compareCommand measures how far the weights of a model move its predictions from those of another
// model of the same vocabulary.
func compareCommand(e *environment, args []string) error {
	var f compareFlags
	fs := newFlags("compare")
	f.add(fs)
	before := func() error {
		if len(f.rest) != 2 || f.model != "" {
			return fmt.Errorf("want two models, the one to compare with and the one that is judged, and have %d", len(f.rest))
		}
		f.reference, f.rest = f.rest[0], f.rest[1:]
		return f.check(fs)
	}
	s, err := e.begin(fs, "REFERENCE MODEL [-f FILE] [flags]", args, &f.modelFlags, before, nil)
	if err != nil {
		return err
	}
	defer s.Close()
	other := f.modelFlags
	if other.model, err = f.hub.path(e, f.reference); err != nil {
		return err
	}
	ref, err := e.open(&other)
	if err != nil {
		return err
	}
	defer ref.Close()
	k := &kld{e: e, s: s, f: &f.kldFlags, other: ref}
	if f.measure.Context = f.size; f.size == 0 {
		f.measure.Context = 512
	}
	if err := errors.Join(s.within(f.measure.Context), ref.within(f.measure.Context)); err != nil {
		return err
	}
	if err := k.readText(); err != nil {
		return err
	}
	if err := k.sameTokens(); err != nil {
		return err
	}
	return k.run(nil)
}

// sameTokens refuses models that read the text as different tokens.
func (k *kld) sameTokens() error {
	theirs, _, err := k.other.corpus(k.e, k.f.corpus)
	if err != nil {
		return err
	}
	if k.s.Vocab != k.other.Vocab || theirs.AddBOS != k.text.AddBOS || !slices.Equal(theirs.Tokens, k.text.Tokens) {
		return refuse("%s and %s have different vocabularies, so that their predictions are of different things", k.other.path, k.s.path)
	}
	return nil
}

// comparison prepares the comparison of two models.
func (k *kld) comparison() (l *eval.Lockstep, err error) {
	o := k.other
	k.ref, err = o.NewContext(model.Options{Plan: o.plan, Size: k.f.measure.Context, Batch: k.f.batch, Threads: k.f.threads, Math: k.f.kind, Placements: o.flags.places, Stop: k.e.ctx.Err})
	if err != nil {
		return nil, err
	}
	return eval.NewComparison(k.ref, k.c, k.text, k.f.measure)
}
