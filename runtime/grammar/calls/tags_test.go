package calls_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/runtime/chat"
	"github.com/kvgen/kvgen/runtime/grammar/calls"
)

// tools are functions whose arguments are of all kinds.
var tools = []chat.Tool{
	{Name: "write_file", Parameters: []byte(`{"type": "object", "properties": {"path": {"type": "string"}, "mode": {"enum": ["a", "12", "</parameter>", "\n", null, 3]},
		"lines": {"type": "integer", "minimum": 1, "maximum": 14}, "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 2}}, "required": ["path"], "additionalProperties": false}`)},
	{Name: "nothing"},
	{Name: "mixed", Parameters: []byte(`{"type": "object", "properties": {"a": {"type": ["string", "integer"], "maximum": 5}, "b": {"anyOf": [{"type": "string"}, {"type": "null"}]},
		"c": {"$ref": "#/$defs/s"}, "d": {"type": "array", "items": {"type": "string", "maxLength": 4}, "maxItems": 2}}, "required": ["c"], "$defs": {"s": {"type": "string"}}}`)},
}

// readTagged is read with the schemas of the functions.
func readTagged(source, text string) chat.Message {
	a := (&chat.Template{Source: source}).Answer("")
	a.Functions(tools)
	a.Next(text)
	a.Finish()
	return a.Message()
}

// TestTagged has calls with arguments as tags, written at random, read by the family's reader: they
// are whole and valid by their schemas, by another implementation.
func TestTagged(t *testing.T) {
	w := words(t)
	r := rand.New(rand.NewPCG(7, 8))
	for _, x := range tagged {
		m := (&chat.Template{Source: x.template}).Markup()
		if m.Family != x.family {
			t.Fatalf("%q is of the family %q, want %q", x.template, m.Family, x.family)
		}
		v := calls.Vocabulary(w, &m)
		whole, several := 0, 0
		for _, o := range []calls.Options{{}, {One: true}, {Free: true}} {
			g, err := calls.Compile(t.Context(), v, &m, tools, o)
			if err != nil {
				t.Fatalf("%s: %v", x.family, err)
			}
			for range 20 {
				s := g.Start()
				before := ""
				if o.Free {
					if before = "Hm." + m.Open + m.Begin; !s.AcceptText(before) {
						t.Fatalf("%s: %q is refused", x.family, before)
					}
				}
				text, done := writeOn(t, r, w, s)
				if !done {
					continue
				}
				whole++
				got := readTagged(x.template, before+text)
				if len(got.ToolCalls) == 0 || o.One && len(got.ToolCalls) != 1 || !o.Free && got.Content != "" {
					t.Fatalf("%s wrote %q: read %+v", x.family, before+text, got)
				}
				if len(got.ToolCalls) > 1 {
					several++
				}
				if err := check(t, got.ToolCalls, tools); err != nil {
					t.Fatalf("%s wrote %q: %v", x.family, before+text, err)
				}
			}
		}
		if whole < 12 || several == 0 {
			t.Errorf("%s: %d texts are whole, %d have several calls", x.family, whole, several)
		}
	}
}

// TestTaggedTexts: what an argument may be is what the reader makes of it, and nothing ends more
// than its tag.
func TestTaggedTexts(t *testing.T) {
	w := words(t)
	for _, x := range tagged {
		m := (&chat.Template{Source: x.template}).Markup()
		g, err := calls.Compile(t.Context(), calls.Vocabulary(w, &m), &m, tools, calls.Options{One: true})
		if err != nil {
			t.Fatal(err)
		}
		call := func(name string, arguments ...string) string {
			var b strings.Builder
			b.WriteString(m.Open + m.Begin + name + m.Middle)
			for i := 0; i < len(arguments); i += 2 {
				b.WriteString(m.Tags.Open + arguments[i] + m.Tags.Middle + arguments[i+1] + m.Tags.Close)
			}
			return b.String() + m.End + m.Close
		}
		for _, c := range []struct {
			text, want string // "" for one that is not written
		}{
			{call("nothing"), "{}"},
			{call("nothing", "a", "1"), ""},
			{call("write_file", "path", "{\"a\": 1} <b> </c>"), `{"path":"{\"a\": 1} <b> </c>"}`},
			{call("write_file", "path", "42", "mode", "a", "lines", "7", "tags", `["<a>"]`), `{"path":"42","mode":"a","lines":7,"tags":["<a>"]}`},
			{call("write_file", "path", "42", "mode", "3"), `{"path":"42","mode":3}`},
			{call("write_file", "path", "a", "mode", "4"), ""},
			{call("write_file", "path", "a", "mode", "12"), ""}, // it would be read as a number
			{call("write_file", "path", "a", "lines", "15"), ""},
			{call("write_file", "lines", "1"), ""},
			{call("write_file", "path", m.Tags.Not[0]), ""},
			{call("write_file", "path", "a", "tags", `["`+m.Tags.Not[2]+`"]`), ""},
			{call("mixed", "a", "5", "c", "x"), `{"a":5,"c":"x"}`},
			{call("mixed", "a", "6", "c", "x"), ""},
			{call("mixed", "a", "six", "b", "null", "c", "x"), `{"a":"six","b":null,"c":"x"}`},
			{call("mixed", "b", "12", "c", "x"), ""},
			{call("mixed", "c", " [1]"), ""},
			{call("mixed", "c", "a [1]", "d", `["abcd"]`), `{"c":"a [1]","d":["abcd"]}`},
			{call("mixed", "c", "x", "d", `["abcde"]`), ""},
		} {
			s := g.Start()
			if got := s.AcceptText(c.text) && s.Done(); got != (c.want != "") {
				t.Errorf("%s: %q is written: %v", x.family, c.text, got)
				continue
			}
			if c.want == "" {
				continue
			}
			got := readTagged(x.template, c.text)
			if len(got.ToolCalls) != 1 || got.ToolCalls[0].Arguments != c.want {
				t.Errorf("%s: %q is read as %+v, want %s", x.family, c.text, got.ToolCalls, c.want)
			}
		}
	}
}

// TestTaggedRefused names what is not enforced between tags.
func TestTaggedRefused(t *testing.T) {
	m := (&chat.Template{Source: tagged[0].template}).Markup()
	v := calls.Vocabulary(words(t), &m)
	for parameters, says := range map[string]string{
		`{"properties": {"a": {"type": "string", "pattern": "x"}}}`:   `"pattern" at #/properties/a: it is not enforced where arguments are tags`,
		`{"properties": {"a": {"type": "string", "minLength": 1}}}`:   `"minLength" at #/properties/a`,
		`{"properties": {"a": {"type": "string", "format": "date"}}}`: `"format" at #/properties/a`,
		`{"properties": {"a b": {}}}`:                                 `"a b" cannot be the name of a tag`,
		`{"properties": {"a": {}}, "minProperties": 1}`:               `"minProperties" at #`,
		`{"anyOf": [{}, {}]}`:                                         "anyOf",
		`{"type": "string"}`:                                          "no value is valid",
	} {
		_, err := calls.Compile(t.Context(), v, &m, []chat.Tool{{Name: "f", Parameters: []byte(parameters)}}, calls.Options{})
		if err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), `the function "f"`) {
			t.Errorf("%s: %v, want %s", parameters, err, says)
		}
	}
}
