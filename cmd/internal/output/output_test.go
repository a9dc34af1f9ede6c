package output

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func hello(w io.Writer) error { _, err := io.WriteString(w, "GGUF hello"); return err }

// TestRule tries every kind of file that is in the way, and every way to name it.
func TestRule(t *testing.T) {
	for _, c := range []struct {
		name, there string
		request     Request
		says        string // empty where it is written
	}{
		{"nothing there", "", Request{Kind: Model}, ""},
		{"an older result", "GGUF old", Request{Kind: Model}, "--out %: exists, a model (GGUF); --force replaces it"},
		{"forced", "GGUF old", Request{Kind: Model, Force: true}, ""},
		{"goes on", "GGUF old", Request{Kind: Model, Update: true}, ""},
		{"a text", "some notes", Request{Kind: Model, Force: true}, "is a text, which is never replaced"},
		{"a text to go on with", "some notes", Request{Kind: PromptCache, Update: true}, "is a text, which is never replaced"},
		{"a model", "GGUF old", Request{Kind: Logits, Force: true}, "is a model (GGUF), which is never replaced"},
		{"a journal", `{"kvrun_sweep":1,"header":{}}`, Request{Kind: Page, Force: true}, "is a journal"},
		{"a base file", "_logits_....", Request{Kind: Model, Force: true}, "is a base file"},
		{"a policy by hand", "{\n  \"k\": {\"type\": \"q8_0\"}\n}\n", Request{Kind: Policy, Force: true}, "is a text, which is never replaced"},
		{"a policy of tune", "{\n  \"model\": \"00\",\n  \"about\": \"kvrun tune: 4 bits\"\n}\n", Request{Kind: Policy, Force: true}, ""},
		{"a page by hand", "<!DOCTYPE html><p>mine", Request{Kind: Page, Force: true}, "is a text, which is never replaced"},
		{"bytes", "\x00\x01\x02\x03", Request{Kind: Logits, Force: true}, "not written by this command"},
	} {
		path := filepath.Join(t.TempDir(), "out")
		if c.there != "" {
			put(t, path, c.there)
		}
		var s Set
		c.request.Flag, c.request.Path = "--out", path
		f, err := s.Create(c.request)
		if c.says == "" {
			if err == nil {
				err = f.Fill(hello)
			}
			if err != nil || get(t, path) != "GGUF hello" {
				t.Errorf("%s: %v", c.name, err)
			}
		} else {
			want := strings.ReplaceAll(c.says, "%:", path)
			if err == nil || !strings.Contains(err.Error(), want) || get(t, path) != c.there {
				t.Errorf("%s: %v, want %s", c.name, err, want)
			}
		}
		if left, _ := os.ReadDir(filepath.Dir(path)); len(left) > 1 {
			t.Errorf("%s: %v left", c.name, left)
		}
	}
}

func TestEmptyFileIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	put(t, path, "")
	var s Set
	f, err := s.Create(Request{Path: path, Kind: Model})
	if err != nil || f.Fill(hello) != nil || get(t, path) != "GGUF hello" {
		t.Errorf("%v", err)
	}
}

// TestSameFile names one file twice, in all ways and orders.
func TestSameFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "m.gguf")
	put(t, path, "GGUF")
	hard, soft, over := filepath.Join(dir, "hard"), filepath.Join(dir, "soft"), filepath.Join(dir, "x", "..", "m.gguf")
	if err := errors.Join(os.Link(path, hard), os.Symlink("m.gguf", soft), os.Mkdir(filepath.Join(dir, "x"), 0o777)); err != nil {
		t.Skip("not tested: ", err)
	}
	for _, name := range []string{path, hard, soft, over} {
		var before, after Set
		if err := before.Input("--model", path); err != nil {
			t.Fatal(err)
		}
		want := "--out " + name + " is the file of --model " + path + ", which is read"
		if _, err := before.Create(Request{Flag: "--out", Path: name, Kind: Model, Force: true}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("read, then written: %v, want %s", err, want)
		}
		f, err := after.Create(Request{Flag: "--out", Path: name, Kind: Model, Force: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := after.Input("--model", path); err == nil || !strings.Contains(err.Error(), "which is read") {
			t.Errorf("written, then read: %v", err)
		}
		if _, err := after.Create(Request{Flag: "--report", Path: path, Kind: Model, Force: true}); err == nil || !strings.Contains(err.Error(), "want two files") {
			t.Errorf("written twice: %v", err)
		}
		f.Close()
		if err := after.Input("", path); err != nil {
			t.Errorf("an output that was given up is in the way: %v", err)
		}
	}
	var s Set // neither is there yet
	if err := s.Check(Request{Flag: "--journal", Path: filepath.Join(dir, "new"), Kind: Journal}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Create(Request{Flag: "--out", Path: dir + "/x/../new", Kind: Policy}); err == nil || !strings.Contains(err.Error(), "want two files") {
		t.Errorf("two new names: %v", err)
	}
}

// TestLink writes through links, to what is there and to what is not, and keeps them.
func TestLink(t *testing.T) {
	dir := t.TempDir()
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "real"), 0o777), os.Symlink("real/file", filepath.Join(dir, "b")), os.Symlink("b", filepath.Join(dir, "a"))); err != nil {
		t.Skip("not tested: ", err)
	}
	for range 2 {
		var s Set
		f, err := s.Create(Request{Path: filepath.Join(dir, "a"), Kind: Model, Force: true})
		if err != nil || f.Fill(hello) != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"a", "b"} {
			if info, err := os.Lstat(filepath.Join(dir, name)); err != nil || info.Mode()&os.ModeSymlink == 0 {
				t.Errorf("%s is a link no more", name)
			}
		}
		if get(t, filepath.Join(dir, "real", "file")) != "GGUF hello" {
			t.Error("the file at the end of the links was not written")
		}
	}
}

// TestAppears keeps the result and what another program wrote meanwhile.
func TestAppears(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	var s Set
	f, err := s.Create(Request{Flag: "--out", Path: path, Kind: Model})
	if err != nil {
		t.Fatal(err)
	}
	put(t, path, "other")
	if err := f.Fill(hello); err == nil || !strings.Contains(err.Error(), "the result is in "+path+".2") {
		t.Errorf("got %v", err)
	}
	if get(t, path) != "other" || get(t, path+".2") != "GGUF hello" {
		t.Error("a result was lost")
	}
}

// TestFailure keeps what was there when writing fails, leaves nothing else, and says what the
// system said.
func TestFailure(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out")
	put(t, path, "GGUF before")
	mine := errors.New("mine")
	var s Set
	f, err := s.Create(Request{Path: path, Kind: Model, Force: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Fill(func(w io.Writer) error { w.Write(make([]byte, 3<<20)); return mine }); err != mine {
		t.Errorf("got %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 || get(t, path) != "GGUF before" {
		t.Errorf("%v left", left)
	}
	full := &os.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}
	if err := (&Request{Path: path}).Cannot(full); !strings.Contains(err.Error(), "the disk is full") || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
	if _, err := s.Create(Request{Flag: "--out", Path: filepath.Join(dir, "none", "x"), Kind: Model}); err == nil || !strings.Contains(err.Error(), "there is no folder") {
		t.Errorf("got %v", err)
	}
	if _, err := s.Create(Request{Flag: "--out", Path: dir, Kind: Model}); err == nil || !strings.Contains(err.Error(), "is a folder") {
		t.Errorf("got %v", err)
	}
}

func TestStdout(t *testing.T) {
	var out bytes.Buffer
	s := Set{Stdout: &out}
	for _, path := range []string{"-", "/dev/stdout"} {
		out.Reset()
		f, err := s.Create(Request{Path: path, Kind: Model})
		if err != nil || !f.IsStdout() || f.Fill(hello) != nil || out.String() != "GGUF hello" {
			t.Errorf("%s: %v, %q", path, err, out.String())
		}
	}
}

// TestLogitsKind tells logits from what only looks like bytes.
func TestLogitsKind(t *testing.T) {
	var logits []byte
	for i := range 1000 {
		logits = binary.LittleEndian.AppendUint32(logits, math.Float32bits(float32(i)/7-60))
	}
	logits = binary.LittleEndian.AppendUint32(logits, math.Float32bits(float32(math.NaN())))
	dir := t.TempDir()
	for name, c := range map[string]struct {
		data []byte
		is   bool
	}{
		"logits": {logits, true}, "text": {[]byte(strings.Repeat("to be ", 1000)), false}, "zero": {make([]byte, 4096), false},
		"odd": {logits[:4001], false}, "integers": {bytes.Repeat([]byte{5, 0, 0, 0}, 99), false}, "model": {append([]byte("GGUF\x03\x00\x00\x00"), logits...), false},
	} {
		path := filepath.Join(dir, name)
		put(t, path, string(c.data))
		if head, err := beginning(path); err != nil || Logits.is(head, path) != c.is {
			t.Errorf("%s: is logits: %t", name, !c.is)
		}
	}
}
