package chat

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// weather is a function as clients of an API give it.
var weather = Tool{Name: "get_weather", Description: "the weather of a place", Parameters: json.RawMessage(
	`{"type": "object", "properties": {"city": {"type": "string", "description": "its name"}, "days": {"type": "integer"}}, "required": ["city"]}`)}

// TestTools has every template write a function: its name, its description and its parameters are
// in the prompt, or the tools are refused.
func TestTools(t *testing.T) {
	paths, err := filepath.Glob(dir + "chat/*.jinja")
	more, err2 := filepath.Glob("jinja/testdata/templates/*.jinja")
	if paths = append(paths, more...); err != nil || err2 != nil || len(paths) < 45 {
		t.Fatalf("%d templates, %v, %v", len(paths), err, err2)
	}
	var without []string
	for _, path := range append(paths, moreTemplates(t)...) {
		name := strings.TrimSuffix(filepath.Base(path), ".jinja")
		source, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		tmpl, err := load(t, "tiny-llama", string(source))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		c := Conversation{Messages: []Message{{Role: "user", Content: "Hello!"}}, Tools: []Tool{weather}, Generate: true}
		text, err := tmpl.Render(c)
		switch {
		case errors.Is(err, ErrNoTools):
			without = append(without, name)
			continue
		case err != nil:
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, part := range []string{"get_weather", "city"} {
			if !strings.Contains(text, part) {
				t.Errorf("%s: %q is not in the prompt\n%s", name, part, text)
			}
		}
	}
	slices.Sort(without)
	t.Log("without tools:", without)
	if len(without) > len(paths)/3 {
		t.Errorf("%d of %d templates take no tools: %v", len(without), len(paths), without)
	}
}

// TestGivenVariables gives a template what it asks for beside the conversation, and nothing that
// the conversation sets itself.
func TestGivenVariables(t *testing.T) {
	tmpl, err := load(t, "tiny-llama", "{% if enable_thinking is defined and enable_thinking is false %}quick {% endif %}{{ messages[0].content }}")
	if err != nil {
		t.Fatal(err)
	}
	c := Conversation{Messages: []Message{{Role: "user", Content: "Hello!"}}}
	for value, want := range map[string]string{"": "Hello!", "true": "Hello!", "false": "quick Hello!"} {
		c.Variables = nil
		if value != "" {
			c.Variables = map[string]json.RawMessage{"enable_thinking": json.RawMessage(value)}
		}
		if text, err := tmpl.Render(c); err != nil || text != want {
			t.Errorf("enable_thinking %s: %q, %v, want %q", value, text, err, want)
		}
	}
	for _, name := range own {
		c.Variables = map[string]json.RawMessage{name: json.RawMessage("1")}
		if _, err := tmpl.Render(c); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s can be set from outside: %v", name, err)
		}
	}
}
