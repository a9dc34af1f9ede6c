package serve

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kvgen/kvgen/runtime/generate"
	"github.com/kvgen/kvgen/runtime/sample"
)

// TestManyWithCancels: many clients at once, one text in ten given up before it ends. Every text
// that ends is the one that its prompt gives alone, greedy or seeded; and when all are done, cells,
// goroutines and memory are what they were.
func TestManyWithCancels(t *testing.T) {
	c, words := open(t, 6, 128, 500)
	s := New(c, words, Options{Parallel: 4, Queue: 64, Chunk: 4})
	var kinds []Request
	var want []string
	for i, prompt := range []string{"KING HENRY:\n", "KING HENRY:\nMy lord, ", "What is the matter?\n", "O", "Enter the queen and all her ladies, with the duke.\n", "To be"} {
		for _, o := range []sample.Options{{}, {Temperature: .9, TopK: 40, TopP: .95, Seed: uint64(i)}} {
			r := Request{Tokens: words.Encode(prompt, true, false), Client: fmt.Sprint(i % 3), Options: generate.Options{Limit: 4 + 2*i, IgnoreEnd: true, Sampling: o, Stop: []string{"zounds", "\n\n"}}}
			kinds, want = append(kinds, r), append(want, alone(t, prompt, r.Options))
		}
	}
	start(t, s)
	round := func(n int) {
		var wait sync.WaitGroup
		for worker := range 8 {
			wait.Go(func() {
				pick := rand.New(rand.NewPCG(uint64(worker), 1))
				for range n / 8 {
					k := pick.IntN(len(kinds))
					ctx, cancel := context.WithCancel(t.Context())
					x, err := s.Submit(ctx, kinds[k])
					if err != nil {
						t.Error(err)
						cancel()
						continue
					}
					var got strings.Builder
					stop := -1
					if pick.IntN(10) == 0 {
						stop = pick.IntN(3)
					}
					for piece := range x.Pieces() {
						if got.WriteString(piece); stop == 0 {
							cancel()
						}
						stop--
					}
					r, err := x.Wait()
					whole := got.String() == want[k]
					if r.Stop == generate.StopInterrupted {
						whole = strings.HasPrefix(want[k], got.String())
					}
					if err != nil || !whole {
						t.Errorf("%q, %+v, %v; alone %q", got.String(), r, err, want[k])
					}
					cancel()
				}
			})
		}
		wait.Wait()
	}
	weigh := func() (goroutines int, heap uint64) {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return runtime.NumGoroutine(), m.HeapAlloc
	}
	round(200)
	goroutines, heap := weigh()
	round(800)
	n, now := weigh()
	for end := time.Now().Add(20 * time.Second); n > goroutines && time.Now().Before(end); n = runtime.NumGoroutine() {
		time.Sleep(time.Millisecond) // of those that were told to end
	}
	if n > goroutines {
		t.Errorf("%d goroutines, there were %d", n, goroutines)
	}
	if now > heap+heap/10+1<<20 {
		t.Errorf("%d bytes of heap, there were %d", now, heap)
	}
	stats := s.Stats()
	if stats.Running+stats.Waiting > 0 || stats.CellsInUse != stats.KeptCells || stats.Finished+stats.GivenUp != stats.Submitted {
		t.Errorf("%+v", stats)
	}
	if stats.CachedTokens == 0 {
		t.Error("nothing was shared")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	x, err := s.Submit(ctx, kinds[0])
	if err != nil {
		t.Fatal(err)
	}
	if r, err := x.Wait(); r.Stop != generate.StopInterrupted || err != nil {
		t.Errorf("given up before it began: %+v, %v", r, err)
	}
	if again := s.Stats(); again.GivenUp != stats.GivenUp+1 || again.Waiting != 0 {
		t.Errorf("after it was given up: %+v", again)
	}
}
