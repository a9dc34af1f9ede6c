package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestQuantizeFolder holds folders to what the command says of them: no file of one is written, and
// what is missing or of no effect is named.
func TestQuantizeFolder(t *testing.T) {
	dir := t.TempDir()
	weights, out := filepath.Join(dir, "model.safetensors"), filepath.Join(t.TempDir(), "out.gguf")
	if err := os.WriteFile(weights, []byte("weights"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{dir, weights, "--force"}, 2, "which is read"},
		{[]string{dir, out}, 2, "config.json"},
		{[]string{dir, out, "--override-kv", "a=int:1"}, 1, "--override-kv is for GGUF files"},
	} {
		code, _, stderr := kvrun("", append([]string{"quantize", "--type", "q8_0"}, c.args...)...)
		if code != c.code || !strings.Contains(stderr, c.want) {
			t.Errorf("%q: exit %d, %s, want %d and %q", c.args, code, stderr, c.code, c.want)
		}
	}
	if left, err := os.ReadFile(weights); err != nil || string(left) != "weights" {
		t.Errorf("weights became %q, %v", left, err)
	}
}
