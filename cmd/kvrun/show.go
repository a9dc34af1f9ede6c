package main

import (
	"fmt"
	"io"
	"slices"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/eval"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
	"github.com/kvgen/kvgen/runtime/policy"
)

// showSize is how much a demonstration does.
type showSize struct {
	tokens  int // to generate
	chunks  int // to measure
	context int // tokens of a chunk
}

// showDefault takes seconds on two cores.
var showDefault = showSize{tokens: 90, chunks: 2, context: 512}

// showCommand is kvrun without arguments. It shows text of the embedded model, the plan of its
// cache, and what cache types cost there.
func showCommand(e *environment, n showSize) error {
	var m modelFlags
	var f sampleFlags
	fs := newFlags("show") // for the defaults of both
	m.add(fs, model.Exact)
	f.add(fs, n.tokens)
	f.seed, f.TopP, f.MinP = 7, 1, 0
	if err := m.check(e, nil); err != nil {
		return err
	}
	if err := f.check(); err != nil {
		return err
	}
	s, err := e.open(&m)
	if err != nil {
		return err
	}
	defer s.Close()
	fmt.Fprintf(e.stdout, "The embedded model, %s parameters, continues:\n\n", short(float64(s.modelRecord().Parameters)))
	if err := s.showText(e, &f); err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "\n\nIts cache, as planned:\n")
	policy.Print(e.stdout, s.plan, s.defaultSize())
	fmt.Fprintf(e.stdout, "\nWhat each cache type costs (both sides; %s math, %s; %d chunks of %d tokens of held-out text,\nagainst a cache of full precision):\n\n",
		m.kind, m.computedBy(), n.chunks, n.context)
	if err := s.showTypes(e, n); err != nil {
		return err
	}
	_, err = fmt.Fprint(e.stdout, "\nNext: kvrun run MODEL.gguf -p TEXT -ctk TYPE -ctv TYPE; kvrun info MODEL.gguf; kvrun help\n")
	return err
}

// showText continues the demonstration's prompt.
func (s *session) showText(e *environment, f *sampleFlags) error {
	g, err := s.generation(f, nil)
	if err != nil {
		return err
	}
	defer g.Context.Close()
	io.WriteString(e.stdout, demoPrompt)
	_, err = g.Generate(e.ctx, g.Tokenizer.Encode(demoPrompt, true, false), func(text string) error {
		_, err := io.WriteString(e.stdout, text)
		return err
	})
	if err == nil {
		err = e.ctx.Err()
	}
	return err
}

// showTypes prints a table of the types that fit, from the largest to the smallest.
func (s *session) showTypes(e *environment, n showSize) error {
	text, _, err := s.corpus(e, "")
	if err != nil {
		return err
	}
	full := s.table.ByID(0)
	reference, err := s.contextOf(full, n.context)
	if err != nil {
		return err
	}
	defer reference.Close()
	l, err := eval.NewLockstep(reference, text, eval.Options{Context: n.context, Chunks: n.chunks})
	if err != nil {
		return err
	}
	var plans []*kv.Plan
	choices := s.choices(full)
	for _, typ := range choices {
		p, err := s.planOf(typ)
		if err != nil {
			return err
		}
		plans = append(plans, p)
	}
	sums := make([]eval.Sums, len(plans))
	way := e.pace("measuring", l.Chunks()*(1+len(plans)), "a cache on a chunk", "", "ends it")
	defer way.Finish()
	for k := range l.Chunks() {
		out, err := l.Chunk(e.ctx, k, plans, func() { way.Next("") })
		if err != nil {
			return err
		}
		for i := range out {
			for _, p := range out[i] {
				sums[i].Add(p)
			}
		}
	}
	way.Finish()
	fmt.Fprintf(e.stdout, "%10s %10s %12s %10s %9s %9s\n", "type", "bits/value", "bytes/token", "mean KLD", "same top", "PPL")
	for i, typ := range choices {
		fmt.Fprintf(e.stdout, "%10s %10.3f %12d %10.6f %7.1f %% %9.3f%s\n", typ.Name, plans[i].BitsPerValue(n.context), plans[i].BytesPerToken(), sums[i].KLD().Mean,
			100*sums[i].SameTopShare().Mean, sums[i].PPL().Mean, policy.Padding(typ, plans[i].Layers[0].Layer.KeyDim))
	}
	return nil
}

// choices are the cache types that fit the model, the largest first, without the one they are
// compared with.
func (s *session) choices(reference *kernels.Type) []*kernels.Type {
	bits := func(t *kernels.Type) float64 { return t.BitsPerValue(s.KVLayers()[0].KeyDim) }
	var fit []*kernels.Type
	for _, t := range s.table.Types() {
		if t.KV && t != reference && s.fits(t) {
			fit = append(fit, t)
		}
	}
	slices.SortStableFunc(fit, func(a, b *kernels.Type) int {
		switch {
		case bits(a) > bits(b):
			return -1
		case bits(a) < bits(b):
			return 1
		}
		return 0
	})
	return fit
}

func (s *session) fits(t *kernels.Type) bool {
	_, err := s.planOf(t)
	return err == nil
}

// planOf is the plan of a cache of one type on both sides.
func (s *session) planOf(t *kernels.Type) (*kv.Plan, error) {
	return kv.NewPlan(s.KVLayers(), kv.Policy{K: kv.Choice{Type: t}, V: kv.Choice{Type: t}})
}

// contextOf starts a context whose cache is of one type on both sides.
func (s *session) contextOf(t *kernels.Type, size int) (*model.Context, error) {
	plan, err := s.planOf(t)
	if err != nil {
		return nil, err
	}
	return s.NewContext(model.Options{Plan: plan, Size: size, Threads: s.flags.threads, Math: s.flags.kind, Placements: s.flags.places, Stop: s.stop})
}
