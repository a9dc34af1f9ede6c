package server

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/kvgen/kvgen/runtime/serve/anthropic"
	"github.com/kvgen/kvgen/runtime/serve/ollama"
	"github.com/kvgen/kvgen/runtime/serve/openai"
	"github.com/kvgen/kvgen/runtime/serve/wire"
)

// Keys are the hashes of what a client has to know. What they are of is not kept.
type Keys [][sha256.Size]byte

// NewKeys hashes keys.
func NewKeys(keys ...string) Keys {
	var all Keys
	for _, k := range keys {
		all = append(all, sha256.Sum256([]byte(k)))
	}
	return all
}

// has says whether a key is one of them, in a time that depends on neither.
func (k Keys) has(key string) bool {
	given, found := sha256.Sum256([]byte(key)), 0
	for i := range k {
		found |= subtle.ConstantTimeCompare(given[:], k[i][:])
	}
	return found == 1
}

// allow says whether a request has a key, in the header of any API.
func (k Keys) allow(r *http.Request) bool {
	if len(k) == 0 {
		return true
	}
	return k.has(wire.Key(r))
}

// Request is what a log says of one: nothing of its text, and no key.
type Request struct {
	Method string // "-" for one that HTTP does not have
	Path   string // as the server has it, /v1/models/{name...} for one; "-" where it has none
	Status int
	Bytes  int64 // of the answer
	Took   time.Duration
}

// asked is a request for a log, before it is answered. A client may have put a key or a text into
// any part of it, so that the path is that of the server's own table.
func asked(mux *http.ServeMux, r *http.Request) Request {
	q := Request{Method: "-", Path: "-"}
	if slices.Contains(methods, r.Method) {
		q.Method = r.Method
	}
	if _, pattern := mux.Handler(r); pattern != everything {
		_, q.Path, _ = strings.Cut(pattern, " ")
	}
	return q
}

// guard lets those requests to next through that may be answered.
func guard(mux *http.ServeMux, next http.Handler, o Options) http.Handler {
	bodies := wire.NewBudget(o.Bodies)
	origins := http.NewCrossOriginProtection()
	origins.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refuse(w, r, &wire.Error{Status: http.StatusForbidden, Message: "a page of another origin may not ask this server"})
	}))
	inner := origins.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen := &recorder{ResponseWriter: w, status: http.StatusOK}
		start := time.Now()
		wire.Hurry(w) // whatever answers
		if o.Log != nil {
			q := asked(mux, r)
			defer func() {
				q.Status, q.Bytes, q.Took = seen.status, seen.bytes, time.Since(start)
				o.Log(q)
			}()
		}
		switch {
		case o.Loopback && len(o.Keys) == 0 && !local(r.Host):
			refuse(seen, r, &wire.Error{Status: http.StatusForbidden, Message: fmt.Sprintf("the host %.64q is no name of this machine", r.Host)})
		case open(r), o.Keys.allow(r):
			defer bodies.Hold(r)()
			inner.ServeHTTP(seen, r)
		default:
			w.Header().Set("WWW-Authenticate", "Bearer")
			refuse(seen, r, &wire.Error{Status: http.StatusUnauthorized, Message: "a key is needed, and this is none", Code: "invalid_api_key"})
		}
	})
}

// open says whether a request needs no key: those for what tells nothing of the model. A browser
// sends none with the page, which asks for it.
func open(r *http.Request) bool {
	switch r.URL.Path {
	case "/", "/health", "/v1/health":
		return true
	}
	return false
}

// refuse answers in the shape of the API that was asked.
func refuse(w http.ResponseWriter, r *http.Request, e *wire.Error) {
	switch {
	case strings.HasPrefix(r.URL.Path, "/v1/messages"):
		anthropic.WriteError(w, e)
	case strings.HasPrefix(r.URL.Path, "/api/"):
		ollama.WriteError(w, e)
	default:
		openai.WriteError(w, e)
	}
}

// local says whether a host, perhaps with a port, is this machine's by itself. A page of another
// name that resolves to this machine is a stranger's.
func local(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.Trim(host, "[]")
	if a, err := netip.ParseAddr(host); err == nil {
		return a.IsLoopback()
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// recorder sees what is answered.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	n, err := r.ResponseWriter.Write(b)
	r.bytes += int64(n)
	return n, err
}

// Unwrap is for http.ResponseController.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
