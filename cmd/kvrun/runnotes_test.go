package main

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"
)

// TestRunInOnePiece writes both outputs to one place, as a terminal does. No note stands between a
// prompt and its continuation.
func TestRunInOnePiece(t *testing.T) {
	const prompt = "KING HENRY:\nOnce more unto the breach"
	file := filepath.Join(t.TempDir(), "cache")
	for range 2 { // without a file, and with one
		var both bytes.Buffer
		args := []string{"run", "-p", prompt, "-n", "4", "--temp", "0", "--math", "exact", "--ignore-eos", "--prompt-cache", file}
		if code := run(context.Background(), args, strings.NewReader(""), &both, &both); code != 0 {
			t.Fatalf("exit %d: %s", code, &both)
		}
		var alone runResult
		kvrunJSON(t, &alone, "run", "-p", prompt, "-n", "4", "--temp", "0", "--math", "exact", "--ignore-eos", "--json")
		if text := prompt + alone.Text; alone.Text == "" || !strings.Contains(both.String(), text) || !strings.Contains(both.String(), "prompt cache: ") {
			t.Errorf("no %q in one piece, or no word of the prompt cache, in %q", text, &both)
		}
	}
}

// TestPromptBeyondContext is told which --ctx-size holds it.
func TestPromptBeyondContext(t *testing.T) {
	long := strings.Repeat("a rose is a rose ", 20)
	if code, _, stderr := kvrun("", "run", "-p", long, "-n", "1", "-c", "16"); code == 0 || !strings.Contains(stderr, "--ctx-size ") || !strings.Contains(stderr, "trained for 1024") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}
