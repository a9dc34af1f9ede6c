package serve

import (
	"fmt"
	"slices"
	"sync"

	"github.com/kvgen/kvgen/runtime/kv"
)

const (
	worthSaving  = 64       // tokens that are kept on disk, at least
	worthLoading = 64       // tokens that a file must have beyond those that a sequence has
	copyBeside   = 32 << 20 // bytes of rows that are copied between two steps of texts that run
)

// disk is what a scheduler does with its Store.
type disk struct {
	*Store
	saving  chan struct{} // closed when a file has been written; nil while none is
	loading *Text         // whose file is read; nil for none
	work    sync.WaitGroup
}

// loaded is the rows of a file for a text.
type loaded struct {
	rows *kv.Cache
	n    int
}

// saveNext begins to write what a sequence keeps and no file has, one at a time. Those with many
// rows wait until no text runs.
func (s *Scheduler) saveNext() {
	if s.disk.Store == nil || s.disk.saving != nil && !isClosed(s.disk.saving) {
		return
	}
	seq := s.unsaved(s.running() > 0)
	if seq < 0 {
		return
	}
	x := &s.slots[seq]
	x.saved = true
	rows, err := s.c.Extract(seq)
	if err != nil {
		s.disk.o.Note(fmt.Sprintf("%d tokens are not kept on disk: %v", len(x.cached), err))
		return
	}
	tokens, done := slices.Clone(x.cached), make(chan struct{})
	s.disk.saving = done
	s.disk.work.Go(func() {
		defer s.rouse()
		defer close(done)
		if err := s.disk.save(tokens, rows); err != nil {
			s.disk.o.Note(fmt.Sprintf("%d tokens are not kept on disk: %v", len(tokens), err))
			return
		}
		s.mu.Lock()
		s.stats.Saved++
		s.mu.Unlock()
	})
}

func isClosed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// unsaved is the kept sequence used last whose tokens no file has; -1 for none. small leaves those
// out whose rows are more than is copied beside others.
func (s *Scheduler) unsaved(small bool) int {
	seq := -1
	for i := range s.slots {
		x := &s.slots[i]
		n := len(x.cached)
		if x.text != nil || x.saved || n < worthSaving || small && n*s.c.Cache.Plan.BytesPerToken() > copyBeside {
			continue
		}
		if s.c.Cache.Fresh(i, n) != n || s.disk.covers(x.cached) {
			x.saved = true
		} else if seq < 0 || x.used > s.slots[seq].used {
			seq = i
		}
	}
	return seq
}

// saveAll writes all that is kept.
func (s *Scheduler) saveAll() {
	defer s.disk.work.Wait()
	for s.disk.Store != nil {
		if s.disk.saving != nil {
			<-s.disk.saving
		}
		if s.unsaved(false) < 0 {
			return
		}
		s.saveNext()
	}
}

// load begins to read a file for a text, where one has much more of its prompt than any sequence.
// It says whether that has begun, and whether the text has to wait for another's.
func (s *Scheduler) load(t *Text) (begun, wait bool) {
	if s.disk.Store == nil || t.asked {
		return false, false
	}
	_, n := s.longest(t.request.Tokens)
	x, m := s.disk.longest(t.request.Tokens)
	if m < n+worthLoading {
		return false, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.disk.loading != nil {
		return false, true
	}
	t.asked, s.disk.loading = true, t
	s.disk.work.Go(func() {
		defer s.rouse()
		rows, n, err := s.disk.load(x, t.request.Tokens)
		if err != nil {
			s.disk.o.Note(fmt.Sprintf("%s is not used: %v", x.path, err))
			s.disk.drop(x)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.disk.loading = nil; n > 0 {
			t.loaded = &loaded{rows, n}
		}
	})
	return true, false
}

// insert has the sequence of a text begin with the rows of its file.
func (s *Scheduler) insert(seq int) error {
	x := &s.slots[seq]
	t := x.text
	l := t.loaded
	t.loaded = nil
	if err := s.c.Insert(l.rows, seq); err != nil {
		return err
	}
	tokens := t.request.Tokens
	x.cached, x.rest, t.reused, x.saved = slices.Clone(tokens[:l.n]), tokens[l.n:], l.n, false
	s.mu.Lock()
	s.stats.Loaded++
	s.mu.Unlock()
	return nil
}
