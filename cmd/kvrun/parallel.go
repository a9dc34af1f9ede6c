package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/kvgen/kvgen/runtime/model"
	"github.com/kvgen/kvgen/runtime/sample"
	"github.com/kvgen/kvgen/runtime/tokenizer"
)

// continuation is one of several of a prompt.
type continuation struct {
	Seed   uint64  `json:"seed"`
	Text   string  `json:"text"`
	Tokens []int32 `json:"tokens"`
	Stop   string  `json:"stop"`

	sampler *sample.Sampler
	stream  *tokenizer.Stream
	next    int32 // drawn and not run yet
}

// cellsOf is the cells for n continuations of a prompt that they share.
func cellsOf(prompt, n, predict, size int) int {
	own := max(0, size-prompt)
	if predict >= 0 {
		own = min(own, predict)
	}
	return max(1, prompt+n*own)
}

// parallel runs tokens after what is cached and continues them n times, a token of each in one batch. The seeds count up
// from that of the flags. The result of the first is that of more but for the order of sums.
func (g *generation) parallel(ctx context.Context, tokens []int32, n int) (all []continuation, p produced, err error) {
	start := time.Now()
	all = make([]continuation, n)
	defer func() {
		p.total = time.Since(start)
		if errors.Is(err, context.Canceled) {
			err = nil
		}
		for i := range all {
			c := &all[i]
			if c.Stop == "" {
				c.Stop = stopInterrupted
			}
			if c.stream != nil {
				c.Text += c.stream.Flush()
			}
			p.after += max(0, len(c.Tokens)-1)
		}
		p.ids, p.stop = all[0].Tokens, all[0].Stop
	}()
	before := append([]int32(nil), g.cached...)
	logits, err := g.prompt(ctx, tokens)
	if err != nil {
		return all, p, err
	}
	for i := range all {
		o := g.flags.Options
		o.Seed += uint64(i)
		all[i] = continuation{Seed: o.Seed, Tokens: []int32{}, sampler: sample.New(o), stream: g.t.NewStream(false)}
		for _, id := range append(before[:len(before):len(before)], tokens...) {
			all[i].sampler.Accept(id)
		}
		if err := g.c.CopySeq(0, i); err != nil {
			return all, p, err
		}
		if err := g.draw(&all[i], i, logits); err != nil {
			return all, p, err
		}
	}
	p.prompt = time.Since(start)
	for {
		var batch []model.Token
		for i := range all {
			if all[i].Stop == "" {
				batch = append(batch, model.Token{Seq: i, ID: all[i].next})
			}
		}
		if len(batch) == 0 {
			return all, p, nil
		}
		if err := ctx.Err(); err != nil {
			return all, p, err
		}
		err := g.c.EvalBatch(batch, func(k int, l []float32) error {
			i := batch[k].Seq
			if i == 0 {
				g.cached = append(g.cached, batch[k].ID)
			}
			return g.draw(&all[i], i, l)
		})
		if err != nil {
			return all, p, err
		}
	}
}

// draw takes the next token of a continuation from logits, or ends it.
func (g *generation) draw(c *continuation, seq int, logits []float32) error {
	if len(c.Tokens) == g.flags.predict {
		c.Stop = stopLimit
		return nil
	}
	id := c.sampler.Draw(logits)
	if g.t.IsEOG(id) && !g.flags.ignore {
		c.Stop = stopEnd
		return nil
	}
	c.sampler.Accept(id)
	c.Tokens, c.next = append(c.Tokens, id), id
	c.Text += c.stream.Next(id)
	switch {
	case len(c.Tokens) == g.flags.predict:
		c.Stop = stopLimit
	case g.c.LenSeq(seq) == g.c.Cache.Size:
		c.Stop = stopFull
	}
	return nil
}

// printParallel prints the continuations one after another.
func printParallel(w io.Writer, all []continuation) {
	for i, c := range all {
		fmt.Fprintf(w, "\n--- %d of %d, seed %d: %s ---\n%s\n", i+1, len(all), c.Seed, c.Stop, c.Text)
	}
}
