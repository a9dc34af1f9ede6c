package jinja

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestLong renders a conversation of 4001 messages: what a template takes grows with the conversation, not its square.
// A million steps are about a tenth of a second.
func TestLong(t *testing.T) {
	messages := &List{}
	for i := range 2000 {
		messages.Items = append(messages.Items,
			NewDict("role", "user", "content", fmt.Sprintf("Question %d? ", i)+strings.Repeat("word ", 20)),
			NewDict("role", "assistant", "content", fmt.Sprintf("<think>\nhm %d\n</think>\n\nFine. ", i)+strings.Repeat("text ", 30)))
	}
	messages.Items = append(messages.Items, NewDict("role", "user", "content", "last"))
	vars := NewDict("messages", messages, "tools", nil, "documents", nil, "add_generation_prompt", true, "bos_token", "<s>", "eos_token", "</s>")
	paths, err := filepath.Glob("testdata/templates/*.jinja")
	more, err2 := filepath.Glob("../../../testdata/chat/*.jinja")
	if paths = append(paths, more...); err != nil || err2 != nil || len(paths) < 40 {
		t.Fatalf("%d templates, %v, %v", len(paths), err, err2)
	}
	for _, path := range paths {
		source, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		tmpl, err := Parse(string(source))
		if err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		text, m, err := tmpl.render(vars, moment)
		runtime.ReadMemStats(&after)
		if e, _ := err.(*Error); err != nil && !e.Raised || err == nil && len(text) < 500000 {
			t.Errorf("%s: %d bytes, %v", path, len(text), err)
		}
		if n := (after.TotalAlloc - before.TotalAlloc) >> 20; n > 100 || m.steps > 5_000_000 {
			t.Errorf("%s: %d MiB, %d steps", path, n, m.steps)
		}
	}
}
