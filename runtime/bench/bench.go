// Package bench measures how fast a context runs: tokens of a prompt, and tokens generated one at a
// time, both at a depth of tokens that are already in the cache. Tests and statistics follow
// llama-bench (llama.cpp, tools/llama-bench).
package bench

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/kvgen/kvgen/runtime/model"
)

// Test is what is measured: Prompt tokens at once, then Gen tokens one by one, after Depth tokens
// that are not timed. With Parallel above 1 as many sequences generate at the same time, a token of
// each in one batch, as llama-batched-bench has it.
type Test struct {
	Prompt, Gen, Depth int
	Parallel           int  // 0 for 1; of tests without a prompt
	Shared             bool // the sequences have the tokens of Depth in common
}

// Size is the number of positions the test needs, of a sequence.
func (t Test) Size() int { return t.Prompt + t.Gen + t.Depth }

// Sequences is the number of sequences.
func (t Test) Sequences() int { return max(1, t.Parallel) }

// Cells is the number of rows the test needs.
func (t Test) Cells() int {
	if t.Shared {
		return t.Depth + t.Sequences()*(t.Prompt+t.Gen)
	}
	return t.Sequences() * t.Size()
}

// String is llama-bench's name: pp512, tg128, pp512+tg128, tg128 @ d2048; and of 8 sequences tg128
// x8.
func (t Test) String() string {
	s := ""
	if t.Prompt > 0 {
		s = fmt.Sprintf("pp%d", t.Prompt)
	}
	if t.Prompt > 0 && t.Gen > 0 {
		s += "+"
	}
	if t.Gen > 0 {
		s += fmt.Sprintf("tg%d", t.Gen)
	}
	if t.Parallel > 1 {
		s += fmt.Sprintf(" x%d", t.Parallel)
	}
	if t.Depth > 0 {
		s += fmt.Sprintf(" @ d%d", t.Depth)
	}
	if t.Depth > 0 && t.Shared {
		s += " shared"
	}
	return s
}

// Result is the repetitions of a test.
type Result struct {
	Test
	Start   time.Time
	Samples []time.Duration // one per repetition
}

// Options say how a test is run.
type Options struct {
	Repeat int   // repetitions
	Warm   bool  // run once before the first
	BOS    int32 // token that a text begins with, negative for a random one
}

// Run runs a test in c, whose cache must hold Size positions of Sequences in Cells, and leaves the
// cache empty. Tokens are random: what is computed does not depend on them. ctx ends it between
// batches and tokens.
func Run(ctx context.Context, c *model.Context, t Test, o Options) (*Result, error) {
	if t.Prompt < 0 || t.Gen < 0 || t.Depth < 0 || t.Prompt+t.Gen == 0 {
		return nil, fmt.Errorf("a test of %d prompt and %d generated tokens at depth %d measures nothing", t.Prompt, t.Gen, t.Depth)
	}
	if t.Parallel > 1 && t.Prompt > 0 {
		return nil, fmt.Errorf("a test of %d sequences with a prompt of %d tokens: prompts are measured one at a time", t.Parallel, t.Prompt)
	}
	r := &runner{ctx: ctx, c: c, bos: o.BOS, rand: random()}
	if t.Parallel > 1 {
		return r.parallel(t, o)
	}
	defer c.Clear()
	if o.Warm {
		c.Clear()
		if err := r.both(t.Prompt, min(1, t.Gen)); err != nil {
			return nil, err
		}
	}
	c.Clear()
	result := &Result{Test: t, Start: time.Now()}
	for range o.Repeat {
		if err := r.seek(t.Depth); err != nil {
			return nil, err
		}
		start := time.Now()
		if err := r.both(t.Prompt, t.Gen); err != nil {
			return nil, err
		}
		result.Samples = append(result.Samples, time.Since(start))
	}
	return result, nil
}

// runner runs random tokens.
type runner struct {
	ctx  context.Context
	c    *model.Context
	bos  int32
	rand *rand.Rand
	ids  []int32
}

// seek brings the cache to a depth: it drops what is beyond, or fills from the start.
func (r *runner) seek(depth int) error {
	if r.c.Len() > depth && depth > 0 && r.c.Truncate(depth) == nil {
		return nil
	}
	if r.c.Len() != depth {
		r.c.Clear()
	}
	return r.prompt(depth - r.c.Len())
}

func (r *runner) both(prompt, gen int) error {
	if err := r.prompt(prompt); err != nil {
		return err
	}
	for range gen {
		if err := r.ctx.Err(); err != nil {
			return err
		}
		if _, err := r.c.Decode(r.token()); err != nil {
			return err
		}
	}
	return nil
}

// prompt runs n tokens in batches; only the last token's logits are computed, as for a real prompt.
func (r *runner) prompt(n int) error {
	for n > 0 {
		if err := r.ctx.Err(); err != nil {
			return err
		}
		r.ids = r.ids[:0]
		for range min(n, r.c.Batch) {
			r.ids = append(r.ids, r.token())
		}
		n -= len(r.ids)
		from := len(r.ids)
		if n == 0 {
			from--
		}
		if err := r.c.Eval(r.ids, from, func(int, []float32) error { return nil }); err != nil {
			return err
		}
	}
	return nil
}

func (r *runner) token() int32 {
	if r.c.Len() == 0 && len(r.ids) == 0 && r.bos >= 0 {
		return r.bos
	}
	return int32(r.rand.IntN(r.c.Model.Vocab))
}

// Mean is the mean duration of a repetition and its standard deviation, in nanoseconds.
func (r *Result) Mean() (mean, deviation float64) {
	return moments(r.Samples, func(d time.Duration) float64 { return float64(d) })
}

// Speed is the mean number of tokens per second, of all sequences together, and its standard
// deviation.
func (r *Result) Speed() (mean, deviation float64) { return moments(r.Samples, r.speed) }

// Speeds is the tokens per second of every repetition.
func (r *Result) Speeds() []float64 {
	all := make([]float64, len(r.Samples))
	for i, d := range r.Samples {
		all[i] = r.speed(d)
	}
	return all
}

func (r *Result) speed(d time.Duration) float64 {
	return float64(r.Sequences()*(r.Prompt+r.Gen)) / max(d, 1).Seconds()
}

// moments is the mean and the standard deviation of a sample, 0 for a single value.
func moments(samples []time.Duration, f func(time.Duration) float64) (mean, deviation float64) {
	for _, d := range samples {
		mean += f(d) / float64(len(samples))
	}
	for _, d := range samples {
		deviation += (f(d) - mean) * (f(d) - mean)
	}
	if len(samples) < 2 {
		return mean, 0
	}
	return mean, math.Sqrt(deviation / float64(len(samples)-1))
}

// random is the same sequence of tokens for every run.
func random() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }
