package model

import (
	"errors"
	"testing"

	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/program"
)

// failing is a device on which a batch fails after the layers with exact rows were told which rows
// leave those.
type failing struct {
	program.StageRows
	cache *kv.Cache
	fail  bool
}

var errFailing = errors.New("out of memory")

func (f *failing) Engine(*Model, program.Span, Options) (program.Engine, error) {
	return &failingEngine{f: f}, nil
}
func (f *failing) Close() error { return nil }

type failingEngine struct {
	program.Engine
	f *failing
}

func (e *failingEngine) Rows(c *kv.Cache) (program.StageRows, error) {
	e.f.cache = c
	return e.f, nil
}

func (e *failingEngine) Forward(_ program.StageRows, b *program.Batch) error {
	for i := range e.f.cache.Plan.Layers {
		if r := e.f.cache.Rows(i); r.Exact() {
			for n := 0; n < len(b.Tokens); {
				n += r.Next()
			}
		}
	}
	if e.f.fail {
		return errFailing
	}
	return nil
}

func (e *failingEngine) Close() error { return nil }

// TestDeviceFails fails half way. Rows that leave the exact ones may then be nowhere, so that their
// sequences are forgotten; without such rows, and of sequences that the batch has nothing of,
// everything is as it was.
func TestDeviceFails(t *testing.T) {
	c := readCase(t, "llama_hd64")
	for _, last := range []int{0, 9} {
		plan, err := kv.NewPlan(c.model.KVLayers(), kv.Policy{K: choice("q8_0"), V: choice("q8_0"), Ends: kv.Ends{Last: last}})
		if err != nil {
			t.Fatal(err)
		}
		f := &failing{}
		x, err := c.model.NewContext(Options{Plan: plan, Size: 256, Batch: 16, Threads: 1, Placements: []Placement{{Device: f}}, Sequences: 3, Cells: 600})
		if err != nil {
			t.Fatal(err)
		}
		defer x.Close()
		var all []Token
		for i := range 60 {
			all = append(all, Token{Seq: i % 3, ID: c.Tokens[i], NoLogits: true})
		}
		if err := x.EvalBatch(all, nil); err != nil {
			t.Fatal(err)
		}
		left := 20
		if last > 0 {
			left = 0
		}
		f.fail = true
		if err := x.EvalBatch(all[:2], nil); !errors.Is(err, errFailing) {
			t.Error(err)
		}
		if a, b, d := x.LenSeq(0), x.LenSeq(1), x.LenSeq(2); a != left || b != left || d != 20 {
			t.Errorf("last %d: sequences of %d, %d and %d positions are left, not %d, %d and 20", last, a, b, d, left, left)
		}
	}
}
