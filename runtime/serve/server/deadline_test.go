package server_test

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/kvgen/kvgen/runtime/serve/internal/served"
	"github.com/kvgen/kvgen/runtime/serve/server"
)

// timed is a response that knows until when it may be written.
type timed struct {
	*httptest.ResponseRecorder
	until time.Time
}

func (r *timed) SetWriteDeadline(t time.Time) error {
	r.until = t
	return nil
}

// TestReadsNothing: no answer waits for ever for a client that does not read it.
func TestReadsNothing(t *testing.T) {
	h := server.Handler(served.Host(t, served.Options{}), server.Options{Loopback: true})
	for _, path := range []string{"/metrics", "/health", "/slots", "/v1/kv", "/v1/models", "//health", "/nope"} {
		w := &timed{ResponseRecorder: httptest.NewRecorder()}
		h.ServeHTTP(w, httptest.NewRequest("GET", "http://localhost"+path, strings.NewReader("")))
		if left := time.Until(w.until); left <= 0 || left > time.Minute {
			t.Errorf("%s: %v are left to read it", path, left)
		}
	}
}
