package serve

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/generate"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
)

// head is what the rows of a family's context are of.
func (f family) head(t *testing.T) generate.Head {
	t.Helper()
	id, err := f.m.Identity()
	if err != nil {
		t.Fatal(err)
	}
	return generate.Head{Model: *id, Math: "exact", By: "avx2", Program: "test"}
}

// keeping is a scheduler that keeps prompts in a folder, with what it says of files.
func (f family) keeping(t *testing.T, p kv.Policy, o StoreOptions) (*Scheduler, *[]string) {
	t.Helper()
	s := f.scheduler(t, p, 4, Options{Queue: 8, Chunk: 8})
	notes := &[]string{}
	o.Note = func(text string) { *notes = append(*notes, text) }
	store, err := OpenStore(s.c, o)
	if err != nil {
		t.Fatal(err)
	}
	s.o.Store, s.disk.Store = store, store
	return s, notes
}

// serve runs texts to their ends, and the scheduler to its.
func serve(t *testing.T, s *Scheduler, requests ...Request) (all []Result) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	for _, r := range requests {
		x := submit(t, s, r)
		result, err := x.Wait()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, result)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	return all
}

func (f family) request(prompt []int32, rows *[][]float32) Request {
	r := Request{Tokens: prompt, Options: generate.Options{Limit: 4, IgnoreEnd: true}}
	if rows != nil {
		r.Observe = func(_ int32, logits []float32) { *rows = append(*rows, slices.Clone(logits)) }
	}
	return r
}

// TestKeptOnDisk: what one server kept another begins with, in every family, and its logits are
// those of a run from the start.
func TestKeptOnDisk(t *testing.T) {
	forFamilies(t, func(t *testing.T, f family) {
		for name, p := range policies() {
			t.Run(name, func(t *testing.T) {
				o := StoreOptions{Folder: t.TempDir(), Bytes: 1 << 30, Head: f.head(t)}
				var first, again [][]float32
				s, _ := f.keeping(t, p, o)
				serve(t, s, f.request(f.tokens[:80], &first))
				if s.Stats().Saved == 0 {
					t.Fatal("nothing was kept")
				}
				s, notes := f.keeping(t, p, o)
				r := serve(t, s, f.request(f.tokens[:80], &again))[0]
				if s.Stats().Loaded != 1 || len(*notes) > 0 {
					t.Errorf("%+v, %q", s.Stats(), *notes)
				}
				if r.Reused != 79 {
					t.Errorf("%d of 80 tokens were cached", r.Reused)
				}
				if d := apart(again, first); d > orderOfSums {
					t.Errorf("logits differ by %v", d)
				}
			})
		}
	})
}

// kept is a family with a folder where a prompt of it is kept.
func kept(t *testing.T) (family, StoreOptions) {
	t.Helper()
	f := openFamily(t, "llama_hd64")
	o := StoreOptions{Folder: t.TempDir(), Bytes: 1 << 30, Head: f.head(t)}
	s, _ := f.keeping(t, policies()["q8_0"], o)
	serve(t, s, f.request(f.tokens[:80], nil))
	return f, o
}

func openFamily(t *testing.T, name string) family {
	t.Helper()
	f := family{words: demoWords(t)}
	var err error
	if f.m, err = model.Open("../../testdata/arch/"+name+"/model.gguf", kernels.Default()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.m.Close() })
	for i := range int32(96) {
		f.tokens = append(f.tokens, (i*37+5)%int32(f.m.Vocab))
	}
	return f
}

// TestOthersRows: rows of another plan, build or model are never used; a file that lies where they
// are looked for is named, with the reason.
func TestOthersRows(t *testing.T) {
	f, o := kept(t)
	for what, c := range map[string]struct {
		policy string
		change func(*StoreOptions)
	}{
		"another plan":  {"f16", func(*StoreOptions) {}},
		"another build": {"q8_0", func(o *StoreOptions) { o.Head.Program = "other" }},
		"another form":  {"q8_0", func(o *StoreOptions) { o.Head.Math = "fast" }},
		"another model": {"q8_0", func(o *StoreOptions) { o.Head.Model.Weights = "other" }},
	} {
		t.Run(what, func(t *testing.T) {
			o := o
			c.change(&o)
			s, notes := f.keeping(t, policies()[c.policy], o)
			if r := serve(t, s, f.request(f.tokens[:80], nil))[0]; r.Reused != 0 || len(*notes) != 0 {
				t.Errorf("%d tokens were cached, %q", r.Reused, *notes)
			}
			// Now its file is put where rows of the first are looked for.
			own, err := filepath.Glob(filepath.Join(s.disk.folder, "*"+savedExt))
			if err != nil || len(own) != 1 {
				t.Fatal(own, err)
			}
			first, _ := f.keeping(t, policies()["q8_0"], StoreOptions{Folder: t.TempDir(), Bytes: 1 << 30, Head: f.head(t)})
			data, err := os.ReadFile(own[0])
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(first.disk.folder, "moved"+savedExt)
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			first.disk.saved = nil
			first.disk.Store.o.Note = func(text string) { *notes = append(*notes, text) }
			if err := first.disk.scan(); err != nil {
				t.Fatal(err)
			}
			if r := serve(t, first, f.request(f.tokens[:80], nil))[0]; r.Reused != 0 {
				t.Errorf("%d tokens of it were used", r.Reused)
			}
			if len(*notes) != 1 || !strings.Contains((*notes)[0], path+" is not used: ") {
				t.Errorf("%q", *notes)
			}
		})
	}
}

// TestDamagedFile: a file that is cut or changed is named and not used, wherever that is.
func TestDamagedFile(t *testing.T) {
	f, o := kept(t)
	paths, err := filepath.Glob(filepath.Join(o.Folder, "*", "*"+savedExt))
	if err != nil || len(paths) != 1 {
		t.Fatal(paths, err)
	}
	whole, err := os.ReadFile(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	for i := range 40 {
		at := len(whole) * i / 40
		changed := slices.Clone(whole)
		changed[at] ^= 4
		for how, data := range map[string][]byte{"changed": changed, "cut": whole[:at]} {
			if err := os.WriteFile(paths[0], data, 0o600); err != nil {
				t.Fatal(err)
			}
			s, notes := f.keeping(t, policies()["q8_0"], o)
			// what was kept is not written again: the file is to stay as it is
			s.disk.Store.o.Bytes = 1 << 30
			if r := serve(t, s, f.request(f.tokens[:80], nil))[0]; r.Reused != 0 || len(*notes) != 1 {
				t.Errorf("%s at byte %d: %d tokens were used, %q", how, at, r.Reused, *notes)
			}
		}
	}
}

// TestDiskBudget removes what was used longest ago.
func TestDiskBudget(t *testing.T) {
	f, o := kept(t)
	paths, _ := filepath.Glob(filepath.Join(o.Folder, "*", "*"+savedExt))
	info, err := os.Stat(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(paths[0], old, old); err != nil {
		t.Fatal(err)
	}
	o.Bytes = 3 * info.Size()
	s, _ := f.keeping(t, policies()["q8_0"], o)
	for i := range int32(4) {
		serve(t, s, f.request(append([]int32{100 + i}, f.tokens[:79]...), nil))
		s, _ = f.keeping(t, policies()["q8_0"], o)
	}
	left, _ := filepath.Glob(filepath.Join(o.Folder, "*", "*"+savedExt))
	total := int64(0)
	for _, path := range left {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		total += info.Size()
	}
	if total > o.Bytes || len(left) < 2 || slices.Contains(left, paths[0]) {
		t.Errorf("%d files of %d bytes, the budget is %d", len(left), total, o.Bytes)
	}
}

// TestOthersFiles: what is no store's is never removed, whatever it is called and wherever a link
// leads.
func TestOthersFiles(t *testing.T) {
	f, o := kept(t)
	hash := strings.Repeat("0a", nameBytes)
	elsewhere := t.TempDir()
	if err := os.Symlink(elsewhere, filepath.Join(o.Folder, strings.Repeat("0b", nameBytes))); err != nil {
		t.Skipf("links: %v", err)
	}
	theirs := []string{
		filepath.Join(o.Folder, "notes", "system"+savedExt), filepath.Join(o.Folder, "notes", hash+savedExt),
		filepath.Join(o.Folder, hash, "system"+savedExt), filepath.Join(elsewhere, hash+savedExt),
		filepath.Join(o.Folder, hash, strings.Repeat("0A", nameBytes)+savedExt), filepath.Join(o.Folder, hash, hash),
	}
	own := filepath.Join(o.Folder, hash, hash+savedExt)
	for _, path := range append(theirs, own) {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, make([]byte, 1000), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	o.Bytes = 1
	s, _ := f.keeping(t, policies()["q8_0"], o)
	serve(t, s, f.request(append([]int32{100}, f.tokens[:79]...), nil))
	for _, path := range theirs {
		if _, err := os.Stat(path); err != nil {
			t.Errorf("%v", err)
		}
	}
	if _, err := os.Stat(own); err == nil {
		t.Error("a store's file of another model stays beyond the budget")
	}
}

// TestKilled: a server that is killed at any moment has lost nothing that it said it had kept.
func TestKilled(t *testing.T) {
	const folder = "KVGEN_TEST_KEEP"
	f := openFamily(t, "llama_hd64")
	prompt := func(i int32) []int32 { return append([]int32{i % 200, i / 200}, f.tokens[:78]...) }
	if path := os.Getenv(folder); path != "" { // the server
		s, _ := f.keeping(t, policies()["q8_0"], StoreOptions{Folder: path, Bytes: 1 << 30, Head: f.head(t)})
		go s.Run(t.Context())
		for i := int32(0); ; i++ {
			if _, err := submit(t, s, f.request(prompt(i), nil)).Wait(); err != nil {
				t.Fatal(err)
			}
			for s.Stats().Saved <= uint64(i) {
				time.Sleep(time.Millisecond)
			}
			fmt.Println("kept", i)
		}
	}
	path := t.TempDir()
	for round := range 3 {
		c := exec.Command(os.Args[0], "-test.run=^TestKilled$")
		c.Env = append(os.Environ(), folder+"="+path)
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		last := -1
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if n, found := strings.CutPrefix(lines.Text(), "kept "); found {
				if last, err = strconv.Atoi(n); err != nil {
					t.Fatal(err)
				}
			}
			if last == 3+2*round {
				time.Sleep(time.Duration(round) * 3 * time.Millisecond)
				c.Process.Kill()
			}
		}
		c.Wait()
		if last < 3 {
			t.Fatalf("the server kept %d prompts", last+1)
		}
		s, notes := f.keeping(t, policies()["q8_0"], StoreOptions{Folder: path, Bytes: 1 << 30, Head: f.head(t)})
		for i := range int32(last + 1) {
			x, n := s.disk.longest(prompt(i))
			if n != 79 {
				t.Fatalf("prompt %d was kept and %d of its tokens are there", i, n)
			}
			if rows, n, err := s.disk.load(x, prompt(i)); err != nil || n != 79 || rows.Len() != 79 {
				t.Errorf("prompt %d: %d tokens, %v", i, n, err)
			}
		}
		if len(*notes) > 0 {
			t.Errorf("%q", *notes)
		}
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
	}
}
