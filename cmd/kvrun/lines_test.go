package main

import (
	_ "embed"
	"path/filepath"
	"strings"
	"testing"
)

//go:embed testdata/lines.txt
var lines string

// TestLines runs lines that people have for llama.cpp, ik_llama.cpp, ollama and mlx_lm. Each works
// or says why it does not.
func TestLines(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("HF_HUB_OFFLINE", "1")
	t.Setenv("KVRUN_MODELS", dir)
	t.Setenv("HF_HOME", dir)
	t.Setenv("OLLAMA_MODELS", dir)
	stand := map[string]string{
		"M": arches + "/llama_hd64/model.gguf", "M2": arches + "/llama_hd128/model.gguf", "T": "../../testdata/arch/README.md",
		"G": write(t, "prompt.txt", "Now is the winter of our discontent"), "B": filepath.Join(dir, "base.kld"), "C": filepath.Join(dir, "cache"),
	}
	n := 0
	for _, l := range strings.Split(lines, "\n") {
		if l == "" || strings.HasPrefix(l, "#") {
			continue
		}
		at := strings.LastIndex(l, " | ")
		if at < 0 {
			t.Fatalf("no outcome: %s", l)
		}
		want, typed := l[:at], l[at+len(" | "):]
		n++
		code, stdout, stderr := kvrun("", words(t, typed, stand)...)
		outcome, out, _ := strings.Cut(want, " > ")
		outcome, says, _ := strings.Cut(outcome, ": ")
		for name, path := range stand {
			if says != "" && len(name) == 1 {
				says = strings.ReplaceAll(says, " "+name+" ", " "+path+" ")
			}
		}
		code = map[int]int{0: '0', 1: '1', 2: '2'}[code]
		if wanted := strings.Replace(outcome, "works", "0", 1); wanted != string(rune(code)) || !strings.Contains(stderr, says) || !strings.Contains(stdout, out) {
			t.Errorf("%s\nexit %c, want %s:\n%s%s", typed, code, want, stdout, stderr)
		}
		if says == "" && outcome == "works" && strings.Contains(stderr, "without effect") {
			t.Errorf("%s\nan effect that is missing is not in the list:\n%s", typed, stderr)
		}
		if strings.Count(stderr, "\n") > 12 {
			t.Errorf("%s\nmore than one clear error:\n%s", typed, stderr)
		}
	}
	if n < 134 {
		t.Errorf("%d lines only", n)
	}
}

// words cuts a line as a shell does, as far as quotes go, and puts paths for the names of stand.
func words(t *testing.T, line string, stand map[string]string) (all []string) {
	t.Helper()
	var quote rune
	word, started, quoted := "", false, false
	end := func() {
		if a, b, ok := strings.Cut(word, ","); ok && stand[a] != "" && stand[b] != "" {
			word = stand[a] + "," + stand[b]
		}
		if path, ok := stand[strings.TrimPrefix(word, "--model=")]; ok && !quoted {
			word = strings.Replace(word, strings.TrimPrefix(word, "--model="), path, 1)
		}
		if started {
			all = append(all, word)
		}
		word, started, quoted = "", false, false
	}
	for _, r := range line {
		switch {
		case quote == 0 && r == ' ':
			end()
		case quote == 0 && (r == '"' || r == '\''):
			quote, started, quoted = r, true, true
		case r == quote:
			quote = 0
		default:
			word, started = word+string(r), true
		}
	}
	if end(); quote != 0 {
		t.Fatalf("an open quote: %s", line)
	}
	return all
}
