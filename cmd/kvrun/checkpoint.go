package main

import (
	"slices"

	"github.com/kvgen/kvgen/runtime/tokenizer"
)

// checkpoint is the sequence that keeps a conversation as it was before the last answer. Templates write an answer into the
// history otherwise than it was generated, without what the model thought for one. Then the cache has to go back, which
// recurrent layers and sliding windows cannot; but they can go on from another sequence. It shares the rows of the first.
const checkpoint = 1

// checkpoints asks for a second sequence where a model may not be able to go back.
func (s *session) checkpoints() func(*tokenizer.Tokenizer) (sequences, cells int) {
	needed := false
	for _, l := range s.KVLayers() {
		needed = needed || l.Window > 0
	}
	for _, o := range s.Others() {
		needed = needed || o.State > 0
	}
	if !needed {
		return nil
	}
	return func(*tokenizer.Tokenizer) (int, int) { return checkpoint + 1, 0 }
}

// mark has the next prompt, which is what reuse left of tokens, pause before what the template writes to begin an answer.
func (v *conversation) mark(tokens []int32) error {
	if v.paused = nil; v.c.Cache.Sequences <= checkpoint {
		return nil
	}
	history, err := v.template.Tokens(v.messages, false)
	if err != nil {
		return err
	}
	v.pause = common(history, tokens) - len(v.cached)
	v.paused = func() error {
		v.marked, v.markedFresh = slices.Clone(v.cached), v.fresh
		return v.c.CopySeq(0, checkpoint)
	}
	return nil
}

// back brings the cache to the checkpoint, if tokens begin with what it has, and returns how many that are.
func (g *generation) back(tokens []int32) (int, error) {
	if n := len(g.marked); n > 0 && n < len(tokens) && common(g.marked, tokens) == n {
		return n, g.c.CopySeq(checkpoint, 0)
	}
	g.c.Clear()
	g.marked, g.markedFresh = nil, allFresh
	return 0, nil
}

// unmark forgets the checkpoint: a shift would have to copy the rows that it shares.
func (g *generation) unmark() {
	if g.marked != nil {
		g.c.RemoveSeq(checkpoint)
		g.marked = nil
	}
}

// common is the number of tokens that both begin with.
func common(a, b []int32) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}
