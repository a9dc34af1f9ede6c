package wire

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// body is a request whose body is held by a budget.
func body(b *Budget, r io.Reader) (*http.Request, func()) {
	q := httptest.NewRequest("POST", "/", r)
	return q, b.Hold(q)
}

// TestBudget counts a body as it is read, refuses what has no room at once, and has all of it back
// when what was held is released, however often.
func TestBudget(t *testing.T) {
	const limit = 1 << 20
	b := NewBudget(limit)
	first, release := body(b, strings.NewReader(strings.Repeat("a", limit+uncounted)))
	if n, err := io.Copy(io.Discard, first.Body); err != nil || n != limit+uncounted || b.used.Load() != limit {
		t.Fatalf("%d bytes, %v, %d are used", n, err, b.used.Load())
	}
	large, drop := body(b, strings.NewReader(strings.Repeat("a", uncounted+1)))
	_, err := io.ReadAll(large.Body)
	if e := Of(err); e.Status != 503 || e.Retry <= 0 || !strings.Contains(e.Message, "1048576") {
		t.Errorf("a body without room: %+v", e)
	}
	drop()
	small, done := body(b, strings.NewReader(strings.Repeat("a", uncounted)))
	if n, err := io.Copy(io.Discard, small.Body); err != nil || n != uncounted {
		t.Errorf("a small body: %d, %v", n, err)
	}
	done()
	if b.used.Load() != limit {
		t.Errorf("%d bytes are used by the one that is held", b.used.Load())
	}
	release()
	release()
	if b.used.Load() != 0 {
		t.Errorf("%d bytes are used by nothing", b.used.Load())
	}
	if n, err := first.Body.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("a body that was released is read: %d, %v", n, err)
	}
}

// TestBudgetShared has many requests take and leave room at the same time: it is never exceeded,
// and whole at the end.
func TestBudgetShared(t *testing.T) {
	const limit = 4 * uncounted
	b := NewBudget(limit)
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			for n := range 50 {
				q, release := body(b, strings.NewReader(strings.Repeat("a", uncounted*(1+(i+n)%6))))
				io.Copy(io.Discard, q.Body)
				if used := b.used.Load(); used > limit {
					t.Errorf("%d bytes are used, of %d", used, limit)
				}
				release()
			}
		})
	}
	all.Wait()
	if b.used.Load() != 0 {
		t.Errorf("%d bytes are used by nothing", b.used.Load())
	}
}
