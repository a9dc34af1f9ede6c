package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestQuantizeInput reads models that have the names of files that the result would grow in: they
// stay as they are.
func TestQuantizeInput(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "out.gguf")
	for _, in := range []string{out + ".part", out + ".part.journal"} {
		if code, _, stderr := kvrun("", strings.Fields("synth --embd 64 --head-dim 32 --ff 96 --layers 1 --vocab 1600 --type f16 -c 256 --out "+in)...); code != 0 {
			t.Fatal(stderr)
		}
		was, err := os.ReadFile(in)
		if err != nil {
			t.Fatal(err)
		}
		code, _, stderr := kvrun("", "quantize", in, out, "--type", "q4_0", "--force")
		if code != 2 || !strings.Contains(stderr, in+" is the file of "+in+", which is read") {
			t.Errorf("exit %d: %s", code, stderr)
		}
		if is, _ := os.ReadFile(in); !bytes.Equal(is, was) {
			t.Errorf("%s was replaced", in)
		}
		if err := os.Remove(in); err != nil {
			t.Fatal(err)
		}
	}
}
