//go:build nats || peers

package fleet

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/fleet/queue"
	"github.com/kvgen/kvgen/runtime/lab"
	"github.com/kvgen/kvgen/runtime/model"
)

// dialNew is a link to a server of its own.
func dialNew(t *testing.T) *Link {
	t.Helper()
	s, err := queue.Start(queue.Options{Folder: t.TempDir(), Host: "127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	l, err := Dial(context.Background(), Access{URL: s.URL()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

// TestTravel brings a model of two files to a worker's folder. What is not what was said gets no
// name there.
func TestTravel(t *testing.T) {
	ctx, l, from, to := context.Background(), dialNew(t), t.TempDir(), t.TempDir()
	paths := []string{filepath.Join(from, "a.gguf"), filepath.Join(from, "b.gguf")}
	for i, path := range paths {
		if err := os.WriteFile(path, bytes.Repeat([]byte{byte(i), 7}, 300_000), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	files, err := Files(ctx, paths)
	if err == nil {
		err = l.Send(ctx, paths, files)
	}
	if err == nil {
		err = l.Send(ctx, []string{"nowhere", "nowhere"}, files) // they are there
	}
	if err != nil {
		t.Fatal(err)
	}
	m := Model{Hash: hash, Files: files}
	first, err := l.Fetch(ctx, m, to)
	if err != nil || first != filepath.Join(to, hash, "model-00001-of-00002.gguf") {
		t.Fatal(first, err)
	}
	for i, name := range []string{"model-00001-of-00002.gguf", "model-00002-of-00002.gguf"} {
		want, _ := os.ReadFile(paths[i])
		if got, err := os.ReadFile(filepath.Join(to, hash, name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %v, %d bytes", name, err, len(got))
		}
	}
	for _, c := range []struct {
		says string
		m    Model
	}{
		{"does not travel", Model{Hash: "../" + hash[3:], Files: files}},
		{"does not travel", Model{Hash: hash}},
		{"600001 bytes that were said", Model{Hash: strings.Repeat("ab", 32), Files: []File{{files[0].SHA256, 600_001}}}},
		{"599999 bytes that were said", Model{Hash: strings.Repeat("ab", 32), Files: []File{{files[0].SHA256, 599_999}}}},
		{"not found", Model{Hash: strings.Repeat("ab", 32), Files: []File{{strings.Repeat("cd", 32), 600_000}}}},
	} {
		if _, err := l.Fetch(ctx, c.m, to); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v, want %q", err, c.says)
		}
	}
	// a server that lies about what a name stands for
	lie := strings.Repeat("cd", 32)
	if _, err := l.blobs.PutBytes(ctx, lie, []byte("lie")); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Fetch(ctx, Model{Hash: strings.Repeat("ab", 32), Files: []File{{lie, 3}}}, to); err == nil || !strings.Contains(err.Error(), "another SHA-256") {
		t.Error(err)
	}
	if left, _ := os.ReadDir(filepath.Join(to, strings.Repeat("ab", 32))); len(left) > 0 {
		t.Errorf("left %v", left)
	}
}

// TestFetched: a worker without the model brings it, and runs the sweep.
func TestFetched(t *testing.T) {
	f, err := newSample()
	if err != nil {
		t.Fatal(err)
	}
	f.in.Cells, f.in.Tasks = f.in.Cells[:2], f.in.Tasks[:1]
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	l, to := dialNew(t), t.TempDir()
	if f.in.Model.Files, err = Files(ctx, []string{tiny}); err != nil {
		t.Fatal(err)
	}
	if err := l.Send(ctx, []string{tiny}, f.in.Model.Files); err != nil {
		t.Fatal(err)
	}
	w := newWorker(l, "w", func(line string) { t.Log(line) })
	w.Hello.Models, w.Most = nil, 1<<30
	w.Open = func(ctx context.Context, of Model, _ string, _ int64) (*Opened, error) {
		path, err := l.Fetch(ctx, of, to)
		if err != nil {
			return nil, err
		}
		m, err := model.Open(path, kernels.Default())
		if err != nil {
			return nil, err
		}
		return &Opened{Model: m, Options: lab.Options{Threads: 1}, Close: m.Close}, nil
	}
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	o, err := f.offer(lab.NewJournal(f.header))
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Run(ctx, []*Offer{o}, nil); err != nil {
		t.Fatal(err)
	}
	if got, want := text(t, o.Sweep.Result()), f.alone(t); got != want {
		t.Errorf("a worker that brought its model finds\n%.1000s\none process\n%.1000s", got, want)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestHostile puts what no coordinator would into the streams: a worker passes over it, or says it,
// and then does what is asked of it.
func TestHostile(t *testing.T) {
	f, err := newSample()
	if err != nil {
		t.Fatal(err)
	}
	f.in.Cells, f.in.Tasks = f.in.Cells[:2], f.in.Tasks[:1]
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	l := dialNew(t)
	o, err := f.offer(lab.NewJournal(f.header))
	if err != nil {
		t.Fatal(err)
	}
	put := func(subject, data string) {
		t.Helper()
		if _, err := l.js.Publish(context.Background(), subject, []byte(data)); err != nil {
			t.Fatal(err)
		}
	}
	// Entries that are cut, of no hash, and without a consumer. Jobs with the subject of another,
	// of no task, and that are no JSON. A score of no sweep, and a greeting of too long a name.
	other := strings.Repeat("00", 32)
	put(entrySubject(other), `{"program":"test"`)
	put(entrySubject("x"), `{}`)
	put(entrySubject(strings.Repeat("01", 32)), `{"program":"test","backend":"here","model":"`+tinyHash()+`","memory":1,"size":9999,"travels":0}`)
	job := lab.Job{Task: 0, Chunk: 0, Cells: []int{0}}
	put(jobSubject(o.id, job), `{"task":0,"chunk":1,"cells":[0]}`)
	put("kvrun.jobs."+o.id+".7.0.0", `{"task":7,"chunk":0,"cells":[0]}`)
	put("kvrun.jobs."+o.id+".0.1.0", strings.Repeat("[", maxJob-100))
	put("kvrun.scores."+other+".0.0.0", `{"worker":"x","nll":"AAAA"}`)
	l.nc.Publish("kvrun.workers", []byte(`{"worker":"`+strings.Repeat("x", 1000)+`"}`))
	var said []string
	w := newWorker(l, "w", func(line string) { t.Log(line); said = append(said, line) })
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	fast := *l
	fast.lease = 1e9 // jobs whose place was taken are published again soon
	if err := fast.Run(ctx, []*Offer{o}, nil); err != nil {
		t.Fatal(err)
	}
	if got, want := text(t, o.Sweep.Result()), f.alone(t); got != want {
		t.Errorf("a fleet finds\n%.1000s\none process\n%.1000s", got, want)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	all := strings.Join(said, "\n")
	for _, want := range []string{"it ends before its value does", "subject of another", "left to others"} {
		if !strings.Contains(all, want) {
			t.Errorf("nobody said %q:\n%s", want, all)
		}
	}
	// A score that is a lie ends the sweep, and names its place.
	o, err = f.offer(lab.NewJournal(f.header))
	if err != nil {
		t.Fatal(err)
	}
	put(scoreSubject(o.id, 0, 0, lab.Reference), `{"worker":"liar","nll":"AAAA"}`)
	if err := l.Run(context.Background(), []*Offer{o}, nil); err == nil || !strings.Contains(err.Error(), "3, 0 and 0 bytes") {
		t.Error(err)
	}
}
