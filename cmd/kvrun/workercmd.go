package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/kvgen/kvgen/cmd/internal/plain"
	"github.com/kvgen/kvgen/cmd/internal/version"
	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/fleet"
	"github.com/kvgen/kvgen/runtime/lab"
	"github.com/kvgen/kvgen/runtime/memory"
	"github.com/kvgen/kvgen/runtime/model"
)

// workerFlags are the flags of kvrun worker.
type workerFlags struct {
	m        modelFlags
	access   accessFlags
	untilEOF bool
	most     int64 // GiB of a model that is brought
	folder   string

	models map[string]string // paths by hash
}

// workerCommand runs jobs of sweeps of other processes.
func workerCommand(e *environment, args []string) error {
	var f workerFlags
	fs := newFlags("worker")
	fs.StringVar(&f.access.url, "fleet", "", "`address` of the NATS server: nats://HOST:4222 (default: KVRUN_FLEET)")
	f.access.add(fs)
	fs.Int64Var(&f.most, "max-model", 64, "`GiB` of a model at most that is brought from the server (sweep --fleet-send); 0 brings none")
	fs.BoolVar(&f.untilEOF, "until-eof", false, "end when the standard input does")
	fs.IntVarP(&f.m.threads, "threads", "t", 0, "`number` of threads (default: one per core, on Macs per performance core)")
	f.m.addCompute(fs, model.Exact)
	if err := e.parse(fs, "--fleet nats://HOST:4222 [MODEL]... [flags]", args); err != nil {
		return err
	}
	if err := f.check(e); err != nil {
		return err
	}
	if err := f.find(e, fs.Args()); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(e.ctx)
	defer stop()
	if f.untilEOF {
		go func() {
			io.Copy(io.Discard, e.stdin)
			stop()
		}()
	}
	on := e.within(ctx, e.table)
	link, err := f.access.dial(on)
	if err != nil {
		if ctx.Err() != nil && e.ctx.Err() == nil {
			return nil
		}
		return err
	}
	defer link.Close()
	w := f.worker(on, link)
	fmt.Fprintf(e.stderr, "worker %s: %s, %d threads, %d models\n", w.Hello.Worker, plain.Message(strings.Join(w.Hello.Backends, ", ")), f.m.threads, len(f.models))
	err = w.Run(ctx)
	if err == nil && e.ctx.Err() != nil {
		return e.ctx.Err()
	}
	return err
}

func (f *workerFlags) check(e *environment) error {
	if f.access.url == "" {
		f.access.url, _ = e.lookup(fleetVariable)
	}
	switch {
	case f.access.url == "" || f.access.url == localFleet:
		return errors.New("--fleet nats://HOST:4222: where is the server?")
	case len(f.m.specFlags.files) > 0:
		return errors.New("--spec: types given as text are not run by a fleet")
	case f.most < 0 || f.most > 1<<20:
		return fmt.Errorf("--max-model %d: want 0 to %d GiB", f.most, 1<<20)
	}
	if err := f.access.check(); err != nil {
		return err
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		f.most = 0 // nowhere to bring it to
	}
	f.folder = filepath.Join(dir, "kvrun", "fleet")
	f.m.typeK, f.m.typeV, f.m.rotK, f.m.rotV, f.m.kind = "f16", "f16", "off", "off", model.Exact
	if e.devices == nil {
		e.devices = devices{}
	}
	return f.m.checkCompute(e)
}

// find finds the hashes of the models: those that are named, and the embedded one.
func (f *workerFlags) find(e *environment, paths []string) error {
	f.models = map[string]string{}
	for _, path := range append([]string{""}, paths...) {
		m := f.m
		m.backends, m.places = nil, nil
		if path != "" {
			var err error
			if path, err = m.hub.path(e, path); err != nil {
				return err
			}
		}
		m.model = path
		s, err := e.open(&m)
		if err != nil {
			return err
		}
		id, err := s.identity()
		s.Close()
		if err != nil {
			return err
		}
		f.models[id.Hash()] = path
	}
	return nil
}

// within is the same world until ctx ends, with kernels of a table.
func (e *environment) within(ctx context.Context, table *kernels.Table) *environment {
	return &environment{ctx: ctx, stdin: e.stdin, stdout: e.stdout, stderr: e.stderr, lookup: e.lookup, environ: e.environ, devices: e.devices, table: table}
}

// worker is who runs the jobs.
func (f *workerFlags) worker(e *environment, link *fleet.Link) *fleet.Worker {
	h := fleet.Hello{Worker: hostWord() + "-" + rand.Text()[:6], Program: version.Short(), Backends: f.m.backendNames(), Threads: f.m.threads, Memory: memory.Total()}
	for hash := range f.models {
		h.Models = append(h.Models, hash)
	}
	return &fleet.Worker{Link: link, Hello: h, Most: f.most << 30,
		Open: func(ctx context.Context, m fleet.Model, backend string, bytes int64) (*fleet.Opened, error) {
			return f.open(ctx, e, link, m, backend, bytes)
		},
		Say: func(line string) { fmt.Fprintln(e.stderr, plain.Message(line)) }}
}

// backendNames are what this machine computes by: the GPUs that are named, else every instruction
// set that its processor has.
func (m *modelFlags) backendNames() (names []string) {
	if m.backends != nil {
		for _, b := range m.backends {
			names = append(names, fmt.Sprintf("%s %s %s, %s", runtime.GOARCH, b.driver.Name, b.Limits().Arch, b.Limits().Name))
		}
		return names
	}
	for _, i := range m.table.ISAs() {
		if i.Rejected == "" {
			names = append(names, runtime.GOARCH+" "+i.Name)
		}
	}
	return names
}

// open opens a model for a back end.
func (f *workerFlags) open(ctx context.Context, e *environment, link *fleet.Link, of fleet.Model, backend string, bytes int64) (*fleet.Opened, error) {
	path, ok := f.models[of.Hash]
	if !ok {
		var err error
		if path, err = link.Fetch(ctx, of, f.folder); err != nil {
			return nil, err
		}
	}
	if err := memory.Room("a job of the sweep", bytes); err != nil {
		return nil, err
	}
	m := f.m
	m.model = path
	if m.backends == nil {
		table, err := kernels.Default().SelectISA(strings.TrimPrefix(backend, runtime.GOARCH+" "))
		if err != nil {
			return nil, err
		}
		m.table = table
	}
	s, err := e.within(ctx, m.table).open(&m)
	if err != nil {
		return nil, err
	}
	if by := m.backendName(); by != backend {
		s.Close()
		return nil, fmt.Errorf("it is for %.200q, and this worker computes by %s", backend, by)
	}
	if _, err := s.identity(); err != nil {
		s.Close()
		return nil, err
	}
	return &fleet.Opened{Model: s.Model, Options: lab.Options{Threads: m.threads, Placements: m.places}, Close: s.Close}, nil
}

// backendName is what computes, with the processor, whose compiler may round otherwise.
func (m *modelFlags) backendName() string { return runtime.GOARCH + " " + m.computedBy() }
