package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/gguf"
	"github.com/kvgen/kvgen/runtime/model"
	"github.com/kvgen/kvgen/runtime/state"
)

// hasControls reports whether text would do something else to a terminal than show characters.
func hasControls(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 })
}

// forged is a journal that was changed by somebody who can make checksums.
func forged(journal string) string {
	var b strings.Builder
	sum := ""
	for line := range strings.Lines(journal) {
		at := strings.LastIndex(line, `,"sum":"`)
		sum = state.SumOf([]byte(sum), []byte(line[:at]))
		b.WriteString(line[:at] + `,"sum":"` + sum + "\"}\n")
	}
	return b.String()
}

// TestControlCodes puts control codes and endless names into every kind of file, and looks at what
// commands print of them.
func TestControlCodes(t *testing.T) {
	dir := t.TempDir()
	const evil = "\\u001b[2J\\u001b]0;pwn\\u0007\\u009b31m"
	journal := filepath.Join(dir, "j.jsonl")
	if code, _, stderr := kvrun("", sweepArgs("--cells", "q8_0", "--out", journal)...); code != 0 {
		t.Fatal(stderr)
	}
	text, err := os.ReadFile(journal)
	if err != nil {
		t.Fatal(err)
	}
	names := strings.NewReplacer(`"path":"`, `"path":"`+evil, `"name":"`, `"name":"`+evil+`\n`+strings.Repeat("x", 5000), `"isa":"`, `"isa":"`+evil).Replace(string(text))
	put := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	shown := put("evil.jsonl", forged(names))
	if code, stdout, stderr := kvrun("", "sweep", "--show", shown); code != 0 || !strings.Contains(stdout, `\u001b[2J`) {
		t.Fatalf("the journal is not read: exit %d, %s %s", code, stdout, stderr)
	}
	for _, args := range [][]string{
		{"sweep", "--show", shown},
		{"sweep", "--show", shown, "--json"},
		{"sweep", "--show", shown, "--emit", "kvrun,llama.cpp"},
		{"sweep", "--show", put("cut.jsonl", "\x1b[2J"+names)},
		{"logits", "--out", "x", "--tokens", put("ids", "1 2 \x1b[31m5")},
		{"info", "--spec", put("a.hcl", "\x1b[2J\u009b"+strings.Repeat("\x00", 33000))},
		{"info", "--policy", put("p.json", `{"k": {"type": "`+evil+strings.Repeat("x", 900_000)+`"}}`)},
		{"info", "--policy", put("q.json", `{"`+evil+strings.Repeat("x", 900_000)+`": 1}`)},
		{"run", "-p", "x", "--prompt-cache-ro", "--prompt-cache", put("pc", "\x1b[2J\x1b[2J\x1b[2J\x1b[2J")},
		{"info", "-m", put("m.gguf", "GGUF\x1b[2J"+strings.Repeat("\x1b", 100))},
		{"\x1b[2J" + strings.Repeat("x", 100_000)},
	} {
		_, stdout, stderr := kvrun("", args...)
		if hasControls(stdout) || hasControls(stderr) {
			t.Errorf("%.60q prints control codes: %.300q %.300q", args, stdout, stderr)
		}
		if len(stderr) > 20<<10 || len(stdout) > 20<<10 && args[len(args)-1] != "--json" {
			t.Errorf("%.60q prints %d and %d bytes", args, len(stdout), len(stderr))
		}
	}
}

// TestShellText quotes what comes from a journal where it becomes part of a command line.
func TestShellText(t *testing.T) {
	journal := filepath.Join(t.TempDir(), "j.jsonl")
	if code, _, stderr := kvrun("", sweepArgs("--cells", "q8_0", "--out", journal)...); code != 0 {
		t.Fatal(stderr)
	}
	text, _ := os.ReadFile(journal)
	evil := strings.NewReplacer(`"effective":"q8_0"`, `"effective":"q8_0;$(id)`+"`id`"+`"`).Replace(string(text))
	if evil == string(text) {
		t.Fatal("the journal has no type to change")
	}
	if err := os.WriteFile(journal, []byte(forged(evil)), 0o666); err != nil {
		t.Fatal(err)
	}
	_, stdout, _ := kvrun("", "sweep", "--show", journal, "--emit", "llama.cpp,fork,ik,ollama,kvrun")
	found := 0
	for _, line := range strings.Split(stdout, "\n") {
		if _, command, ok := strings.Cut(line, "kvrun chat"); ok {
			found++
			if rest := strings.ReplaceAll(command, "'q8_0;$(id)`id`'", ""); strings.ContainsAny(rest, ";$`") {
				t.Errorf("not quoted: %s", line)
			}
		}
		for _, other := range []string{"llama-server", "ollama serve"} {
			if strings.Contains(line, other) && strings.ContainsAny(line, ";$`") {
				t.Errorf("not quoted: %s", line)
			}
		}
	}
	if found == 0 {
		t.Errorf("no command line in %s", stdout)
	}
}

// TestExitPrints keeps an error of any length and content to what can be read.
func TestExitPrints(t *testing.T) {
	var stderr strings.Builder
	e := &environment{ctx: t.Context(), stderr: &stderr}
	if code := e.exit("chat", errors.New("the template says \x1b[2J"+strings.Repeat("ab\x07", 50_000))); code != 2 {
		t.Errorf("exit %d", code)
	}
	if got := stderr.String(); hasControls(got) || len(got) > 5000 || !strings.HasPrefix(got, `kvrun chat: the template says \u001b[2Jab`) {
		t.Errorf("%d bytes: %.200q", len(got), got)
	}
}

// TestLongNames gives a model names without end: info shows their beginnings.
func TestLongNames(t *testing.T) {
	dir := t.TempDir()
	small := filepath.Join(dir, "small.gguf")
	if code, _, stderr := kvrun("", "synth", "--out", small, "--embd", "64", "--ff", "64", "--layers", "1", "--vocab", "64"); code != 0 {
		t.Fatal(stderr)
	}
	f, err := gguf.Open(small, model.TypeSize(kernels.Default()))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	long := filepath.Join(dir, "long.gguf")
	err = gguf.Create(long, func(w *gguf.Writer) error {
		for _, key := range f.Keys() {
			if v, ok, err := f.Str(key); ok && err == nil && key != "general.name" {
				w.Set(key, v)
			} else if v, ok, err := f.U32(key); ok && err == nil {
				w.Set(key, v)
			} else if v, ok, err := f.F32(key); ok && err == nil {
				w.Set(key, v)
			}
		}
		w.Set("general.name", "first"+strings.Repeat("x", 60_000)+"last")
		w.Set("llama."+strings.Repeat("y", 5000), strings.Repeat("z", 5000))
		for _, x := range f.Tensors() {
			w.Tensor(x.Name, x.Type, x.Dims, x.Size)
		}
		for i := range f.Tensors() {
			data, err := f.Data(&f.Tensors()[i])
			if err != nil {
				return err
			}
			w.Data(f.Tensors()[i].Name, data)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	code, out, stderr := kvrun("", "info", long)
	if code != 0 || !strings.Contains(out, "firstxxx") || !strings.Contains(out, "xlast") {
		t.Fatalf("exit %d: %.2000s%.2000s", code, out, stderr)
	}
	for line := range strings.Lines(out) {
		if len(line) > 600 {
			t.Errorf("a line of %d bytes: %.100s", len(line), line)
		}
	}
}
