//go:build nats || peers

package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/eval"
	"github.com/kvgen/kvgen/runtime/fleet/queue"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/lab"
	"github.com/kvgen/kvgen/runtime/model"
)

// roleVariable makes the test's own program a server, a worker or a coordinator, so that it can be
// killed.
const roleVariable = "KVRUN_FLEET_TEST_ROLE"

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		if err := play(role, os.Args[1], os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, role+":", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// play is one process of a fleet. It ends with its standard input, so that none is left over.
func play(role, at, what string) error {
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	if role == "server" {
		port, err := strconv.Atoi(at)
		if err != nil {
			return err
		}
		s, err := queue.Start(queue.Options{Folder: what, Host: "127.0.0.1", Port: port, Token: "secret"})
		if err != nil {
			return err
		}
		fmt.Println(s.URL())
		<-ctx.Done()
		s.Close()
		return nil
	}
	l, err := Dial(ctx, Access{URL: at, Lease: time.Second, Say: func(line string) { fmt.Fprintln(os.Stderr, what, line) }})
	if err != nil {
		return err
	}
	defer l.Close()
	if role == "worker" {
		return newWorker(l, what, func(string) {}).Run(ctx)
	}
	f, err := newSample()
	if err != nil {
		return err
	}
	journal, err := lab.Open(what, f.header)
	if err != nil {
		return err
	}
	defer journal.Close()
	o, err := f.offer(journal)
	if err != nil {
		return err
	}
	return l.Run(ctx, []*Offer{o}, nil)
}

const tiny = "../../testdata/arch/llama_hd64/model.gguf"

// tinyHash is the hash of its identity.
func tinyHash() string {
	m, err := model.Open(tiny, kernels.Default())
	if err != nil {
		panic(err)
	}
	defer m.Close()
	id, err := m.Identity()
	if err != nil {
		panic(err)
	}
	return id.Hash()
}

// openTiny is the Open of workers.
func openTiny(context.Context, Model, string, int64) (*Opened, error) {
	m, err := model.Open(tiny, kernels.Default())
	if err != nil {
		return nil, err
	}
	return &Opened{Model: m, Options: lab.Options{Threads: 1}, Close: m.Close}, nil
}

func newWorker(l *Link, name string, say func(string)) *Worker {
	return &Worker{Link: l, Hello: Hello{Worker: name, Program: "test", Backends: []string{"here"}, Models: []string{tinyHash()}}, Open: openTiny, Say: say}
}

// sample is a sweep of a tiny model: two tasks of many chunks, and more cells than a job has.
type sample struct {
	m      *model.Model
	header lab.Header
	in     Inputs
}

func newSample() (*sample, error) {
	m, err := model.Open(tiny, kernels.Default())
	if err != nil {
		return nil, err
	}
	id, err := m.Identity()
	if err != nil {
		return nil, err
	}
	plan := func(name string, last int) *kv.Plan {
		c := kv.Choice{Type: m.Table.ByName(name)}
		p, e := kv.NewPlan(m.KVLayers(), kv.Policy{K: c, V: c, Ends: kv.Ends{Last: last}})
		err = errors.Join(err, e)
		return p
	}
	f := &sample{m: m, header: lab.Header{Program: "test", Model: lab.Model{Path: "tiny", Hash: id.Hash()}, Reference: "f16", Math: "exact"}}
	f.in = Inputs{Program: "test", Backend: "here", Model: Model{Hash: id.Hash()}, Math: "exact", Reference: plan("f16", 0)}
	swap := &lab.Swap{Side: "K"} // not compared in pairs, which would take most of the time
	for last := range 18 {
		for _, name := range []string{"q8_0", "q4_0"} {
			f.in.Cells = append(f.in.Cells, lab.Cell{Name: fmt.Sprint(name, "@0+", last), Plan: plan(name, last), Swap: swap})
		}
	}
	text := eval.Text{BOS: 1, AddBOS: true}
	for i := range int32(20 * 16) {
		text.Tokens = append(text.Tokens, 10+i*i*37%250)
	}
	for _, s := range []lab.Setting{{Context: 16, Path: lab.Prefill}, {Context: 8, Path: lab.Decode}} {
		s.Corpus = lab.Corpus{Path: "text"}
		f.in.Tasks = append(f.in.Tasks, lab.Task{Setting: s, Text: text})
	}
	return f, err
}

func (f *sample) offer(j *lab.Journal) (*Offer, error) {
	s, err := lab.NewSweep(f.in.Tasks, f.in.Cells, 0, j)
	if err != nil {
		return nil, err
	}
	return NewOffer(s, f.in)
}

// alone is the result in one process.
func (f *sample) alone(t *testing.T) string {
	t.Helper()
	r, err := lab.Run(context.Background(), f.m, f.in.Tasks, f.in.Cells, lab.Options{Reference: f.in.Reference, Threads: 1}, lab.NewJournal(f.header), nil)
	if err != nil {
		t.Fatal(err)
	}
	return text(t, r)
}

func text(t *testing.T, r *lab.Result) string {
	t.Helper()
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// process is a process of a fleet.
type process struct {
	role, at, what string

	cmd   *exec.Cmd
	stdin io.Closer
	out   io.Reader
}

func start(t *testing.T, role, at, what string) *process {
	t.Helper()
	p := &process{role: role, at: at, what: what, cmd: exec.Command(os.Args[0], at, what)}
	p.cmd.Env = append(os.Environ(), roleVariable+"="+role)
	p.cmd.Stderr = os.Stderr
	var err error
	if p.stdin, err = p.cmd.StdinPipe(); err == nil {
		p.out, err = p.cmd.StdoutPipe()
	}
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	return p
}

func (p *process) kill() {
	p.cmd.Process.Kill()
	p.cmd.Wait()
}

// freePort is a port that was free a moment ago.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// TestFleet runs a sweep by two workers, and finds the bits of one process.
func TestFleet(t *testing.T) {
	f, err := newSample()
	if err != nil {
		t.Fatal(err)
	}
	s, err := queue.Start(queue.Options{Folder: t.TempDir(), Host: "127.0.0.1", Token: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	dial := func(lease time.Duration) *Link {
		l, err := Dial(ctx, Access{URL: s.URL(), Lease: lease})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(l.Close)
		return l
	}
	ended := make(chan error)
	for i := range 2 {
		w := newWorker(dial(0), fmt.Sprint("w", i), func(line string) { t.Log(i, line) })
		go func() { ended <- w.Run(ctx) }()
	}
	journal := lab.NewJournal(f.header)
	o, err := f.offer(journal)
	if err != nil {
		t.Fatal(err)
	}
	l, last := dial(0), 0
	if err := l.Run(ctx, []*Offer{o}, func(done int) { last = done }); err != nil {
		t.Fatal(err)
	}
	if want := (20 + 40) * 36; last != want {
		t.Errorf("%d scores, want %d", last, want)
	}
	if got, want := text(t, o.Sweep.Result()), f.alone(t); got != want {
		t.Errorf("a fleet finds\n%.2000s\none process\n%.2000s", got, want)
	}
	for _, name := range []string{"kvrun-sweeps", "kvrun-jobs", "kvrun-scores"} {
		x, err := l.js.Stream(ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		if n := x.CachedInfo().State.Msgs; n != 0 {
			t.Errorf("%d messages are left in %s", n, name)
		}
	}
	u, _ := url.Parse(s.URL())
	u.User = url.User("wrong")
	if _, err := Dial(ctx, Access{URL: u.String()}); err == nil {
		t.Error("a wrong token is let in")
	}
	stop()
	for range 2 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}
