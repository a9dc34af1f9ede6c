package model

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/gguf"
)

// logitsOf is the logits of a few tokens.
func logitsOf(t *testing.T, m *Model) [][]float32 {
	t.Helper()
	x, err := (&conformance{model: m}).context(t, "f32", "f32", Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	var all [][]float32
	err = x.Eval([]int32{1, 17, 80, 33, 5, 29, 64, 90, 12, 100, 71, 3, 8, 44, 19, 2}, 0, func(_ int, l []float32) error {
		all = append(all, slices.Clone(l))
		return nil
	})
	if err != nil {
		all = nil // of logits that are no numbers
	}
	return all
}

// TestIdentityOfKeys changes every hyperparameter of every family in turn: a model that computes
// something else is another one, and the message says by which key.
func TestIdentityOfKeys(t *testing.T) {
	others, moved := 0, 0
	for _, name := range []string{"llama_rope", "mistral3", "qwen2", "qwen3", "gemma2", "gemma3", "gemma4_e2b", "gemma4_a4b", "qwen35", "qwen3moe", "gptoss", "gpt2", "phi3_long", "starcoder2"} {
		r := recipeOf(t, name)
		arch := r.keys["general.architecture"].(string)
		data, err := r.bytes()
		if err != nil {
			t.Fatal(err)
		}
		was, err := Parse(data, kernels.Default())
		if err != nil {
			t.Fatal(err)
		}
		want, id := logitsOf(t, was), identity(t, was)
		try := func(key string, v any) {
			c := r.clone()
			c.keys[key] = v
			data, err := c.bytes()
			if err != nil {
				t.Fatal(err)
			}
			m, err := Parse(data, kernels.Default())
			if err != nil {
				return
			}
			err = identity(t, m).Check("the file", id)
			if !slices.EqualFunc(want, logitsOf(t, m), slices.Equal) {
				moved++
				if err == nil || !strings.Contains(err.Error(), strings.TrimPrefix(key, arch+".")) {
					t.Errorf("%s: %s = %v gives other logits: %v", name, key, v, err)
				}
			}
			if err != nil {
				others++
			}
		}
		for key, v := range r.keys {
			switch v := v.(type) {
			case uint32:
				for _, x := range []uint32{1, 2, v + 1, 2 * v, v / 2} {
					try(key, x)
				}
			case float32:
				try(key, v*1.25)
			case []uint32:
				for i := range v {
					x := slices.Clone(v)
					x[i]++
					try(key, x)
				}
			case []bool:
				x := slices.Clone(v)
				x[0] = !x[0]
				try(key, x)
			}
		}
		for _, key := range optional {
			if _, ok := r.keys[arch+"."+key]; !ok {
				for _, v := range []any{float32(3), uint32(7), "yarn", "linear"} {
					try(arch+"."+key, v)
				}
			}
		}
		for _, key := range []string{"general.name", "general.author", "tokenizer.chat_template", arch + ".vocab_size"} {
			c := r.clone()
			c.keys[key] = "another"
			data, err := c.bytes()
			if err != nil {
				t.Fatal(err)
			}
			m, err := Parse(data, kernels.Default())
			if err != nil {
				t.Fatal(err)
			}
			if err := identity(t, m).Check("the file", id); err != nil {
				t.Errorf("%s: %s makes another model: %v", name, key, err)
			}
		}
	}
	t.Logf("%d changes gave other logits, %d another model", moved, others)
	if moved < 150 {
		t.Errorf("only %d changes gave other logits", moved)
	}
}

// TestIdentityOfBytes changes single bits of weights and of the tokenizer.
func TestIdentityOfBytes(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(arches, "qwen2", "model.gguf"))
	if err != nil {
		t.Fatal(err)
	}
	was, err := Parse(bytes.Clone(data), kernels.Default())
	if err != nil {
		t.Fatal(err)
	}
	id := identity(t, was)
	check := func(at int64, says string) {
		t.Helper()
		x := bytes.Clone(data)
		x[at] ^= 1
		m, err := Parse(x, kernels.Default())
		if err != nil {
			t.Fatal(err)
		}
		if err := identity(t, m).Check("the file", id); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("byte %d: %v, want %q", at, err, says)
		}
	}
	for i, x := range was.File.Tensors() {
		check(x.Offset+x.Size*int64(i%7+1)/9, "the weights differ")
	}
	for _, key := range []string{"tokenizer.ggml.tokens", "tokenizer.ggml.token_type"} {
		raw, ok, err := was.File.Raw(key)
		if err != nil || !ok {
			t.Fatal(key, ok, err)
		}
		at := bytes.Index(data, raw) + len(raw) - 4
		if key == "tokenizer.ggml.tokens" {
			at += 3 // the last letter of the last token
		}
		check(int64(at), key+" differs")
	}
}

// TestDigests keeps the digest of a large model and changes the file behind it in ways that times
// do not show.
func TestDigests(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "m.gguf")
	const size = digestWorth + 4096
	err := gguf.Create(path, func(w *gguf.Writer) error {
		w.Set("general.architecture", "llama")
		w.Tensor("a", 0, []int64{size / 4}, size)
		return w.Data("a", make([]byte, size))
	})
	if err != nil {
		t.Fatal(err)
	}
	read := 0
	d := &Digests{Folder: filepath.Join(dir, "kept"), Reading: func(int64) { read++ }}
	digest := func() string {
		t.Helper()
		f, err := gguf.Open(path, TypeSize(kernels.Default()))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, ok := f.Stamps(); !ok {
			t.Skip("the file system does not say when a file changed last")
		}
		w, err := d.weights(f, nil)
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	digestSettle = 50 * time.Millisecond
	os.Chmod(path, 0o600) // it changes now
	d.Reading = func(int64) { time.Sleep(100 * time.Millisecond) }
	digest()
	if _, err := os.Stat(d.Folder); err == nil {
		t.Fatal("a file was kept that had just changed when its weights began to be read")
	}
	digestSettle, d.Reading = 10*time.Second, func(int64) { read++ }
	first := digest()
	if _, err := os.Stat(d.Folder); err == nil || read != 1 {
		t.Fatal("a file that has just changed was kept")
	}
	age(t, d, path)
	if digest() != first || read != 1 {
		t.Fatal("what is kept was not used")
	}
	// One byte in the middle, and the time of the last write put back.
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(20 * time.Millisecond) // more than the grain of the time of the last change
	h, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.WriteAt([]byte{1}, size/2); err != nil {
		t.Fatal(err)
	}
	h.Close()
	if err := os.Chtimes(path, before.ModTime(), before.ModTime()); err != nil {
		t.Fatal(err)
	}
	second := digest()
	if second == first || read != 2 {
		t.Fatal("a changed file has the digest of the old one")
	}
	age(t, d, path)
	list, err := os.ReadDir(d.Folder)
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	name := filepath.Join(d.Folder, list[0].Name())
	good, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	// What was damaged, or could be another user's, does not count.
	for i := 0; i < len(good); i += 37 {
		bad := bytes.Clone(good)
		bad[i] ^= 1
		os.WriteFile(name, bad, 0o600)
		if got := digest(); got != second {
			t.Fatalf("byte %d of what is kept: %s", i, got)
		}
	}
	for what, change := range map[string]func() error{
		"cut":           func() error { return os.WriteFile(name, good[:len(good)/2], 0o600) },
		"for everybody": func() error { os.WriteFile(name, good, 0o600); return os.Chmod(name, 0o666) },
		"a link":        func() error { os.Rename(name, name+".x"); return os.Symlink(name+".x", name) },
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		if n := read; digest() != second || read != n+1 {
			t.Errorf("%s: it was used", what)
		}
		os.Remove(name)
		os.WriteFile(name, good, 0o600)
	}
}

// age has the digest of a file kept as if it had not changed for long.
func age(t *testing.T, d *Digests, path string) {
	t.Helper()
	f, err := gguf.Open(path, TypeSize(kernels.Default()))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	stamps, _ := f.Stamps()
	ends, err := digestTensors(f, digestEnds, nil)
	if err != nil {
		t.Fatal(err)
	}
	all, err := digestTensors(f, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	d.keep(kept{Form: digestForm, Stamps: stamps, Ends: ends, Weights: all})
}

// TestDigestStops ends the reading of a large model.
func TestDigestStops(t *testing.T) {
	m, err := Open(filepath.Join(arches, "qwen2", "model.gguf"), kernels.Default())
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	stopped := fmt.Errorf("stopped")
	if _, err := digestTensors(m.File, 0, func() error { return stopped }); err != stopped {
		t.Error(err)
	}
}
