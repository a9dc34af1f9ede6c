package main

import (
	"strings"
	"testing"
)

// TestTokenizeErrors names what was wrong of a line, and not what was right.
func TestTokenizeErrors(t *testing.T) {
	model := arches + "/llama_hd64/model.gguf"
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{model, "hello"}, `"hello" belongs to no flag`},
		{[]string{"-m", model, "hello"}, `"hello" belongs to no flag`},
		{[]string{model, "-p", "a", "-f", "b"}, "both given"},
		{[]string{model, "-f", "nowhere.txt"}, "nowhere.txt"},
	} {
		if code, _, stderr := kvrun("", append([]string{"tokenize"}, c.args...)...); code != 2 || !strings.Contains(stderr, c.says) {
			t.Errorf("%q: exit %d, want 2 with %q: %s", c.args, code, c.says, stderr)
		}
	}
}
