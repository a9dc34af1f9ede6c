package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/kvgen/kvgen/cmd/internal/interrupt"
	"github.com/kvgen/kvgen/cmd/internal/plain"
	"github.com/kvgen/kvgen/cmd/internal/version"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
	"github.com/kvgen/kvgen/runtime/policy"
	"github.com/kvgen/kvgen/runtime/serve"
	"github.com/kvgen/kvgen/runtime/serve/host"
	"github.com/kvgen/kvgen/runtime/serve/server"
	"github.com/kvgen/kvgen/runtime/serve/wire"
)

// serveFlags are the flags of kvrun serve.
type serveFlags struct {
	m       modelFlags
	sample  sampleFlags
	host    string
	port    int
	key     string
	keyFile string
	alias   list

	parallel int
	unified  bool
	queue    int
	timeout  int // seconds
	grace    int
	body     int64 // bytes
	bodies   int64 // bytes of all together
	cert     string
	certKey  string
	tls      *tls.Config // nil for plain HTTP
	keys     server.Keys
	keep     keepFlags
}

func (f *serveFlags) add(fs *pflag.FlagSet) {
	fs.StringVar(&f.host, "host", "127.0.0.1", "`address` to listen on; any but this machine's own needs a key")
	fs.IntVar(&f.port, "port", 8080, "`port` to listen on, 0 for one that is free")
	fs.StringVar(&f.key, "api-key", "", "`key` that clients have to give, or several with commas between (default: LLAMA_API_KEY); other users of this machine see it in the list of processes")
	fs.StringVar(&f.keyFile, "api-key-file", "", "`file` of keys, a line each")
	fs.Var(&f.alias, "alias", "`names` that clients may call the model, the first of which answers give; * for any")
	fs.IntVar(&f.parallel, "parallel", 4, "`texts` that are generated at the same time; --ctx-size is shared out to them")
	fs.BoolVar(&f.unified, "kv-unified", false, "let one text have the whole of --ctx-size, in place of its share")
	fs.IntVar(&f.queue, "queue", 64, "`requests` that may wait for a place; more are told to come again")
	fs.IntVar(&f.timeout, "timeout", 60, "`seconds` that a client may take to send a request")
	fs.IntVar(&f.grace, "grace", 20, "`seconds` that answers have to come to their end when the server is stopped")
	fs.Int64Var(&f.body, "max-body", wire.Default.Body, "`bytes` of a request at most")
	fs.Int64Var(&f.bodies, "max-bodies", 0, "`bytes` of the requests that are being answered together, 0 for 8 times --max-body")
	fs.StringVar(&f.cert, "tls-cert", "", "`file` of a certificate and its chain in PEM: the server speaks HTTPS with it")
	fs.StringVar(&f.certKey, "tls-key", "", "`file` of the certificate's private key in PEM")
	fs.IntVarP(&f.sample.predict, "predict", "n", -1, "`tokens` to generate at most where a request says nothing; -1 for no limit")
	f.keep.add(fs)
	f.sample.addDraws(fs)
	f.m.templateFlag(fs)
	f.m.add(fs, model.Fast)
}

// check reads the flags of the command.
func (f *serveFlags) check(e *environment) error {
	f.sample.seed = -1
	if err := cmp.Or(f.sample.check(), f.keep.check()); err != nil {
		return err
	}
	for _, n := range []struct {
		flag        string
		value       int
		least, most int
	}{{"port", f.port, 0, 65535}, {"parallel", f.parallel, 1, kv.MaxSequences}, {"queue", f.queue, 1, 1 << 16}, {"timeout", f.timeout, 1, 86400}, {"grace", f.grace, 0, 86400}} {
		if n.value < n.least || n.value > n.most {
			return fmt.Errorf("--%s %d: want %d to %d", n.flag, n.value, n.least, n.most)
		}
	}
	if f.body < 1024 || f.body > 1<<30 {
		return fmt.Errorf("--max-body %d: want 1024 to %d bytes", f.body, 1<<30)
	}
	if f.bodies != 0 && (f.bodies < f.body || f.bodies > 1<<40) {
		return fmt.Errorf("--max-bodies %d: want 0, or --max-body, which is %d, to %d bytes", f.bodies, f.body, 1<<40)
	}
	if err := cmp.Or(f.readKeys(e), f.readCertificate(e)); err != nil {
		return err
	}
	if !loopback(f.host) && len(f.keys) == 0 {
		return refuse("--host %.100s: others than this machine may ask there, so it needs a key: --api-key-file FILE", f.host)
	}
	return nil
}

// readCertificate reads the certificate that the server speaks HTTPS with, if there is one.
func (f *serveFlags) readCertificate(e *environment) error {
	switch {
	case f.cert == "" && f.certKey == "":
		return nil
	case f.cert == "" || f.certKey == "":
		return errors.New("--tls-cert and --tls-key go together: one is the certificate, the other its private key")
	}
	chain, err := e.readAccess(f.cert)
	if err != nil {
		return fmt.Errorf("--tls-cert %w", err)
	}
	key, err := e.readAccess(f.certKey)
	if err != nil {
		return fmt.Errorf("--tls-key %w", err)
	}
	c, err := tls.X509KeyPair(chain, key)
	switch {
	case err != nil:
		return fmt.Errorf("--tls-cert %.200s, --tls-key %.200s: %w", f.cert, f.certKey, err)
	case time.Now().After(c.Leaf.NotAfter):
		return fmt.Errorf("--tls-cert %.200s: the certificate ended on %s", f.cert, c.Leaf.NotAfter.Format(time.DateOnly))
	}
	f.tls = &tls.Config{Certificates: []tls.Certificate{c}, MinVersion: tls.VersionTLS12}
	return nil
}

// minKey is the fewest characters of a key: nobody guesses it.
const minKey = 8

// readKeys collects the keys of the flags and of the environment.
func (f *serveFlags) readKeys(e *environment) error {
	text, from := f.key, "--api-key"
	if text == "" && f.keyFile == "" {
		text, _ = e.lookup("LLAMA_API_KEY")
		from = "LLAMA_API_KEY"
	}
	all := strings.Split(text, ",")
	if f.keyFile != "" {
		lines, err := e.readText(f.keyFile)
		if err != nil {
			return err
		}
		all = append(all, strings.Split(strings.TrimPrefix(lines, "\ufeff"), "\n")...) // of Windows
		from = "--api-key-file " + f.keyFile
	}
	var keys []string
	for _, k := range all {
		if k = strings.TrimSpace(k); k == "" {
			continue
		}
		if len(k) < minKey {
			return fmt.Errorf("%s: a key of %d characters: want %d or more", from, len(k), minKey)
		}
		keys = append(keys, k)
	}
	if f.keyFile != "" && len(keys) == 0 {
		return fmt.Errorf("%s: there is no key in it", from)
	}
	f.keys = server.NewKeys(keys...)
	return nil
}

// loopback says whether only this machine reaches a host.
func loopback(name string) bool {
	if a, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil {
		return a.IsLoopback()
	}
	return strings.EqualFold(name, "localhost")
}

// serveCommand answers requests until it is stopped.
func serveCommand(e *environment, args []string) error {
	var f serveFlags
	fs := newFlags("serve")
	f.add(fs)
	s, err := e.begin(fs, "[MODEL] [flags]", args, &f.m, nil, func() error { return f.check(e) })
	if err != nil {
		return err
	}
	defer s.Close()
	l, err := net.Listen("tcp", net.JoinHostPort(strings.Trim(f.host, "[]"), strconv.Itoa(f.port)))
	if err != nil {
		return err
	}
	defer l.Close()
	return f.serve(e, s, l)
}

// kept is how many prompts are kept at least, beside one for each text that runs.
const kept = 4

// serve answers requests from a model on a listener.
func (f *serveFlags) serve(e *environment, s *session, l net.Listener) error {
	interrupt.KeepOnPipe()
	size, cells := f.share(s)
	words, err := s.vocabulary()
	if err != nil {
		return err
	}
	c, err := s.startAll(size, min(kv.MaxSequences, 2*f.parallel+kept), cells)
	if err != nil {
		return err
	}
	defer c.Close()
	o := serve.Options{Parallel: f.parallel, Queue: f.queue}
	if len(f.keys) > 1 { // one client leaves places to the others
		o.ClientQueue = max(1, f.queue/2)
	}
	done, err := f.keep.options(s, c, e.stderr, &o)
	if err != nil {
		return err
	}
	defer done()
	h := f.model(s, serve.New(c, words, o))
	running, stop := context.WithCancel(context.Background())
	defer stop()
	steps := make(chan error, 1)
	serving, failed := context.WithCancelCause(e.ctx)
	go func() {
		err := h.Scheduler.Run(running)
		if !errors.Is(err, context.Canceled) {
			failed(err)
		}
		steps <- err
	}()
	s.describe(e.stderr)
	fmt.Fprintf(e.stderr, "%s: %d texts of %d positions at the same time, cache plan %s\n", plain.Name(h.Name, 80), f.parallel, size, h.PlanID())
	scheme := "http"
	if f.tls != nil {
		scheme = "https"
	}
	fmt.Fprintf(e.stderr, "listening on %s://%s\n", scheme, l.Addr())
	err = server.Serve(serving, l, server.Handler(h, f.options(e)), f.options(e))
	stop()
	if ran := <-steps; !errors.Is(ran, context.Canceled) {
		return ran
	}
	return err
}

// share is the positions of a text, and the cells of all. As in llama-server, --ctx-size is of all
// texts together, and each has its share where they are not unified.
func (f *serveFlags) share(s *session) (size, cells int) {
	switch total := s.flags.size; {
	case total == 0 && f.unified:
		return s.defaultSize(), s.defaultSize()
	case total == 0:
		return s.defaultSize(), s.defaultSize() * f.parallel
	case f.unified:
		return total, total
	default:
		return max(1, total/f.parallel), total
	}
}

// model is what the APIs answer from.
func (f *serveFlags) model(s *session, scheduler *serve.Scheduler) *host.Host {
	size, _ := f.share(s)
	h := host.Host{Tokenizer: s.tokens, Scheduler: scheduler, Parallel: f.parallel, Size: size, Trained: s.Context, Sampling: f.sample.sized(size), Limit: f.sample.predict, Plan: s.plan.Record(0)}
	h.Template, h.NoChat = s.template()
	r := s.modelRecord()
	h.File = host.File{Arch: r.Arch, Type: r.Type, Parameters: r.Parameters, Bytes: r.Size}
	h.Created, h.Measured = time.Now(), f.measured(s)
	if info, err := os.Stat(s.path); err == nil {
		h.Created = info.ModTime()
	}
	h.Aliases = f.alias.items
	switch {
	case len(h.Aliases) > 0 && h.Aliases[0] != "*":
		h.Name = h.Aliases[0]
	case s.path == embedded:
		h.Name = "kvgen-demo"
	default:
		h.Name = strings.TrimSuffix(filepath.Base(s.path), ".gguf")
	}
	return host.New(h)
}

// measured is what is known of the plan's error: the words of a policy that a command wrote for
// this model, or the rule by which --cache auto chose.
func (f *serveFlags) measured(s *session) string {
	file, err := policy.ReadFile(f.m.policy)
	if err != nil || file.Model == nil {
		return s.rule
	}
	return file.About
}

// options are how the server is guarded.
func (f *serveFlags) options(e *environment) server.Options {
	o := server.Options{Keys: f.keys, Loopback: loopback(f.host), Limits: wire.Default, Build: "kvrun " + version.Short(), Timeout: time.Duration(f.timeout) * time.Second, Grace: time.Duration(f.grace) * time.Second}
	o.Limits.Body, o.Bodies, o.TLS = f.body, f.bodies, f.tls
	o.Errors = func(says string) { // a panic always, the rest if asked
		if f.m.verbose || strings.HasPrefix(says, "http: panic") {
			fmt.Fprintln(e.stderr, plain.Text(says))
		}
	}
	if f.m.verbose {
		o.Log = func(r server.Request) {
			fmt.Fprintf(e.stderr, "%s %s %d, %d bytes, %.0f ms\n", r.Method, plain.Name(r.Path, 80), r.Status, r.Bytes, ms(r.Took))
		}
	}
	return o
}
