package chat

import "testing"

// TestBegins: content begins at once where nothing comes before it, behind reasoning that the
// prompt has opened, and behind the header of the channel that is the user's.
func TestBegins(t *testing.T) {
	for _, c := range []struct {
		source, prompt string
		pieces         []string
		want           []bool // before the first piece, and after each
	}{
		{"{{ messages }}", "Hello", []string{"{"}, []bool{true, true}},
		{"<think>", "assistant\n<think>\n", []string{"so", " it is", "</think>"}, []bool{false, false, false, true}},
		{"<think>", "assistant\n", []string{"{"}, []bool{true, true}},
		{"<|channel|>", "<|start|>assistant", []string{"<|channel|>", "analysis", "<|message|>", "hm", "<|end|>", "<|start|>", "assistant", "<|channel|>", "final", "<|message|>"},
			[]bool{false, false, false, false, false, false, false, false, false, false, true}},
	} {
		begins := (&Template{Source: c.source}).Begins(c.prompt)
		for i, piece := range append([]string{""}, c.pieces...) {
			if got := begins(piece); got != c.want[i] {
				t.Errorf("%s, %q: behind %q: %v", c.source, c.prompt, piece, got)
			}
		}
	}
}
