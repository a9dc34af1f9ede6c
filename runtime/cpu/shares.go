package cpu

import "sync/atomic"

// Shares hands n items to the workers of a task piece by piece, to whoever asks next. Work that
// Split cuts in equal parts ends when the slowest core does, and on a machine that does other
// things as well that core may lose a third of its time. Pieces are large at first, so that a
// worker reads long runs of memory, and small at the end, where they decide how long the others
// wait. Like those of Split they are cut at multiples of the unit.
type Shares struct {
	next    atomic.Int64
	n, unit int64
	split   int64
}

// pieces is how many pieces a worker would get of what is left, were they equal.
const pieces = 4

// Reset makes n items wait for the given number of workers. It is called before the task is run.
func (s *Shares) Reset(n, unit, workers int) {
	s.n, s.unit, s.split = int64(n), int64(unit), int64(unit*workers*pieces)
	s.next.Store(0)
}

// Next is the next piece [lo, hi); ok is false when none is left.
func (s *Shares) Next() (lo, hi int, ok bool) {
	for {
		at := s.next.Load()
		if at >= s.n {
			return 0, 0, false
		}
		size := max(1, (s.n-at)/s.split) * s.unit
		if s.next.CompareAndSwap(at, at+size) {
			return int(at), int(min(at+size, s.n)), true
		}
	}
}
