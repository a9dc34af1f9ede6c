package cpu

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// Task is a piece of work for all threads of a pool. Do is called once per worker, at the same
// time, with its number below workers; it takes its share of the work by Split. A task is a pointer
// to a struct that lives as long as its owner, so that starting it allocates nothing.
type Task interface {
	Do(worker, workers int)
}

// How often a waiting goroutine looks before it parks. A token of a small model is hundreds of
// tasks a few microseconds apart: parking between them, and waking, costs more than the work. It
// looks some microseconds without pause, then the better part of a millisecond offering the core to
// other threads each time, which is nothing where none waits, and on a busy machine lets the worker
// that is waited for run. Longer pauses should not burn a core. Where there are more workers than
// Go runs at once, or than there are cores, one that looks keeps the one it waits for from running:
// those park at once.
const (
	spins  = 4000
	yields = 5000
)

// Pool is a fixed number of goroutines that run one task at a time. Run may not be called from two
// goroutines at once or from inside a task. Close ends the goroutines.
type Pool struct {
	workers int
	task    Task
	epoch   atomic.Uint32 // a change starts the workers
	pending atomic.Int32  // workers that have not finished the task
	closed  atomic.Bool
	seats   []seat
	caller  seat

	guard func(func() error) error
	// worker's share of the task, made once so that guarding it allocates nothing
	shares []func() error
	mu     sync.Mutex
	fault  error // the first that guard returned in the current task
}

// seat is where one goroutine sleeps.
type seat struct {
	parked  atomic.Bool
	crowded bool // there are more workers than cores, or than Go runs at once
	wake    chan struct{}
	_       [48]byte // a cache line each
}

// NewPool starts a pool of the given number of workers, the caller of Run among them. Zero or less
// means Threads(). Each worker runs its share inside guard, such as gguf.File.Guard, which turns
// some faults into an error; nil for none.
func NewPool(workers int, guard func(func() error) error) *Pool {
	if workers <= 0 {
		workers = Threads()
	}
	if guard == nil {
		guard = func(f func() error) error { return f() }
	}
	p := &Pool{workers: workers, guard: guard, seats: make([]seat, workers), shares: make([]func() error, workers)}
	crowded := workers > min(runtime.GOMAXPROCS(0), runtime.NumCPU())
	p.caller.wake, p.caller.crowded = make(chan struct{}, 1), crowded
	for w := range p.shares {
		p.shares[w] = func() error {
			p.task.Do(w, workers)
			return nil
		}
	}
	for w := 1; w < workers; w++ {
		p.seats[w].wake, p.seats[w].crowded = make(chan struct{}, 1), crowded
		go p.work(w)
	}
	return p
}

// Workers is the number of workers.
func (p *Pool) Workers() int { return p.workers }

// Close ends the goroutines. The pool cannot be used again.
func (p *Pool) Close() {
	if p.closed.Swap(true) {
		return
	}
	p.epoch.Add(1)
	p.wakeAll()
}

// Run runs the task on every worker and returns when all have finished, with the first error that
// guard made of a fault.
func (p *Pool) Run(t Task) error {
	p.task = t
	if p.workers > 1 {
		p.pending.Store(int32(p.workers - 1))
		p.epoch.Add(1)
		p.wakeAll()
	}
	p.do(0)
	if p.workers > 1 {
		p.caller.wait(func() bool { return p.pending.Load() == 0 })
	}
	err := p.fault // written before pending reached zero
	p.fault = nil
	return err
}

func (p *Pool) wakeAll() {
	for w := 1; w < p.workers; w++ {
		p.seats[w].rouse()
	}
}

func (p *Pool) work(w int) {
	for last := uint32(0); ; last++ {
		p.seats[w].wait(func() bool { return p.epoch.Load() != last })
		if p.closed.Load() {
			return
		}
		p.do(w)
		if p.pending.Add(-1) == 0 {
			p.caller.rouse()
		}
	}
}

func (p *Pool) do(w int) {
	if err := p.guard(p.shares[w]); err != nil {
		p.mu.Lock()
		if p.fault == nil {
			p.fault = err
		}
		p.mu.Unlock()
	}
}

// look tries for a while and says whether ready did.
func (s *seat) look(ready func() bool) bool {
	for range spins {
		if ready() {
			return true
		}
	}
	for range yields {
		if yield(); ready() {
			return true
		}
	}
	return false
}

// wait returns when ready does, after a rouse if it had to park.
func (s *seat) wait(ready func() bool) {
	if !s.crowded && s.look(ready) {
		return
	}
	for {
		s.parked.Store(true)
		if ready() {
			if !s.parked.CompareAndSwap(true, false) {
				<-s.wake // a rouse is on its way: take it, so that it does not end the next wait
			}
			return
		}
		<-s.wake
		if ready() {
			return
		}
	}
}

// rouse wakes the seat if it is parked.
func (s *seat) rouse() {
	// A look first: swapping would take the line from a goroutine that is only spinning.
	if s.parked.Load() && s.parked.CompareAndSwap(true, false) {
		s.wake <- struct{}{}
	}
}

// Split returns the share [lo, hi) of worker among n items, cut at multiples of unit. The cuts
// depend on the number of workers, but since they fall on units, a kernel that works in tiles that
// divide unit sees the same tiles for any number.
func Split(n, unit, worker, workers int) (lo, hi int) {
	units := (n + unit - 1) / unit
	lo = units * worker / workers * unit
	hi = units * (worker + 1) / workers * unit
	return min(lo, n), min(hi, n)
}
