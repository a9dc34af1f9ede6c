//go:build nats || peers

package fleet

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/kvgen/kvgen/runtime/fleet/queue"
	"github.com/kvgen/kvgen/runtime/lab"
)

// TestRestart stops the server in order while a coordinator waits for scores, and starts it again:
// unlike one that is killed it says so, and the sweep goes on.
func TestRestart(t *testing.T) {
	f, err := newSample()
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(freePort(t))
	if err != nil {
		t.Fatal(err)
	}
	options := queue.Options{Folder: t.TempDir(), Host: "127.0.0.1", Port: port}
	s, err := queue.Start(options)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	dial := func() *Link {
		l, err := Dial(ctx, Access{URL: s.URL()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(l.Close)
		return l
	}
	o, err := f.offer(lab.NewJournal(f.header))
	if err != nil {
		t.Fatal(err)
	}
	coordinator, looks := dial(), dial()
	ended := make(chan error, 1)
	go func() { ended <- coordinator.Run(ctx, []*Offer{o}, func(int) {}) }()
	for !waits(ctx, looks) {
		select {
		case err := <-ended:
			t.Fatal("the coordinator ended without a worker:", err)
		case <-time.After(10 * time.Millisecond):
		}
	}
	s.Close()
	if s, err = queue.Start(options); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	w := newWorker(dial(), "w", func(line string) { t.Log(line) })
	worked := make(chan error, 1)
	go func() { worked <- w.Run(ctx) }()
	if err := <-ended; err != nil {
		t.Error("the coordinator:", err)
	}
	stop()
	if err := <-worked; err != nil {
		t.Error("the worker:", err)
	}
}

// waits says whether somebody waits for scores.
func waits(ctx context.Context, l *Link) bool {
	for c := range l.scores.ListConsumers(ctx).Info() {
		if c.NumWaiting > 0 {
			return true
		}
	}
	return false
}
