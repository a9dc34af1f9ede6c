package bench

import (
	"time"

	"github.com/kvgen/kvgen/runtime/model"
)

// parallel runs a test of several sequences.
func (r *runner) parallel(t Test, o Options) (*Result, error) {
	defer r.c.Clear()
	result := &Result{Test: t, Start: time.Now()}
	batch := make([]model.Token, t.Parallel)
	gen := func(n int) error {
		for range n {
			if err := r.ctx.Err(); err != nil {
				return err
			}
			for s := range batch {
				batch[s] = model.Token{Seq: s, ID: r.any()}
			}
			if err := r.c.EvalBatch(batch, func(int, []float32) error { return nil }); err != nil {
				return err
			}
		}
		return nil
	}
	for i := range o.Repeat + 1 {
		if i == 0 && !o.Warm {
			continue
		}
		if err := r.fill(t); err != nil {
			return nil, err
		}
		n := t.Gen
		if i == 0 {
			n = 1
		}
		start := time.Now()
		if err := gen(n); err != nil {
			return nil, err
		}
		if i > 0 {
			result.Samples = append(result.Samples, time.Since(start))
		}
	}
	return result, nil
}

// fill brings every sequence to the depth.
func (r *runner) fill(t Test) error {
	for s := range t.Parallel {
		if r.c.LenSeq(s) > t.Depth && r.c.TruncateSeq(s, t.Depth) != nil {
			r.c.RemoveSeq(s)
		}
	}
	for s := range t.Parallel {
		if t.Shared && s > 0 {
			if err := r.c.CopySeq(0, s); err != nil {
				return err
			}
		}
		for r.c.LenSeq(s) < t.Depth {
			if err := r.ctx.Err(); err != nil {
				return err
			}
			var some []model.Token
			for range min(t.Depth-r.c.LenSeq(s), r.c.Batch) {
				some = append(some, model.Token{Seq: s, ID: r.any(), NoLogits: true})
			}
			if err := r.c.EvalBatch(some, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// any is a random token.
func (r *runner) any() int32 { return int32(r.rand.IntN(r.c.Model.Vocab)) }
