package lab

import (
	"context"
	"fmt"
	"math"

	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
	"github.com/kvgen/kvgen/runtime/tokenizer"
)

// Why a completion ended.
const (
	StopEnd   = "end of text"
	StopLimit = "limit"
)

// Completion is what greedy decoding made of a prompt.
type Completion struct {
	Tokens []int32 `json:"tokens"` // the one that ends a text included
	Text   string  `json:"text"`
	Stop   string  `json:"stop"`

	margins []float64 // nats from each token to the next likely one
	seconds []int32   // the next likely one
}

// Completer completes prompts with caches of different plans.
type Completer struct {
	Model   *model.Model
	Tokens  *tokenizer.Tokenizer
	Options model.Options // of every context; plan and size are set here
	Predict int           // tokens of a completion at most
}

// Complete runs every prompt from an empty cache of the plan, and calls progress after each.
func (m *Completer) Complete(ctx context.Context, plan *kv.Plan, prompts [][]int32, progress func()) ([]Completion, error) {
	o := m.Options
	o.Plan, o.Size = plan, 0
	for _, p := range prompts {
		if len(p) == 0 {
			return nil, fmt.Errorf("a prompt has no tokens: want at least 1")
		}
		o.Size = max(o.Size, len(p)+m.Predict)
	}
	c, err := m.Model.NewContext(o)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	all := make([]Completion, len(prompts))
	for i, p := range prompts {
		if all[i], err = m.greedy(ctx, c, p); err != nil {
			return nil, err
		}
		progress()
	}
	return all, nil
}

// greedy always takes the most likely token.
func (m *Completer) greedy(ctx context.Context, c *model.Context, prompt []int32) (Completion, error) {
	out := Completion{Stop: StopLimit}
	c.Clear()
	var logits []float32
	for lo := 0; lo < len(prompt); lo += c.Batch {
		if err := ctx.Err(); err != nil {
			return out, err
		}
		var err error
		if logits, err = c.Prefill(prompt[lo:min(lo+c.Batch, len(prompt))]); err != nil {
			return out, err
		}
	}
	for {
		best, second := topTwo(logits)
		out.Tokens = append(out.Tokens, best)
		out.seconds = append(out.seconds, second)
		out.margins = append(out.margins, float64(logits[best]-logits[second]))
		if m.Tokens.IsEOG(best) {
			out.Stop = StopEnd
			break
		}
		if len(out.Tokens) == m.Predict {
			break
		}
		if err := ctx.Err(); err != nil {
			return out, err
		}
		var err error
		if logits, err = c.Decode(best); err != nil {
			return out, err
		}
	}
	out.Text = m.Tokens.Decode(out.words(len(out.Tokens)), false)
	return out, nil
}

// words returns the first n tokens, without the one that ends the text.
func (c *Completion) words(n int) []int32 {
	if c.Stop == StopEnd {
		n = min(n, len(c.Tokens)-1)
	}
	return c.Tokens[:n]
}

// topTwo finds the most likely token, the first of equals, and the next. A NaN is chosen only if
// there is nothing else.
func topTwo(logits []float32) (best, second int32) {
	top, next := float32(math.Inf(-1)), float32(math.Inf(-1))
	for i, l := range logits {
		switch {
		case l > top:
			second, next = best, top
			best, top = int32(i), l
		case l > next:
			second, next = int32(i), l
		}
	}
	return best, second
}
