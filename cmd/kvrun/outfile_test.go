package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/runtime/policy"
)

// copyTo copies a file of the test data.
func copyTo(t *testing.T, path, from string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(path, data, 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestOutputs points every output of every command at what it must not replace: inputs, files of
// another kind, older results.
func TestOutputs(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	copyTo(t, at("m.gguf"), arches+"/llama_hd64/model.gguf")
	copyTo(t, at("other.gguf"), arches+"/llama_hd64/model.gguf")
	for name, text := range map[string]string{
		"ids": "1 2 3 4", "notes.txt": strings.Repeat("to be or not to be ", 60), "hand.json": `{"k": {"type": "q8_0"}}`,
		"own.hcl": "# nothing", "page.html": "<!DOCTYPE html>mine",
	} {
		if err := os.WriteFile(at(name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	commands := map[string][]string{
		"--kl-divergence-base": {"kld", at("m.gguf"), "-f", at("notes.txt"), "-c", "16", "--chunks", "2"},
		"--out of logits":      {"logits", at("m.gguf"), "--tokens", at("ids")},
		"--out of calibrate":   {"calibrate", "-f", at("notes.txt"), "-m", at("m.gguf")},
		"--report":             {"sweep", at("m.gguf"), "-f", at("notes.txt"), "-c", "16", "--chunks", "2", "--cells", "q8_0"},
		"--out of sweep":       {"sweep", at("m.gguf"), "-f", at("notes.txt"), "-c", "16", "--chunks", "2", "--cells", "q8_0"},
		"--out of tune":        {"tune", at("m.gguf"), "--budget", "5bpv", "-f", at("notes.txt"), "-c", "16"},
		"--journal":            {"tune", at("m.gguf"), "--budget", "5bpv", "-f", at("notes.txt"), "-c", "16", "--out", at("p.json")},
		"--prompt-cache":       {"run", at("m.gguf"), "-f", at("ids"), "-n", "1"},
		"--out of synth":       {"synth", "--embd", "64", "--layers", "1"},
	}
	for flag, args := range commands {
		name, _, _ := strings.Cut(flag, " ")
		for _, victim := range []string{"m.gguf", "other.gguf", "ids", "notes.txt", "hand.json", "page.html"} {
			for _, force := range []bool{false, true} {
				args := append(append([]string{}, args...), name, at(victim))
				if force && (name == "--prompt-cache" || flag == "--out of synth" && strings.HasSuffix(victim, ".gguf")) {
					continue
				}
				if force {
					args = append(args, "--force")
				}
				before, _ := os.ReadFile(at(victim))
				code, out, stderr := kvrun("", args...)
				after, _ := os.ReadFile(at(victim))
				if code == 0 || out != "" || string(before) != string(after) {
					t.Errorf("%q: exit %d, changed: %t, printed %q", args, code, string(before) != string(after), out)
				}
				if !strings.Contains(stderr, at(victim)) || strings.Count(stderr, "\n") != 1 {
					t.Errorf("%q: %s", args, stderr)
				}
			}
		}
	}
	code, _, stderr := kvrun("", append(commands["--report"], "--out", at("j"), "--report", at("j"))...)
	if code == 0 || !strings.Contains(stderr, "want two files") {
		t.Errorf("one file twice: exit %d, %s", code, stderr)
	}
	// What the commands themselves wrote needs --force, and then is replaced.
	for flag, args := range commands {
		name, _, _ := strings.Cut(flag, " ")
		if name == "--journal" || name == "--prompt-cache" || flag == "--out of sweep" || strings.HasSuffix(flag, "calibrate") || strings.HasSuffix(flag, "tune") {
			continue
		}
		args = append(append([]string{}, args...), name, at("result of "+args[0]))
		for i, more := range [][]string{nil, nil, {"--force"}} {
			code, _, stderr := kvrun("", append(args, more...)...)
			if refused := code != 0 && strings.Contains(stderr, "--force replaces it"); refused != (i == 1) || !refused && code != 0 {
				t.Errorf("%q %q: exit %d, %s", args, more, code, stderr)
			}
		}
	}
}

// TestWrittenByHand keeps a policy that somebody wrote where tune would put its own.
func TestWrittenByHand(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.gguf")
	copyTo(t, path, arches+"/llama_hd64/model.gguf")
	hand := `{"k": {"type": "q8_0"}}`
	if err := os.WriteFile(policy.FilePath(path), []byte(hand), 0o666); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := kvrun("", "tune", path, "--budget", "5bpv", "-c", "16")
	text, _ := os.ReadFile(policy.FilePath(path))
	if code == 0 || string(text) != hand || !strings.Contains(stderr, "never replaced") {
		t.Errorf("exit %d, %s, holds %s", code, stderr, text)
	}
}
