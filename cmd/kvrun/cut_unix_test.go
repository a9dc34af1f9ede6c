//go:build unix

package main

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"
)

// TestCutModel cuts the file of a model while it runs. It does so on the first output, when prompt
// and weights have been read once.
func TestCutModel(t *testing.T) {
	data, err := os.ReadFile(arches + "/llama_hd64/model.gguf")
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"run", "-p", "hi", "-n", "200", "-t", "2", "--ignore-eos"}, {"chat", "-p", "hi", "--ignore-eos"}, {"ppl", "-c", "16", "--format", "llama"},
	} {
		path := write(t, "cut.gguf", string(data))
		cut := writerFunc(func(p []byte) (int, error) { return len(p), os.Truncate(path, 4096) })
		var stderr bytes.Buffer
		code := run(context.Background(), append(args, "-m", path), strings.NewReader(""), cut, &stderr)
		if code != 2 || !strings.Contains(stderr.String(), "the file was cut") {
			t.Errorf("%q: exit %d: %s", args, code, stderr.String())
		}
	}
}
