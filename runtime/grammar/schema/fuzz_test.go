package schema

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// FuzzCompile: a schema is refused, or what is written by it is valid by another implementation, if
// that takes the schema at all.
func FuzzCompile(f *testing.F) {
	for _, m := range readMeasured(f) {
		f.Add(string(m.Schema), uint64(1))
	}
	f.Add(`{"allOf":[{"$ref":"#"}]}`, uint64(2))
	f.Add(`{"anyOf":[{"$ref":"#"},{"type":"string"}]}`, uint64(2))
	f.Add(`{"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]}`, uint64(3))
	f.Add(`{"minimum":1e400,"multipleOf":1e-300}`, uint64(3))
	words := smallTokens
	f.Fuzz(func(t *testing.T, text string, seed uint64) {
		g, err := Compile(t.Context(), small, []byte(text))
		if err != nil {
			if !strings.HasPrefix(err.Error(), "schema: ") {
				t.Errorf("%v", err)
			}
			return
		}
		check := peer(text)
		r := &random{Rand: rand.New(rand.NewPCG(seed, 1))}
		s, got := g.Start(), ""
		for range 60 {
			m, err := s.Mask()
			if err != nil {
				t.Fatalf("%s: behind %q: %v", text, got, err)
			}
			id := draw(r, words, m)
			if err := s.Accept(id); err != nil {
				t.Fatal(err)
			}
			if id != 256 {
				got += words.Piece(id)
			}
			if s.Over() {
				if check != nil && valid(check, got) != nil {
					t.Errorf("%s: wrote %s: %v", text, got, valid(check, got))
				}
				return
			}
		}
	})
}

// peer is the schema by another implementation, nil where that refuses it.
func peer(text string) *jsonschema.Schema {
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return nil
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	c.DefaultDraft(jsonschema.Draft2020)
	if c.AddResource("schema.json", doc) != nil {
		return nil
	}
	s, err := c.Compile("schema.json")
	if err != nil {
		return nil
	}
	return s
}

// TestRefused: what cannot be enforced is named, with its place.
func TestRefused(t *testing.T) {
	deep := strings.Repeat(`{"items":`, 200) + "true" + strings.Repeat("}", 200)
	for text, want := range map[string]string{
		`{"properties":{"a/b":{"not":{}}}}`:                             `keyword "not" at #/properties/a~1b: `,
		`{"items":{"if":true}}`:                                         `keyword "if" at #/items: conditions are not enforced`,
		`{"type":"object","minimun":3}`:                                 `keyword "minimun" at #: no keyword of this name is known (did you mean minimum?)`,
		`{"type":"strings"}`:                                            `keyword "type" at #: want null, boolean`,
		`{"pattern":"(?=a)"}`:                                           `keyword "pattern" at #: look-ahead`,
		`{"pattern":"(a|b)*a(a|b){16}"}`:                                `keyword "pattern" at #: its automaton has more than`,
		`{"format":"regex"}`:                                            `keyword "format" at #: "regex" is not enforced; those that are: date,`,
		`{"$ref":"other.json"}`:                                         `keyword "$ref" at #: only schemas of the same text`,
		`{"$ref":"#/$defs/x"}`:                                          `there is nothing at "#/$defs/x"`,
		`{"$ref":"#"}`:                                                  `keyword "$ref" at #: it refers to itself`,
		`{"anyOf":[{"$ref":"#"},{"type":"null"}]}`:                      `refers to itself`,
		`{"oneOf":[{"type":"integer"},{"minimum":2}]}`:                  `keyword "oneOf" at #: it is not proven`,
		`{"patternProperties":{"(?=a)":{}}}`:                            `keyword "patternProperties" at #: look-ahead`,
		`{"propertyNames":{"anyOf":[{"minLength":2},{"pattern":"a"}]}}`: `keyword "propertyNames" at #: anyOf`,
		`{"items":{"enum":[1,2,3,4,5,6,7,8,9]},"uniqueItems":true}`:     `keyword "uniqueItems" at #: that items differ is enforced where`,
		`{"uniqueItems":true}`:                                          `keyword "uniqueItems" at #: `,
		`{"minProperties":2}`:                                           `keyword "minProperties" at #: `,
		`{"multipleOf":0}`:                                              `want a number above 0`,
		`{"multipleOf":0.1234567}`:                                      `keyword "multipleOf" at #: its automaton`,
		`{"minLength":-1}`:                                              `want a whole number of 0 to`,
		`{"maxLength":1e30}`:                                            `want a whole number of 0 to`,
		`{"minimum":1e4000}`:                                            `power of ten beyond 400`,
		`{"minimum":1e30}`:                                              `keyword "minimum" at #: the bound has more decimal digits`,
		`{"required":["a","a"]}`:                                        `want an array of different strings`,
		`{"items":[{}]}`:                                                `write prefixItems`,
		`{"type":"string","type":"null"}`:                               `duplicate`,
		`{"$schema":"http://json-schema.org/draft-07/schema#","$ref":"#/definitions/a","minimum":1,"definitions":{"a":{}}}`: `keyword "minimum" at #: draft-07 ignores it beside $ref`,
		`{"$schema":"http://example.org/own"}`: `keyword "$schema"`,
		`{"enum":[]}`:                          `no value is valid`,
		`{"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]}`: `no value is valid`,
		`{"type":"string","minLength":3,"maxLength":2}`:                      `no value is valid`,
		`false`:            `no value is valid`,
		`[]`:               `a schema is an object`,
		`{} {}`:            `something follows`,
		`{`:                `schema: `,
		deep:               `nest more than 100 deep`,
		`{"minimum":"1"}`:  `want a number`,
		`{"properties":3}`: `want an object`,
		`{"allOf":[]}`:     `want an array of one schema at least`,
	} {
		_, err := Compile(t.Context(), small, []byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80s: %v, want %s", text, err, want)
		}
	}
}

// TestHostile: schemas that stand for very much are refused, or made, in bounded time and memory.
func TestHostile(t *testing.T) {
	product := `{"allOf":[`
	for i := range 12 {
		if i > 0 {
			product += ","
		}
		product += `{"anyOf":[{"minLength":1},{"maxLength":9},{"minLength":2}]}`
	}
	product += `]}`
	wide := `{"properties":{`
	for i := range 3000 {
		if i > 0 {
			wide += ","
		}
		wide += `"p` + strings.Repeat("x", i%50) + string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676)) + `":{"type":"string"}`
	}
	wide += `}}`
	for name, text := range map[string]string{
		"choices of choices":  product,
		"3000 properties":     wide,
		"a long enum":         `{"enum":["` + strings.Repeat("x", 30000) + `"]}`,
		"a long string":       `{"pattern":"^a","minLength":16000000}`,
		"counted classes":     `{"pattern":"^(\\p{L}{50}|\\p{Lu}{60}){20}$"}`,
		"many items":          `{"items":{"type":"array","items":{"type":"array","minItems":1000000},"minItems":1000000},"minItems":16000000}`,
		"names that count":    `{"properties":{"a":{},"b":{}},"additionalProperties":false,"maxProperties":1000000,"minProperties":1}`,
		"lengths of patterns": `{"pattern":"^(ab|cde)*$","minLength":3000,"maxLength":9000}`,
	} {
		begin := time.Now()
		g, err := Compile(t.Context(), small, []byte(text))
		took := time.Since(begin)
		if took > 20*time.Second {
			t.Errorf("%s took %v", name, took)
		}
		if err == nil {
			if _, err = g.Start().Mask(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		t.Logf("%s: %v, %v", name, took, err)
	}
}
