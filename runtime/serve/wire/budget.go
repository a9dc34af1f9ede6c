package wire

import (
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// uncounted is how much of each body a Budget does not count, so that a request of usual size is
// read however large those of others are. The number of connections bounds these.
const uncounted = 64 << 10

// Budget is how many bytes of bodies all requests together may hold. Nobody waits for it: what has
// no room is refused at once, and leaves its own to the others. It is for any number of goroutines.
type Budget struct {
	limit int64
	used  atomic.Int64
}

// NewBudget is a budget of so many bytes.
func NewBudget(bytes int64) *Budget { return &Budget{limit: bytes} }

// take counts bytes, if there is room.
func (b *Budget) take(n int64) bool {
	for {
		used := b.used.Load()
		if used+n > b.limit {
			return false
		}
		if b.used.CompareAndSwap(used, used+n) {
			return true
		}
	}
}

// Hold counts the body of a request while it is read, and holds what was counted until release is
// called. Reading it returns an *Error where there is no room.
func (b *Budget) Hold(r *http.Request) (release func()) {
	h := &held{ReadCloser: r.Body, b: b}
	r.Body = h
	return h.release
}

// held is a body that counts.
type held struct {
	io.ReadCloser
	b  *Budget
	mu sync.Mutex // of those below

	read, counted int64
	released      bool
}

func (h *held) Read(p []byte) (int, error) {
	n, err := h.ReadCloser.Read(p)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.read += int64(n)
	more := h.read - uncounted - h.counted
	switch {
	case h.released:
		return 0, http.ErrBodyReadAfterClose
	case more <= 0:
	case !h.b.take(more):
		return 0, &Error{Status: http.StatusServiceUnavailable, Code: "server_busy", Retry: time.Second,
			Message: fmt.Sprintf("requests that are being answered have bodies of %d bytes together, and no more may be held: try again later", h.b.limit)}
	default:
		h.counted += more
	}
	return n, err
}

func (h *held) release() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.released {
		h.released = true
		h.b.used.Add(-h.counted)
	}
}
