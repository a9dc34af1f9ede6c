package page_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/runtime/serve/internal/served"
	"github.com/kvgen/kvgen/runtime/serve/page"
	"github.com/kvgen/kvgen/runtime/serve/server"
)

// TestPolicy: the page runs its own script and style, and nothing that is put into it.
func TestPolicy(t *testing.T) {
	w := httptest.NewRecorder()
	page.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	html, policy := w.Body.String(), w.Header().Get("Content-Security-Policy")
	for _, tag := range []string{"style", "script"} {
		all := regexp.MustCompile(`(?s)<`+tag+`>(.*?)</`+tag+`>`).FindAllStringSubmatch(html, -1)
		if len(all) != 1 || strings.Count(html, "<"+tag) != 1 {
			t.Fatalf("the page has %d elements %s, want 1", len(all), tag)
		}
		sum := sha256.Sum256([]byte(all[0][1]))
		if want := tag + "-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "';"; !strings.Contains(policy, want) {
			t.Errorf("the policy has no %s: %s", want, policy)
		}
	}
	for _, not := range []string{"unsafe", "*", "http:", "https:", "data:;script"} {
		if strings.Contains(policy, not) {
			t.Errorf("the policy has %q: %s", not, policy)
		}
	}
	for _, not := range []string{"{{", "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "localStorage", " style=", "onclick"} {
		if strings.Contains(html, not) {
			t.Errorf("the page has %q", not)
		}
	}
	if addresses := regexp.MustCompile(`https?://[^'"]*`).FindAllString(html, -1); len(addresses) != 2 {
		t.Errorf("the page has addresses besides the namespace of SVG: %q", addresses)
	}
}

// TestOpen: the page is given without a key and tells nothing of the model, by the names of this
// machine alone, and no other site may show it in a frame or ask in its place.
func TestOpen(t *testing.T) {
	h := served.Host(t, served.Options{Stopped: true})
	h.Name = "a secret name"
	open := server.Handler(h, server.Options{Loopback: true})
	keyed := server.Handler(h, server.Options{Keys: server.NewKeys("the only key")})
	get := func(handler string, method, host string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, "/", nil)
		r.Host = host
		w := httptest.NewRecorder()
		if handler == "keyed" {
			keyed.ServeHTTP(w, r)
		} else {
			open.ServeHTTP(w, r)
		}
		return w
	}
	for _, c := range []struct {
		handler, method, host string
		code                  int
	}{
		{"open", "GET", "localhost:8080", 200}, {"open", "HEAD", "127.0.0.1", 200}, {"open", "POST", "localhost", 405},
		{"open", "GET", "evil.example", 403}, {"keyed", "GET", "served.example", 200}, {"keyed", "POST", "served.example", 405},
	} {
		w := get(c.handler, c.method, c.host)
		if w.Code != c.code || strings.Contains(w.Body.String(), "secret") {
			t.Errorf("%s %s of %s: %d, want %d", c.method, c.handler, c.host, w.Code, c.code)
		}
	}
	header := get("keyed", "GET", "served.example").Header()
	for name, want := range map[string]string{
		"X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
		"Cross-Origin-Resource-Policy": "same-origin", "Access-Control-Allow-Origin": "",
	} {
		if got := header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
