package server_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/runtime/serve/internal/served"
	"github.com/kvgen/kvgen/runtime/serve/server"
)

// TestMethods tells which methods a path has, in the shape of its API, and knows it from one that
// is not there.
func TestMethods(t *testing.T) {
	h := server.Handler(served.Host(t, served.Options{Stopped: true}), server.Options{})
	for _, c := range []struct {
		method, path string
		code         int
		allow        string
	}{
		{"GET", "/v1/chat/completions", 405, "POST"}, {"DELETE", "/v1/chat/completions", 405, "POST"}, {"OPTIONS", "/v1/messages", 405, "POST"},
		{"POST", "/v1/models", 405, "GET, HEAD"}, {"PUT", "/v1/models/a/b", 405, "GET, HEAD"}, {"GET", "/api/chat", 405, "POST"}, {"POST", "/health", 405, "GET, HEAD"},
		{"POST", "/", 405, "GET, HEAD"}, {"HEAD", "/health", 200, ""},
		{"GET", "/v1/embeddings/x", 404, ""}, {"POST", "/nope", 404, ""}, {"TRACE", "/nope", 404, ""},
	} {
		w := send(t, h, c.method, c.path, "")
		if w.Code != c.code || w.Header().Get("Allow") != c.allow {
			t.Errorf("%s %s: %d, Allow %q, want %d, %q: %s", c.method, c.path, w.Code, w.Header().Get("Allow"), c.code, c.allow, w.Body)
		}
		if c.code == 405 && !strings.Contains(w.Body.String(), "is asked by "+c.allow) {
			t.Errorf("%s %s: %s", c.method, c.path, w.Body)
		}
	}
}

// TestLog notes paths of the server's table and nothing that a client wrote.
func TestLog(t *testing.T) {
	var logged bytes.Buffer
	h := server.Handler(served.Host(t, served.Options{Stopped: true}), server.Options{Log: func(r server.Request) { fmt.Fprintf(&logged, "%s %s %d\n", r.Method, r.Path, r.Status) }})
	for _, line := range []string{"GET /v1/models?api_key=SECRET", "GET /v1/models/SECRET?SECRET", "GET /SECRET/v1/models", "POST /v1/models", "SECRET /health", "GET /%53ECRET", "GET //health/SECRET", "HEAD /health?SECRET"} {
		method, path, _ := strings.Cut(line, " ")
		send(t, h, method, path, "")
	}
	want := "GET /v1/models 200\nGET /v1/models/{name...} 404\nGET - 404\nPOST - 405\n- - 405\nGET - 404\nGET - 307\nHEAD /health 200\n"
	if got := logged.String(); got != want {
		t.Errorf("the log is\n%s, want\n%s", got, want)
	}
}
