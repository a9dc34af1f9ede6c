// Package served runs models behind the server's listener, for tests of its APIs.
package served

import (
	"cmp"
	"context"
	"errors"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/chat"
	"github.com/kvgen/kvgen/runtime/demo"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
	"github.com/kvgen/kvgen/runtime/sample"
	"github.com/kvgen/kvgen/runtime/serve"
	"github.com/kvgen/kvgen/runtime/serve/host"
	"github.com/kvgen/kvgen/runtime/serve/server"
	"github.com/kvgen/kvgen/runtime/tokenizer"
)

// Options are how a model is served.
type Options struct {
	Model     []byte // a GGUF file; nil for the embedded model
	Size      int    // positions of a text, 0 for 256
	Sequences int    // texts at a time, 0 for 2
	Queue     int    // texts that wait, 0 for 8
	Stopped   bool   // nothing is run: what is asked for waits
	Server    server.Options
	Cache     string // the type of its keys and values, "" for f16
	Shadow    bool   // every text is replayed, with a reference cache of f16
	Pace      func() // is called before each layer of a step, and may wait: a slow model
}

// Start serves a model called "tiny" until the test ends, and returns the server's address.
func Start(t testing.TB, o Options) (h *host.Host, url string) {
	t.Helper()
	h = Host(t, o)
	s := httptest.NewServer(server.Handler(h, o.Server))
	t.Cleanup(s.Close)
	return h, s.URL
}

// Host is a model that is served to nobody yet.
func Host(t testing.TB, o Options) *host.Host {
	t.Helper()
	if o.Model == nil {
		o.Model = demo.Model()
	}
	for _, d := range []struct {
		value *int
		usual int
	}{{&o.Size, 256}, {&o.Sequences, 2}, {&o.Queue, 8}} {
		if *d.value == 0 {
			*d.value = d.usual
		}
	}
	m, err := model.Parse(o.Model, kernels.Default())
	must(t, err)
	t.Cleanup(func() { m.Close() })
	of := func(name string) *kv.Plan {
		c := kv.Choice{Type: m.Table.ByName(name)}
		plan, err := kv.NewPlan(m.KVLayers(), kv.Policy{K: c, V: c})
		must(t, err)
		return plan
	}
	reference := of("f16")
	plan := of(cmp.Or(o.Cache, "f16"))
	c, err := m.NewContext(model.Options{Plan: plan, Size: o.Size, Sequences: o.Sequences, Cells: o.Size * o.Sequences, Batch: 64, Threads: 2})
	must(t, err)
	t.Cleanup(c.Close)
	words, err := tokenizer.New(m.File)
	must(t, err)
	template, err := chat.New(m.File, words)
	must(t, err)
	with := serve.Options{Queue: o.Queue}
	if o.Shadow {
		with.Shadow, err = serve.NewShadow(c, reference, serve.ShadowOptions{Share: 1, Size: o.Size})
		must(t, err)
		t.Cleanup(with.Shadow.Close)
	}
	s := serve.New(c, words, with)
	if !o.Stopped {
		run(t, s, o.Pace)
	}
	return host.New(host.Host{Name: "tiny", Created: time.Unix(1700000000, 0), Tokenizer: words, Template: template, Scheduler: s,
		File: host.File{Arch: m.Arch, Type: "mixed", Parameters: 5115000, Bytes: 5 << 20}, Parallel: o.Sequences, Size: o.Size, Trained: m.Context, Limit: -1, Sampling: sample.Options{Repeat: 1, TopP: 1}, Plan: plan.Record(0)})
}

// run runs a scheduler until the test ends.
func run(t testing.TB, s *serve.Scheduler, pace func()) {
	ctx, cancel := context.WithCancel(context.Background())
	if pace != nil {
		ctx = paced{ctx, pace}
	}
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("the scheduler ended: %v", err)
		}
	})
}

// paced is a context that takes its time when it is asked whether it has ended.
type paced struct {
	context.Context
	pace func()
}

func (p paced) Err() error {
	p.pace()
	return p.Context.Err()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
