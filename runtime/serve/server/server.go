package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"strings"
	"time"

	"golang.org/x/net/netutil"

	"github.com/kvgen/kvgen/runtime/serve/anthropic"
	"github.com/kvgen/kvgen/runtime/serve/host"
	"github.com/kvgen/kvgen/runtime/serve/llamacpp"
	"github.com/kvgen/kvgen/runtime/serve/ollama"
	"github.com/kvgen/kvgen/runtime/serve/openai"
	"github.com/kvgen/kvgen/runtime/serve/page"
	"github.com/kvgen/kvgen/runtime/serve/wire"
)

// Options are how a server is guarded. The zero value has no key and the default limits.
type Options struct {
	Keys        Keys          // of which a request needs one; none for no key
	Loopback    bool          // only this machine's names may be asked for
	Limits      wire.Limits   // of a request; zero for wire.Default
	Timeout     time.Duration // for reading a request, and between requests; 0 for a minute
	Connections int           // at most; 0 for 512
	Ping        time.Duration // between comments in a stream that is silent; 0 for 30 s
	Grace       time.Duration // for answers that run when the server ends
	Bodies      int64         // bytes of all bodies together; 0 for 8 of the largest
	Log         func(Request) // told of each request; nil for nobody
	Errors      func(string)  // told of connections that fail and of panics; nil for nobody
	TLS         *tls.Config   // with a certificate; nil for plain HTTP
	Build       string        // what the program was built from, for /props
}

// maxHeader is the most bytes of a request's header.
const maxHeader = 32 << 10

// Handler answers requests from a model.
func Handler(h *host.Host, o Options) http.Handler {
	if o.Limits == (wire.Limits{}) {
		o.Limits = wire.Default
	}
	if o.Bodies == 0 {
		o.Bodies = 8 * o.Limits.Body
	}
	if o.Ping == 0 {
		o.Ping = 30 * time.Second
	}
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", page.Handler())
	mux.HandleFunc("GET /health", health)
	mux.HandleFunc("GET /v1/health", health)
	mux.HandleFunc(everything, unknown(mux))
	(&openai.API{Host: h, Limits: o.Limits, Ping: o.Ping}).Register(mux)
	mux.HandleFunc("GET /v1/kv", costs(h))
	(&llamacpp.API{Host: h, Limits: o.Limits, Ping: o.Ping, Build: o.Build}).Register(mux)
	(&ollama.API{Host: h, Limits: o.Limits, Version: ollama.Version}).Register(mux)
	(&anthropic.API{Host: h, Limits: o.Limits, Ping: o.Ping}).Register(mux)
	return guard(mux, named(mux, h), o)
}

// everything is the pattern of requests that have no other.
const everything = "/"

// methods are those that are looked for in the table of paths.
var methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

// unknown refuses what the table of a server does not have: a method, or the path.
func unknown(mux *http.ServeMux) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var allowed []string
		for _, method := range methods {
			other := *r
			other.Method = method
			if _, pattern := mux.Handler(&other); pattern != everything {
				allowed = append(allowed, method)
			}
		}
		if len(allowed) == 0 {
			refuse(w, r, &wire.Error{Status: http.StatusNotFound, Code: "not_found", Message: fmt.Sprintf("%.8s %.100q is no request of this server", r.Method, r.URL.Path)})
			return
		}
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		refuse(w, r, &wire.Error{Status: http.StatusMethodNotAllowed, Code: "method_not_allowed", Message: fmt.Sprintf("%.100q is asked by %s here", r.URL.Path, strings.Join(allowed, ", "))})
	}
}

// health says that the server answers.
func health(w http.ResponseWriter, r *http.Request) {
	wire.JSON(w, http.StatusOK, map[string]string{"status": "ok"})
}

// named puts the id of the cache's plan on every answer.
func named(next http.Handler, h *host.Host) http.Handler {
	id := h.PlanID()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Server", "kvrun")
		w.Header().Set("X-Kvrun-Cache-Plan", id)
		next.ServeHTTP(w, r)
	})
}

// errorWriter tells of what package http has to say, a write at a time.
type errorWriter func(string)

func (e errorWriter) Write(b []byte) (int, error) {
	if e != nil {
		e(strings.TrimSuffix(string(b), "\n"))
	}
	return len(b), nil
}

// Serve answers requests until ctx ends, and then those that are being answered, for o.Grace. It
// closes the listener.
func Serve(ctx context.Context, l net.Listener, handler http.Handler, o Options) error {
	if o.Timeout <= 0 {
		o.Timeout = time.Minute
	}
	if o.Connections <= 0 {
		o.Connections = 512
	}
	asking, giveUp := context.WithCancelCause(context.WithoutCancel(ctx))
	defer giveUp(wire.Closing)
	s := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: min(o.Timeout, 10*time.Second),
		ReadTimeout:       o.Timeout,
		IdleTimeout:       o.Timeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          log.New(errorWriter(o.Errors), "", 0),
		TLSConfig:         o.TLS,
		Protocols:         new(http.Protocols),
		BaseContext:       func(net.Listener) context.Context { return asking },
	}
	s.Protocols.SetHTTP1(true) // a connection is one request at a time, which their number bounds
	done := make(chan error, 1)
	go func() {
		l := netutil.LimitListener(l, o.Connections)
		if o.TLS != nil {
			done <- s.ServeTLS(l, "", "")
			return
		}
		done <- s.Serve(l)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.Background(), max(o.Grace, time.Millisecond))
	defer cancel()
	err := s.Shutdown(grace)
	if errors.Is(err, context.DeadlineExceeded) { // what runs still is told to end
		giveUp(wire.Closing)
		last, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if s.Shutdown(last) != nil {
			s.Close()
		}
		err = nil
	}
	if e := <-done; !errors.Is(e, http.ErrServerClosed) {
		return e
	}
	return err
}
