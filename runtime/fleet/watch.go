package fleet

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// maxWorkers bounds how many workers are remembered.
const maxWorkers = 4096

// Watch listens to what workers say of themselves. Now and then it says which offers none of them
// can take, and who there is. The end stops it.
func (l *Link) Watch(offers []*Offer, say func(line string)) (end func(), err error) {
	w := &watcher{seen: map[string]time.Time{}, hellos: map[string]Hello{}}
	sub, err := l.nc.Subscribe("kvrun.workers", func(m *nats.Msg) {
		if h, err := decodeHello(m.Data); err == nil {
			w.see(h, time.Now())
		}
	})
	if err != nil {
		return nil, err
	}
	stop := make(chan struct{})
	go func() {
		every := time.NewTicker(2 * Lease)
		defer every.Stop()
		last := ""
		for {
			select {
			case <-stop:
				return
			case now := <-every.C:
				if line := w.judge(offers, now); line != "" && line != last {
					say(line)
					last = line
				}
			}
		}
	}()
	return func() { sub.Unsubscribe(); close(stop) }, nil
}

type watcher struct {
	mu     sync.Mutex
	seen   map[string]time.Time
	hellos map[string]Hello
}

func (w *watcher) see(h Hello, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.seen[h.Worker]; !ok && len(w.seen) >= maxWorkers {
		return
	}
	w.seen[h.Worker], w.hellos[h.Worker] = now, h
}

// judge says which offers none of the workers can take.
func (w *watcher) judge(offers []*Offer, now time.Time) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	for name, at := range w.seen {
		if now.Sub(at) > 3*Lease {
			delete(w.seen, name)
			delete(w.hellos, name)
		}
	}
	var lines []string
	for _, o := range offers {
		taken := false
		var why []string
		for _, name := range slices.Sorted(maps.Keys(w.hellos)) {
			if err := (&Worker{Hello: w.hellos[name], Most: 1 << 60}).fits(o.entry); err != nil {
				why = append(why, fmt.Sprintf("%s: %v", name, err))
			} else {
				taken = true
			}
		}
		if !taken {
			line := fmt.Sprintf("no worker takes model %.12s on %s; there are %d", o.entry.Model, o.entry.Backend, len(w.hellos))
			if why = why[:min(len(why), 3)]; len(why) > 0 {
				line += " (" + strings.Join(why, "; ") + ")"
			}
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}
