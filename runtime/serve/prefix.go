package serve

import (
	"fmt"
	"slices"

	"github.com/kvgen/kvgen/runtime/generate"
)

// worthWaiting is how many tokens another prompt must be going to have more in common for a text to
// wait for them. A copy is left for fewer either.
const worthWaiting = 16

// longest is the sequence that has the longest beginning in common with a prompt, of which one
// token at least is to be run; -1 and 0 for none. Of equal ones it is the one used last.
func (s *Scheduler) longest(prompt []int32) (from, n int) {
	from = -1
	for seq := range s.slots {
		x := &s.slots[seq]
		common := s.usable(seq, generate.Common(x.cached, prompt[:len(prompt)-1]))
		if common > n || common > 0 && common == n && x.used > s.slots[from].used {
			from, n = seq, common
		}
	}
	if from >= 0 {
		s.slots[from].used = s.clock
	}
	return from, n
}

// usable is how many of the first n positions of a sequence are what a run from the start has.
func (s *Scheduler) usable(seq, n int) int {
	n = s.c.Cache.Fresh(seq, n)
	if s.c.Cache.CanTruncateSeq(seq, n) != nil {
		return 0
	}
	return n
}

// copy has the sequence of a text begin with n tokens of another, whose rows they share.
func (s *Scheduler) copy(seq, from, n int) error {
	if err := s.c.CopySeq(from, seq); err != nil {
		return err
	}
	if err := s.c.TruncateSeq(seq, n); err != nil {
		return fmt.Errorf("sharing %d tokens of sequence %d: %w", n, from, err)
	}
	x := &s.slots[seq]
	tokens := x.text.request.Tokens
	x.cached, x.rest = slices.Clone(tokens[:n]), tokens[n:]
	return nil
}

// lead has a text wait for another that is going to have more of its prompt. Those who wait
// themselves are not waited for.
func (s *Scheduler) lead(seq int) {
	x := &s.slots[seq]
	prompt := x.text.request.Tokens
	x.leader, x.until = nil, len(x.cached)+worthWaiting-1
	for other := range s.slots {
		o := &s.slots[other]
		if other == seq || o.text == nil {
			continue
		}
		n := generate.Common(o.text.request.Tokens, prompt[:len(prompt)-1])
		if n > x.until && o.prompting() && o.leader == nil && n > len(o.cached) {
			x.leader, x.source, x.until = o.text, other, n
		}
	}
	if s.rigid {
		s.setMarks(seq)
	}
}

// setMarks says where copies are to be left of a sequence that cannot be cut: before the last token
// of the prompt, where it parts from what others have or had, and where the one that it waits for
// parts from it.
func (s *Scheduler) setMarks(seq int) {
	x := &s.slots[seq]
	prompt := x.text.request.Tokens
	x.marks = x.marks[:0]
	if last := len(prompt) - 1; last > len(x.cached) {
		x.marks = append(x.marks, last)
	}
	for other := range s.slots {
		if other == seq {
			continue
		}
		if n := generate.Common(s.slots[other].cached, prompt[:len(prompt)-1]); n >= worthWaiting && n > len(x.cached) {
			x.marks = append(x.marks, n)
		}
	}
	if x.leader != nil {
		source := &s.slots[x.source]
		source.marks = append(source.marks, x.until)
	}
}

// mark leaves copies of sequences that have come to a mark.
func (s *Scheduler) mark() {
	for seq := range s.slots {
		x := &s.slots[seq]
		n := len(x.cached)
		if x.text == nil || !slices.Contains(x.marks, n) {
			continue
		}
		x.marks = slices.DeleteFunc(x.marks, func(m int) bool { return m == n })
		if s.has(x.cached) {
			continue
		}
		if to := s.spare(-1); to >= 0 && s.c.CopySeq(seq, to) == nil {
			s.slots[to] = slot{cached: slices.Clone(x.cached), used: s.clock}
		}
	}
}

// has says whether a kept sequence is of these tokens.
func (s *Scheduler) has(tokens []int32) bool {
	return slices.ContainsFunc(s.slots, func(x slot) bool { return x.text == nil && slices.Equal(x.cached, tokens) })
}

// follow lets the texts go on whose leader has what they wait for, or has left.
func (s *Scheduler) follow() error {
	for seq := range s.slots {
		x := &s.slots[seq]
		if x.leader == nil {
			continue
		}
		if o := &s.slots[x.source]; o.text == x.leader && o.prompting() && len(o.cached) < x.until {
			continue
		}
		had := len(x.cached)
		if from, n := s.longest(x.text.request.Tokens); n > had && from != seq {
			if err := s.copy(seq, from, n); err != nil {
				return err
			}
			x.text.reused += n - had
			s.mu.Lock()
			s.stats.CachedTokens += uint64(n - had)
			s.mu.Unlock()
		}
		s.lead(seq)
	}
	return nil
}

// forget empties a sequence.
func (s *Scheduler) forget(seq int) {
	x := &s.slots[seq]
	if len(x.cached) > 0 {
		s.mu.Lock()
		s.stats.Forgotten++
		s.mu.Unlock()
	}
	s.c.RemoveSeq(seq)
	x.cached = nil
}

// cutTo cuts a kept sequence.
func (s *Scheduler) cutTo(seq, n int) {
	x := &s.slots[seq]
	if s.c.TruncateSeq(seq, n) != nil {
		s.c.RemoveSeq(seq)
		n = 0
	}
	x.cached = x.cached[:n]
}

// tidy forgets what need not be kept: a sequence that begins another, and what is beyond the
// budget.
func (s *Scheduler) tidy(left int) {
	for seq := range s.slots {
		if seq == left || s.rigid {
			continue
		}
		switch a, b := s.slots[left].cached, s.slots[seq].cached; {
		case len(a) == 0 || s.slots[left].text != nil:
		case len(a) <= len(b) && generate.Common(a, b) == len(a):
			s.forget(left)
		case s.slots[seq].text == nil && len(b) > 0 && generate.Common(a, b) == len(b):
			s.forget(seq)
		}
	}
	for budget := s.budget(); s.keptCells() > budget; {
		s.forget(s.oldest(-1))
	}
	s.countKept()
}

// countKept brings the number of cells up to date that only kept sequences hold.
func (s *Scheduler) countKept() {
	kept := s.keptCells()
	s.mu.Lock()
	s.stats.KeptCells = kept
	s.mu.Unlock()
}

// keptCells is the cells that only kept sequences hold.
func (s *Scheduler) keptCells() int {
	return s.c.Cache.InUse() - s.c.Cache.InUseBy(s.needed(-1))
}

// budget is the cells that kept sequences may take.
func (s *Scheduler) budget() int {
	if s.o.KeepBytes <= 0 {
		return s.c.Cache.Cells
	}
	return int(min(int64(s.c.Cache.Cells), s.o.KeepBytes/int64(max(1, s.c.Cache.Plan.BytesPerToken()))))
}
