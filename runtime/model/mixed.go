package model

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/kvgen/kvgen/runtime/kv"
)

// Token is a token of a batch of several sequences.
type Token struct {
	Seq      int
	ID       int32
	NoLogits bool // nobody wants its logits
}

// mixed is the memory of EvalBatch.
type mixed struct {
	order  []int     // numbers of tokens, those of a sequence together
	ids    []int32   // in that order
	runs   []kv.Run  // of a batch
	starts []int     // [MaxSequences] positions before the call
	wanted []int     // numbers in ids of a tile of tokens with logits
	hidden []float32 // [tile][Width]
	logits []float32 // [tile][Vocab]
}

// EvalBatch runs tokens at the next positions of their sequences, all that fit a batch together, so
// that every weight is read once for all. For every token that wants its logits it calls visit with
// the token's number in tokens and the logits, [Vocab], which are valid until visit returns;
// sequence by sequence, in each in order. An error of visit ends it.
//
// A sequence computes what it would in a context of its own, but for the order of sums: products of
// one token and of several take different kernels, and the rows of others lie between its own.
//
// After an error every sequence is as it was before the call, or empty where a sliding window has
// moved on, a layer is recurrent, or a device failed while rows left the exact ones.
func (c *Context) EvalBatch(tokens []Token, visit func(i int, logits []float32) error) error {
	x := &c.mixed
	if err := c.checkBatch(tokens); err != nil {
		return err
	}
	x.starts = x.starts[:0]
	for seq := range c.Cache.Sequences {
		x.starts = append(x.starts, c.Cache.LenSeq(seq))
	}
	err := c.batchRuns(tokens, visit)
	for seq, start := range x.starts {
		if err != nil && c.Cache.LenSeq(seq) > start {
			if back := c.Cache.TruncateSeq(seq, start); back != nil {
				c.Cache.RemoveSeq(seq)
			}
		}
	}
	return err
}

// checkBatch says which token cannot be run.
func (c *Context) checkBatch(tokens []Token) error {
	var counts [kv.MaxSequences]int
	for i, t := range tokens {
		if t.Seq < 0 || t.Seq >= c.Cache.Sequences {
			return fmt.Errorf("token %d is of sequence %d: the context has %d, numbered from 0", i, t.Seq, c.Cache.Sequences)
		}
		if t.ID < 0 || int(t.ID) >= c.Model.Vocab {
			return fmt.Errorf("token %d is %d: the vocabulary has %d", i, t.ID, c.Model.Vocab)
		}
		counts[t.Seq]++
	}
	for seq, n := range counts[:c.Cache.Sequences] {
		if had := c.Cache.LenSeq(seq); had+n > c.Cache.Size {
			return fmt.Errorf("sequence %d: %d tokens after %d positions do not fit the context of %d", seq, n, had, c.Cache.Size)
		}
	}
	return nil
}

// batchRuns orders the tokens by sequence and runs them in batches.
func (c *Context) batchRuns(tokens []Token, visit func(i int, logits []float32) error) error {
	x := &c.mixed
	x.order, x.ids = x.order[:0], x.ids[:0]
	for i := range tokens {
		x.order = append(x.order, i)
	}
	slices.SortStableFunc(x.order, func(a, b int) int { return cmp.Compare(tokens[a].Seq, tokens[b].Seq) })
	for _, i := range x.order {
		x.ids = append(x.ids, tokens[i].ID)
	}
	for lo, hi := 0, 0; lo < len(tokens); lo = hi {
		hi = lo + c.cut(tokens, lo)
		err := c.forward(x.ids[lo:hi], x.runs)
		if err == nil {
			err = c.visitMixed(tokens, lo, hi, visit)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// cut makes x.runs of the next tokens in order, as many as go through all layers together, and
// returns their number.
func (c *Context) cut(tokens []Token, lo int) int {
	x := &c.mixed
	n := min(c.Batch, len(tokens)-lo)
	c.runsOf(tokens, lo, n)
	for _, layer := range c.Model.read { // as for Context.step
		n = min(n, c.Cache.StepRuns(layer, x.runs))
	}
	return c.runsOf(tokens, lo, n)
}

// runsOf makes x.runs of n tokens.
func (c *Context) runsOf(tokens []Token, lo, n int) int {
	x := &c.mixed
	x.runs = x.runs[:0]
	for _, i := range x.order[lo : lo+n] {
		if k := len(x.runs); k == 0 || x.runs[k-1].Seq != tokens[i].Seq {
			x.runs = append(x.runs, kv.Run{Seq: tokens[i].Seq})
		}
		x.runs[len(x.runs)-1].N++
	}
	return n
}

// visitMixed visits the logits of tokens lo..hi-1 in order, which have been run as a batch.
func (c *Context) visitMixed(tokens []Token, lo, hi int, visit func(i int, logits []float32) error) error {
	x, m := &c.mixed, c.Model
	tile := min(outputTile, c.Batch)
	for at := lo; at < hi; {
		x.wanted = x.wanted[:0]
		for ; at < hi && len(x.wanted) < tile; at++ {
			if !tokens[x.order[at]].NoLogits {
				x.wanted = append(x.wanted, at)
			}
		}
		n := len(x.wanted)
		if n == 0 {
			return nil
		}
		x.logits = grow(x.logits, n*m.Vocab)
		if err := c.logitsOf(x.wanted, lo); err != nil {
			return err
		}
		for j, k := range x.wanted {
			i := x.order[k]
			if err := shown(x.logits[j*m.Vocab:][:m.Vocab], i, visit); err != nil {
				return placed(err, tokens[i].Seq, c.position(tokens, i)-i)
			}
		}
	}
	return nil
}

// position is that of token i.
func (c *Context) position(tokens []Token, i int) int {
	p := c.mixed.starts[tokens[i].Seq]
	for _, t := range tokens[:i] {
		if t.Seq == tokens[i].Seq {
			p++
		}
	}
	return p
}

// logitsOf computes x.logits of tokens, by their numbers in order, of a batch that begins with
// number lo.
func (c *Context) logitsOf(wanted []int, lo int) error {
	x, m, n := &c.mixed, c.Model, len(wanted)
	if wanted[n-1]-wanted[0] == n-1 { // they need not leave the device
		return c.last().Logits(x.logits, wanted[0]-lo, wanted[0]-lo+n)
	}
	x.hidden = grow(x.hidden, n*m.Width)
	for j := 0; j < n; {
		k := j + 1
		for k < n && wanted[k] == wanted[k-1]+1 {
			k++
		}
		if err := c.last().Hidden(x.hidden[j*m.Width:k*m.Width], wanted[j]-lo, wanted[k-1]-lo+1); err != nil {
			return err
		}
		j = k
	}
	return c.last().Project(x.logits, x.hidden, n)
}

// LenSeq is the number of positions of a sequence.
func (c *Context) LenSeq(seq int) int { return c.Cache.LenSeq(seq) }

// CopySeq makes a sequence the same as another and shares the rows of that: a common prompt is run
// once and held once. What it held before is forgotten.
func (c *Context) CopySeq(from, to int) error {
	if err := c.Cache.CopySeq(from, to); err != nil || from == to {
		return err
	}
	for i := range c.stages {
		if err := c.stages[i].rows.CopySeq(from, to); err != nil {
			c.Cache.RemoveSeq(to) // it has the rows, and states of something else
			return err
		}
	}
	return nil
}

// RemoveSeq forgets a sequence.
func (c *Context) RemoveSeq(seq int) error { return c.Cache.RemoveSeq(seq) }

// KeepSeq forgets all sequences but one.
func (c *Context) KeepSeq(seq int) error { return c.Cache.KeepSeq(seq) }

// TruncateSeq forgets the positions of a sequence from n on.
func (c *Context) TruncateSeq(seq, n int) error { return c.Cache.TruncateSeq(seq, n) }
