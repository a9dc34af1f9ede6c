package generate

import (
	"context"
	"time"

	"github.com/kvgen/kvgen/runtime/model"
)

// Parallel is one of several continuations of a prompt.
type Parallel struct {
	Seed   uint64
	Text   string
	Tokens []int32
	Stop   Stop
}

// Cells is the rows that a context has to have together for n continuations of a prompt that they
// share, of size positions each; limit is Options.Limit.
func Cells(prompt, n, limit, size int) int {
	own := max(0, size-prompt)
	if limit >= 0 {
		own = min(own, limit)
	}
	return max(1, prompt+n*own)
}

// Parallel runs tokens after what is cached and continues them n times, a token of each in one
// batch. The context has n sequences at least. Seeds count up from that of the options. The first
// is what Generate gives but for the order of sums. Nothing is dropped when the context is full.
func (s *Sequence) Parallel(ctx context.Context, tokens []int32, n int) (all []Parallel, r Result, err error) {
	start := time.Now()
	defer s.until(ctx)()
	defer s.resync()
	all = make([]Parallel, n)
	grow := make([]*Continuation, n)
	for i := range all {
		o := s.Options
		o.Sampling.Seed += uint64(i)
		all[i].Seed, grow[i] = o.Sampling.Seed, NewContinuation(s.Tokenizer, o)
	}
	defer func() {
		r.Total = time.Since(start)
		if err != nil && interrupted(ctx, err) {
			err = nil
		}
		for i, c := range grow {
			if c.Stop == "" {
				c.Stop = StopInterrupted
			}
			all[i].Text += c.End(c.Stop)
			all[i].Tokens, all[i].Stop = append([]int32{}, c.Tokens...), c.Stop
			r.After += max(0, len(c.Tokens)-1)
		}
		r.Tokens, r.Stop = all[0].Tokens, all[0].Stop
	}()
	before := append([]int32(nil), s.cached...)
	logits, err := s.prompt(ctx, tokens)
	if err != nil {
		return all, r, err
	}
	draw := func(i int, logits []float32) {
		c := grow[i]
		if c.Full() {
			c.Stop = StopLimit
			return
		}
		if all[i].Text += c.Next(logits); c.Stop == "" && s.Context.LenSeq(i) == s.Context.Cache.Size {
			c.Stop = StopFull
		}
	}
	for i, c := range grow {
		c.Accept(before...)
		c.Accept(tokens...)
		if err := s.Context.CopySeq(0, i); err != nil {
			return all, r, err
		}
		draw(i, logits)
	}
	r.Prompt = time.Since(start)
	for {
		var batch []model.Token
		for i, c := range grow {
			if c.Stop == "" {
				batch = append(batch, model.Token{Seq: i, ID: c.Last()})
			}
		}
		if len(batch) == 0 {
			return all, r, nil
		}
		if err := ctx.Err(); err != nil {
			return all, r, err
		}
		err := s.Context.EvalBatch(batch, func(k int, l []float32) error {
			i := batch[k].Seq
			if i == 0 {
				s.cached = append(s.cached, batch[k].ID)
			}
			draw(i, l)
			return nil
		})
		if err != nil {
			return all, r, err
		}
	}
}
