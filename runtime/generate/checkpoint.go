package generate

import (
	"slices"

	"github.com/kvgen/kvgen/runtime/model"
)

// checkpoint is the sequence that keeps a conversation as it was before the last answer. Templates
// write an answer into the history otherwise than it was generated, without what the model thought
// for one. Then the cache has to go back, which recurrent layers and sliding windows cannot; but
// they can go on from another sequence. It shares the rows of the first.
const checkpoint = 1

// Sequences is how many sequences a context has to have for a Conversation to go back behind an
// answer: two for a model with recurrent layers or sliding windows, else one.
func Sequences(m *model.Model) int {
	for _, l := range m.KVLayers() {
		if l.Window > 0 {
			return checkpoint + 1
		}
	}
	for _, o := range m.Others() {
		if o.State > 0 {
			return checkpoint + 1
		}
	}
	return 1
}

// mark has the next prompt, which is what Reuse left of tokens, pause before what the template
// writes to begin an answer.
func (v *Conversation) mark(tokens []int32) error {
	if v.PauseAfter(0, nil); v.Context.Cache.Sequences <= checkpoint {
		return nil
	}
	history, err := v.Template.Tokens(v.Messages, false)
	if err != nil {
		return err
	}
	v.PauseAfter(Common(history, tokens)-len(v.cached), func() error {
		v.marked, v.markedFresh = slices.Clone(v.cached), v.fresh
		return v.Context.CopySeq(0, checkpoint)
	})
	return nil
}

// back brings the cache to the checkpoint, if tokens begin with what it has, and returns how many
// that are.
func (s *Sequence) back(tokens []int32) (int, error) {
	if n := len(s.marked); n > 0 && n < len(tokens) && Common(s.marked, tokens) == n {
		return n, s.Context.CopySeq(checkpoint, 0)
	}
	s.Context.Clear()
	s.marked, s.markedFresh = nil, allFresh
	return 0, nil
}

// unmark forgets the checkpoint: a shift would have to copy the rows that it shares.
func (s *Sequence) unmark() {
	if s.marked != nil {
		s.Context.RemoveSeq(checkpoint)
		s.marked = nil
	}
}
