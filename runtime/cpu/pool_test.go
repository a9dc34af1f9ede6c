package cpu

import (
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

type count struct {
	n     int
	seen  []int32
	calls atomic.Int32
}

func (c *count) Do(worker, workers int) {
	c.calls.Add(1)
	lo, hi := Split(c.n, 16, worker, workers)
	for i := lo; i < hi; i++ {
		c.seen[i]++
	}
}

func TestPoolCoversEveryItemOnce(t *testing.T) {
	for _, workers := range []int{1, 2, 3, 7} {
		p := NewPool(workers, nil)
		for n := range 200 {
			c := &count{n: n, seen: make([]int32, n)}
			if err := p.Run(c); err != nil {
				t.Fatal(err)
			}
			if c.calls.Load() != int32(workers) {
				t.Fatalf("%d workers: %d calls", workers, c.calls.Load())
			}
			for i, s := range c.seen {
				if s != 1 {
					t.Fatalf("%d workers, %d items: item %d done %d times", workers, n, i, s)
				}
			}
			if n == 100 {
				time.Sleep(2 * time.Millisecond) // long enough for the workers to park
			}
		}
		p.Close()
	}
}

func TestPoolAllocatesNothing(t *testing.T) {
	p := NewPool(2, nil)
	defer p.Close()
	c := &count{n: 64, seen: make([]int32, 64)}
	if a := testing.AllocsPerRun(100, func() { p.Run(c) }); a != 0 {
		t.Fatalf("%v allocations per run", a)
	}
}

func TestPoolReturnsGuardErrors(t *testing.T) {
	want := errors.New("cut")
	var calls atomic.Int32
	p := NewPool(2, func(f func() error) error {
		if calls.Add(1) <= 2 {
			return want
		}
		return f()
	})
	defer p.Close()
	c := &count{n: 1, seen: make([]int32, 1)}
	if err := p.Run(c); err != want {
		t.Fatalf("got %v", err)
	}
	if err := p.Run(c); err != nil {
		t.Fatalf("the error of one task came back in the next: %v", err)
	}
}

// TestCrowdedPoolParks waits in a pool of more workers than Go runs at once, where a worker that
// keeps looking for its next task takes the place of the one that would give it. It must look once
// and park.
func TestCrowdedPoolParks(t *testing.T) {
	for _, c := range []struct {
		workers int
		once    bool
	}{{runtime.GOMAXPROCS(0), false}, {runtime.GOMAXPROCS(0) + 1, true}} {
		p := NewPool(c.workers, nil)
		var looks atomic.Int32
		var done atomic.Bool
		ended := make(chan struct{})
		go func() {
			p.caller.wait(func() bool { looks.Add(1); return done.Load() })
			close(ended)
		}()
		for !p.caller.parked.Load() || looks.Load() == 0 {
			time.Sleep(time.Millisecond)
		}
		if n := looks.Load(); (n == 1) != c.once {
			t.Errorf("%d workers: looked %d times before parking", c.workers, n)
		}
		done.Store(true)
		p.caller.rouse()
		<-ended
		p.Close()
	}
}

// TestPoolBeyondCores sets Go to run more threads at once than there are cores: workers must park
// at once instead of keeping a core from the one that they wait for, which took minutes.
func TestPoolBeyondCores(t *testing.T) {
	workers := 8 * runtime.NumCPU()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(workers))
	p := NewPool(workers, nil)
	defer p.Close()
	if !p.caller.crowded || !p.seats[1].crowded {
		t.Errorf("%d workers on %d cores do not park at once", workers, runtime.NumCPU())
	}
	for n := range 200 {
		c := &count{n: n, seen: make([]int32, n)}
		if err := p.Run(c); err != nil || c.calls.Load() != int32(workers) {
			t.Fatalf("%v; %d of %d workers", err, c.calls.Load(), workers)
		}
	}
}
