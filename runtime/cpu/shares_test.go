package cpu

import (
	"sync/atomic"
	"testing"
)

// shared counts how often it got each item, and whether all pieces were cut at units.
type shared struct {
	Shares
	seen  []atomic.Int32
	uncut atomic.Int32
	unit  int
}

func (s *shared) Do(int, int) {
	for lo, hi, ok := s.Next(); ok; lo, hi, ok = s.Next() {
		if lo%s.unit != 0 || hi%s.unit != 0 && hi != len(s.seen) {
			s.uncut.Add(1)
		}
		for i := lo; i < hi; i++ {
			s.seen[i].Add(1)
		}
	}
}

func TestSharesHandOutEveryItemOnce(t *testing.T) {
	for _, workers := range []int{1, 2, 5} {
		p := NewPool(workers, nil)
		for _, n := range []int{0, 1, 15, 16, 17, 100, 1000, 4864} {
			s := &shared{seen: make([]atomic.Int32, n), unit: 16}
			for turn := range int32(2) { // again after all were handed out
				s.Reset(n, s.unit, workers)
				if err := p.Run(s); err != nil {
					t.Fatal(err)
				}
				for i := range s.seen {
					if c := s.seen[i].Load(); c != turn+1 {
						t.Fatalf("%d workers, %d items: item %d handed out %d times in %d turns", workers, n, i, c, turn+1)
					}
				}
			}
			if s.uncut.Load() > 0 {
				t.Fatalf("%d workers, %d items: pieces are not cut at multiples of %d", workers, n, s.unit)
			}
		}
		p.Close()
	}
}

// TestSharesShrink has one worker that asks: the first piece is the largest, and the last is a
// unit.
func TestSharesShrink(t *testing.T) {
	var s Shares
	s.Reset(4096, 16, 2)
	var sizes []int
	for lo, hi, ok := s.Next(); ok; lo, hi, ok = s.Next() {
		sizes = append(sizes, hi-lo)
	}
	for i := 1; i < len(sizes); i++ {
		if sizes[i] > sizes[i-1] {
			t.Fatalf("pieces of %v", sizes)
		}
	}
	if sizes[0] != 512 || sizes[len(sizes)-1] != 16 {
		t.Fatalf("pieces of %v", sizes)
	}
}
