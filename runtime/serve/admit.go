package serve

import "github.com/kvgen/kvgen/runtime/generate"

// admit gives sequences to the texts that have waited longest, as long as there is room for all
// that they may become. Nobody overtakes: a text that does not fit yet holds up those behind it.
func (s *Scheduler) admit() error {
	for {
		s.mu.Lock()
		var t *Text
		if len(s.queue) > 0 {
			t = s.queue[0]
		}
		s.mu.Unlock()
		if t == nil {
			return nil
		}
		seq, common := s.choose(t.request.Tokens)
		if seq < 0 || !s.makeRoom(t.room, seq) {
			return nil
		}
		if err := s.join(t, seq, common); err != nil {
			return err
		}
		s.mu.Lock()
		s.queue = s.queue[1:]
		s.mu.Unlock()
	}
}

// choose is the idle sequence whose tokens have the longest beginning in common with a prompt, of
// which one token at least is to be run; the one used longest ago where none has any. -1 for none.
func (s *Scheduler) choose(prompt []int32) (seq, common int) {
	seq = -1
	for i := range s.slots {
		x := &s.slots[i]
		if x.text != nil {
			continue
		}
		n := s.c.Cache.Fresh(i, generate.Common(x.cached, prompt[:len(prompt)-1]))
		if seq < 0 || n > common || n == common && x.used < s.slots[seq].used {
			seq, common = i, n
		}
	}
	return seq, common
}

// makeRoom forgets what idle sequences but one keep, those used longest ago first, until so many
// positions are free beside all that running texts may come to. It changes nothing where that is
// not enough.
func (s *Scheduler) makeRoom(positions, but int) bool {
	free := s.c.Cache.Cells - positions
	for i := range s.slots {
		if s.slots[i].text != nil {
			free -= s.slots[i].room
		}
	}
	if free < 0 {
		return false
	}
	for {
		oldest, kept := -1, 0
		for i := range s.slots {
			x := &s.slots[i]
			if x.text != nil || i == but || len(x.cached) == 0 {
				continue
			}
			if kept += len(x.cached); oldest < 0 || x.used < s.slots[oldest].used {
				oldest = i
			}
		}
		if kept <= free {
			return true
		}
		s.forget(oldest)
	}
}

// forget empties an idle sequence.
func (s *Scheduler) forget(seq int) {
	s.c.RemoveSeq(seq)
	s.slots[seq].cached = nil
}

// join gives a sequence to a text, cut back to what they have in common where it can be.
func (s *Scheduler) join(t *Text, seq, common int) error {
	x := &s.slots[seq]
	if len(x.cached) > 0 && (common == 0 || s.c.TruncateSeq(seq, common) != nil) {
		if err := s.c.RemoveSeq(seq); err != nil {
			return err
		}
		common = 0
	}
	x.text, x.room, x.used = t, t.room, s.clock
	x.cached = append(x.cached[:0:0], t.request.Tokens[:common]...)
	x.rest = t.request.Tokens[common:]
	t.reused = common
	return nil
}
