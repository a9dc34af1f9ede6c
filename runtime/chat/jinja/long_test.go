package jinja

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestLong renders a conversation of 4001 messages: what a template takes grows with the
// conversation, not its square. A million steps are about a tenth of a second.
func TestLong(t *testing.T) {
	vars := longTalk()
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
		text, megabytes, steps, err := renderLong(t, string(source), vars)
		if e, _ := err.(*Error); err != nil && !e.Raised || err == nil && len(text) < 500000 {
			t.Errorf("%s: %d bytes, %v", path, len(text), err)
		}
		if megabytes > 100 || steps > 5_000_000 {
			t.Errorf("%s: %d MiB, %d steps", path, megabytes, steps)
		}
	}
}

// TestLookBack renders a template that walks back from every message, as gemma-4-31B-it's does:
// eight million rounds, in which a look at an attribute allocates nothing.
func TestLookBack(t *testing.T) {
	text, megabytes, _, err := renderLong(t, `{%- for i in range(messages | length) -%}
{%- set seen = namespace(found=false) -%}
{%- for j in range(i - 1, -1, -1) -%}{%- if not seen.found and messages[j].role == 'user' -%}{%- set seen.found = true -%}{%- endif -%}{%- endfor -%}
{{ 'y' if seen.found else 'n' }}{%- endfor -%}`, longTalk())
	if err != nil || text != "n"+strings.Repeat("y", 4000) || megabytes > 100 {
		t.Errorf("%d bytes, %d MiB, %v", len(text), megabytes, err)
	}
}

// longTalk is a conversation of 4001 messages.
func longTalk() *Dict {
	messages := &List{}
	for i := range 2000 {
		messages.Items = append(messages.Items,
			NewDict("role", "user", "content", fmt.Sprintf("Question %d? ", i)+strings.Repeat("word ", 20)),
			NewDict("role", "assistant", "content", fmt.Sprintf("<think>\nhm %d\n</think>\n\nFine. ", i)+strings.Repeat("text ", 30)))
	}
	messages.Items = append(messages.Items, NewDict("role", "user", "content", "last"))
	return NewDict("messages", messages, "tools", nil, "documents", nil, "add_generation_prompt", true, "bos_token", "<s>", "eos_token", "</s>")
}

// renderLong renders a template and says what it allocated, in MiB, and how many steps it took.
func renderLong(t *testing.T, source string, vars *Dict) (text string, megabytes uint64, steps int64, err error) {
	t.Helper()
	tmpl, err := Parse(source)
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	text, m, err := tmpl.render(vars, moment)
	runtime.ReadMemStats(&after)
	if m != nil {
		steps = m.steps
	}
	return text, (after.TotalAlloc - before.TotalAlloc) >> 20, steps, err
}
