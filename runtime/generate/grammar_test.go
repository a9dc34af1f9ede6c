package generate

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/kvgen/kvgen/runtime/grammar"
	"github.com/kvgen/kvgen/runtime/grammar/schema"
	"github.com/kvgen/kvgen/runtime/sample"
)

// TestGrammar: a model that knows no JSON writes some, greedily and at random, alone and several at
// once; and what a limit cuts is the beginning of some.
func TestGrammar(t *testing.T) {
	c, words := open(t, 512, 3)
	g, err := schema.Compile(t.Context(), grammar.NewVocabulary(words), []byte(`{"type": "object", "required": ["speech", "lines"], "additionalProperties": false,
		"properties": {"speech": {"type": "string", "maxLength": 30}, "lines": {"type": "array", "minItems": 1, "maxItems": 3, "items": {"type": "integer", "minimum": 0, "maximum": 99}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	valid := func(text string) {
		t.Helper()
		var x struct {
			Speech *string
			Lines  []int
		}
		if err := json.Unmarshal([]byte(text), &x); err != nil || x.Speech == nil || len(x.Lines) < 1 || len(x.Lines) > 3 {
			t.Errorf("%q: %v, %+v", text, err, x)
		}
	}
	prompt := words.Encode("KING HENRY:\n", true, false)
	for seed := range uint64(4) {
		o := Options{Limit: 400, IgnoreEnd: seed == 1, Grammar: g, Sampling: sample.Options{Temperature: 2 * float64(seed), TopP: 1, Repeat: 1.1, RepeatLast: 20, Seed: seed}}
		c.Clear()
		s := New(c, words, o)
		var text strings.Builder
		r, err := s.Generate(t.Context(), prompt, func(piece string) error { text.WriteString(piece); return nil })
		if err != nil || r.Stop != StopEnd {
			t.Fatalf("%+v, %v, %q", r, err, text.String())
		}
		valid(text.String())
		c.Clear()
		o.Limit = 5
		if r, err := New(c, words, o).Generate(t.Context(), prompt, func(string) error { return nil }); err != nil || r.Stop != StopLimit {
			t.Errorf("%+v, %v", r, err)
		}
	}
	c.Clear()
	all, _, err := New(c, words, Options{Limit: 400, Grammar: g, Sampling: sample.Options{Temperature: 3, TopP: 1}}).Parallel(t.Context(), prompt, 3)
	if err != nil || all[0].Text == all[1].Text {
		t.Fatal(all, err)
	}
	for _, p := range all {
		valid(p.Text)
	}
}

// TestGrammarOfSchemas: what the embedded model writes at a high temperature is valid by another
// implementation of JSON Schema, for each of a dozen schemas of people.
func TestGrammarOfSchemas(t *testing.T) {
	c, words := open(t, 768, 1)
	v := grammar.NewVocabulary(words)
	file, err := os.Open("../grammar/schema/testdata/measured.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	whole, schemas := 0, 0
	for lines := bufio.NewScanner(file); lines.Scan(); schemas++ {
		var m struct {
			Name   string
			Schema json.RawMessage
		}
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			t.Fatal(err)
		}
		g, err := schema.Compile(t.Context(), v, m.Schema)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(m.Schema))
		if err != nil {
			t.Fatal(err)
		}
		peer := jsonschema.NewCompiler()
		peer.AssertFormat()
		if err := peer.AddResource("schema.json", doc); err != nil {
			t.Fatal(err)
		}
		check := peer.MustCompile("schema.json")
		for seed := range uint64(2) {
			c.Clear()
			// A bias towards what ends strings and values, so that most texts end by themselves.
			bias := map[int32]float32{}
			for id := range int32(words.Len()) {
				if strings.ContainsAny(words.Piece(id), `"}]`) {
					bias[id] = 15
				}
			}
			o := Options{Limit: 400, Grammar: g, Sampling: sample.Options{Temperature: 3, TopP: 1, Seed: seed, Bias: bias}}
			var text strings.Builder
			r, err := New(c, words, o).Generate(t.Context(), words.Encode("KING HENRY:\n", true, false), func(s string) error { text.WriteString(s); return nil })
			if err != nil {
				t.Fatal(m.Name, err)
			}
			if r.Stop != StopEnd {
				continue
			}
			whole++
			value, err := jsonschema.UnmarshalJSON(strings.NewReader(text.String()))
			if err == nil {
				err = check.Validate(value)
			}
			if err != nil {
				t.Errorf("%s: %s: %v", m.Name, text.String(), err)
			}
		}
	}
	if schemas < 12 || whole < schemas {
		t.Errorf("%d texts of %d schemas are whole", whole, schemas)
	}
	t.Logf("%d texts of %d schemas", whole, schemas)
}
