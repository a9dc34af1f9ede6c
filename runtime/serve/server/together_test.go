package server_test

import (
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/runtime/serve/internal/served"
	"github.com/kvgen/kvgen/runtime/serve/server"
	"github.com/kvgen/kvgen/runtime/serve/wire"
)

// TestBodiesTogether: while a client sends a large body, those of others find no room and are told
// to come again, small ones are read, and when it is through there is room again.
func TestBodiesTogether(t *testing.T) {
	h := server.Handler(served.Host(t, served.Options{Stopped: true}), server.Options{Limits: wire.Limits{Body: 1 << 20, Depth: 16}, Bodies: 1 << 20})
	large := `{"content": "` + strings.Repeat("a", 1<<19) + `"}`
	r, w := io.Pipe()
	first := httptest.NewRecorder()
	done := make(chan bool)
	go func() {
		h.ServeHTTP(first, httptest.NewRequest("POST", "http://localhost/tokenize", r))
		close(done)
	}()
	// A write ends when it is read, and the next one's first byte is read after that was counted.
	io.WriteString(w, `{"content": "`+strings.Repeat("a", 1<<20-100))
	io.WriteString(w, "a")
	for path, body := range map[string]string{
		"/v1/chat/completions": `{"messages": [{"role": "user", "content": "` + large[1:len(large)-1] + `"}]}`,
		"/v1/messages":         large, "/completion": large, "/api/chat": large, "/v1/responses": large, "/tokenize": large,
	} {
		if w := send(t, h, "POST", path, body); w.Code != 503 || w.Header().Get("Retry-After") != "1" || !strings.Contains(w.Body.String(), "1048576 bytes together") {
			t.Errorf("%s without room: %d %s, Retry-After %q", path, w.Code, w.Body, w.Header().Get("Retry-After"))
		}
	}
	if w := send(t, h, "POST", "/tokenize", `{"content": "a"}`); w.Code != 200 {
		t.Errorf("a small body: %d %s", w.Code, w.Body)
	}
	io.WriteString(w, `"}`)
	w.Close()
	<-done
	if first.Code != 200 {
		t.Errorf("the first body: %d %.200s", first.Code, first.Body)
	}
	for range 3 { // each has the room of the one before
		if w := send(t, h, "POST", "/tokenize", large); w.Code != 200 {
			t.Errorf("later: %d %.200s", w.Code, w.Body)
		}
	}
}

// TestBodiesOfThoseWhoLeave: a body that ends early holds nothing any longer.
func TestBodiesOfThoseWhoLeave(t *testing.T) {
	h := server.Handler(served.Host(t, served.Options{Stopped: true}), server.Options{Limits: wire.Limits{Body: 1 << 20, Depth: 16}, Bodies: 1 << 20})
	for range 8 {
		body := io.MultiReader(strings.NewReader(`{"content": "`+strings.Repeat("a", 1<<19)), broken{})
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, httptest.NewRequest("POST", "http://localhost/tokenize", body)); w.Code != 400 {
			t.Fatalf("a body that ends early: %d %s", w.Code, w.Body)
		}
	}
}

// broken is a connection that is cut.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
