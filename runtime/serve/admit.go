package serve

import (
	"slices"
	"time"

	"github.com/kvgen/kvgen/runtime/kv"
)

// admit gives sequences to texts, as long as there is room for all that they may become. The client
// that was served least is next, with the text that has waited longest. Nobody overtakes: a text
// that does not fit yet holds up those behind it.
func (s *Scheduler) admit() error {
	for s.running() < s.o.Parallel {
		t := s.first()
		if t == nil {
			return nil
		}
		if begun, wait := s.load(t); wait {
			return nil
		} else if begun {
			continue
		}
		seq, from, n := s.place(t)
		if seq < 0 {
			return nil
		}
		if err := s.join(t, seq, from, n); err != nil {
			return err
		}
		s.mu.Lock()
		s.queue = slices.DeleteFunc(s.queue, func(x *Text) bool { return x == t })
		t.account.waiting--
		t.account.running++
		s.stats.CachedTokens += uint64(t.reused)
		s.mu.Unlock()
	}
	return nil
}

// running counts the texts that have a sequence.
func (s *Scheduler) running() (n int) {
	for i := range s.slots {
		if s.slots[i].text != nil {
			n++
		}
	}
	return n
}

// first is the text that is next; nil for none. One whose file is read is not.
func (s *Scheduler) first() *Text {
	s.mu.Lock()
	defer s.mu.Unlock()
	var next *Text
	for _, t := range s.queue {
		if t != s.disk.loading && (next == nil || t.account.served < next.account.served) {
			next = t
		}
	}
	return next
}

// place finds a sequence for a text, and makes room for it: n tokens of sequence from are the
// text's too. seq is -1 where there is no room yet; nothing is forgotten then.
func (s *Scheduler) place(t *Text) (seq, from, n int) {
	if from, n = s.longest(t.request.Tokens); t.loaded != nil && n < t.loaded.n {
		return s.makeRoom(t, -1, 0), -1, 0
	}
	t.loaded = nil
	if seq = s.makeRoom(t, from, n); seq < 0 && n > 0 { // what is shared may be what is in the way
		from, n = -1, 0
		seq = s.makeRoom(t, from, n)
	}
	return seq, from, n
}

// makeRoom forgets what is kept, used longest ago first, until there are a sequence and cells for a
// text of which n tokens are those of sequence from. It returns the sequence. It is -1, and nothing
// is forgotten, where that is not enough.
func (s *Scheduler) makeRoom(t *Text, from, n int) int {
	seq := s.spareFor(from, n)
	if seq < 0 {
		return -1
	}
	free := s.c.Cache.Cells - s.reserved() - (t.room - n)
	taken := seq == from
	stay := 0 // cells that cannot be given up
	if taken {
		stay = n + s.c.Cache.InUseBy(s.needed(-1))
	} else {
		stay = s.c.Cache.InUseBy(s.needed(from))
	}
	if stay > free {
		return -1
	}
	if taken {
		s.cutTo(seq, n)
	} else {
		s.forget(seq)
	}
	for s.c.Cache.InUse() > free {
		s.forget(s.oldest(from))
	}
	return seq
}

// spareFor is the sequence that a text may have: an empty one, the one that it continues where
// nothing of it would be lost, the kept one that was used longest ago, at last the one that it
// shares a beginning with.
func (s *Scheduler) spareFor(from, n int) int {
	ends := from >= 0 && s.slots[from].text == nil && n == len(s.slots[from].cached)
	if ends && !s.rigid {
		return from
	}
	seq := s.spare(from)
	if seq < 0 && from >= 0 && s.slots[from].text == nil {
		return from
	}
	return seq
}

// spare is a sequence that no text has, but not one of them: an empty one, or the one used longest
// ago; -1 for none.
func (s *Scheduler) spare(but int) int {
	for seq := range s.slots {
		if x := &s.slots[seq]; x.text == nil && len(x.cached) == 0 && seq != but {
			return seq
		}
	}
	return s.oldest(but)
}

// oldest is the kept sequence that was used longest ago, but not one of them; -1 for none.
func (s *Scheduler) oldest(but int) int {
	old := -1
	for seq := range s.slots {
		x := &s.slots[seq]
		if x.text == nil && len(x.cached) > 0 && seq != but && (old < 0 || x.used < s.slots[old].used) {
			old = seq
		}
	}
	return old
}

// reserved is the cells that running texts may still ask for.
func (s *Scheduler) reserved() (n int) {
	for i := range s.slots {
		if x := &s.slots[i]; x.text != nil {
			n += max(0, x.room-len(x.cached))
		}
	}
	return n
}

// needed is the sequences that cannot be forgotten now: those of texts, and one more.
func (s *Scheduler) needed(more int) (set kv.Set) {
	for seq := range s.slots {
		if s.slots[seq].text != nil || seq == more {
			set |= kv.Of(seq)
		}
	}
	return set
}

// join gives a sequence to a text, with n tokens of another or of what the sequence has kept.
func (s *Scheduler) join(t *Text, seq, from, n int) error {
	x := &s.slots[seq]
	x.text, x.room, x.joined, t.begun = t, t.room, s.clock, time.Now()
	x.cached, x.rest, x.saved = nil, t.request.Tokens, false
	t.reused = n
	if t.loaded != nil {
		if err := s.insert(seq); err != nil {
			return err
		}
	} else if n > 0 {
		if err := s.copy(seq, from, n); err != nil {
			return err
		}
	}
	s.countKept()
	s.lead(seq)
	return nil
}
