// Package page is what a browser shows at / of a server: a conversation with the model, and what
// the server does.
//
// It is one document with its own style and script, and asks this server for everything else, as
// any client does: /v1/chat/completions, /v1/models, /v1/kv, /props, /metrics. It has nothing of
// the model or of a key, so it may be given to anybody. What comes from the model or the server is
// put into it as text.
package page

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"net/http"
	"strings"
)

//go:embed page.html
var document string

//go:embed page.css
var style string

//go:embed page.js
var script string

// policy lets the page have its own style and script, by their hashes, and ask this server alone.
// No text can become an element of it.
func policy() string {
	hash := func(s string) string {
		sum := sha256.Sum256([]byte(s))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return strings.Join([]string{
		"default-src 'none'", "style-src " + hash(style), "script-src " + hash(script), "connect-src 'self'", "img-src data:",
		"base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'", "trusted-types 'none'",
	}, "; ")
}

// Handler answers with the page.
func Handler() http.Handler {
	html := []byte(strings.NewReplacer("{{style}}", style, "{{script}}", script).Replace(document))
	headers := map[string]string{
		"Content-Type":                 "text/html; charset=utf-8",
		"Content-Security-Policy":      policy(),
		"Cache-Control":                "no-cache",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Referrer-Policy":              "no-referrer",
		"X-Content-Type-Options":       "nosniff",
		"X-Frame-Options":              "DENY",
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range headers {
			w.Header().Set(name, value)
		}
		w.Write(html)
	})
}
