package schema

import (
	"testing"

	"github.com/kvgen/kvgen/runtime/grammar"
)

// letters is a vocabulary of all bytes, and of some texts.
type letters []string

func (l letters) Len() int { return 257 + len(l) }
func (l letters) Piece(id int32) string {
	switch {
	case id < 256:
		return string([]byte{byte(id)})
	case id == 256:
		return "<end>"
	}
	return l[id-257]
}
func (l letters) IsControl(id int32) bool { return id == 256 }
func (l letters) EOG() []int32            { return []int32{256} }

var smallTokens = letters{`{"`, `":`, `": "`, `",`, `"}`, "true", "}}", "]]", "],", `"a`, `a"`, "12", "\u00e9", "\xe2\x82", "  ", "\n  "}

var small = grammar.NewVocabulary(smallTokens)

func accepts(t *testing.T, schema, text string) bool {
	t.Helper()
	g, err := Compile(t.Context(), small, []byte(schema))
	if err != nil {
		t.Fatalf("%s: %v", schema, err)
	}
	s := g.Start()
	return s.AcceptText(text) && s.Done()
}

func TestTexts(t *testing.T) {
	for _, c := range []struct {
		schema  string
		yes, no []string
	}{
		{Object, []string{`{}`, `{"a": [1, -2.5e10, null, true, {"b": "\n\u00e9\ud83d\ude00"}]}`, "{\n  \"a\": 1\n}"}, []string{`[]`, `{`, `{"a"}`, `{"a":01}`, `{"a":1,}`, "{\"a\":\"\n\"}", `{"a":"\ud800"}`, "{\"a\":\"\xff\"}"}},
		{`{"type":"integer"}`, []string{"0", "-5", "123"}, []string{"1.0", "01", "1e3", "", "-"}},
		{`{"type":"integer","minimum":-3,"exclusiveMaximum":12}`, []string{"-3", "-1", "0", "9", "10", "11"}, []string{"-4", "12", "100", "-10", "99"}},
		{`{"type":"number","minimum":0.5,"maximum":10}`, []string{"0.5", "0.75", "1", "9.999", "10", "10.0"}, []string{"0.49", "0", "-1", "10.1", "11", "100", "1e1"}},
		{`{"type":"number","exclusiveMinimum":-1.5,"exclusiveMaximum":-0.25}`, []string{"-1", "-1.49", "-0.26", "-0.3"}, []string{"-1.5", "-0.25", "-2", "0", "1", "-0.2"}},
		{`{"type":"number","multipleOf":0.01}`, []string{"1.25", "3", "0.5"}, []string{"0.001"}},
		{`{"type":"integer","multipleOf":3}`, []string{"0", "3", "-12", "111"}, []string{"1", "-2", "100"}},
		{`{"type":"string","minLength":2,"maxLength":3}`, []string{`"ab"`, `"\n\u00e9"`, `"€é💩"`, `"\ud83d\ude00x"`}, []string{`"a"`, `"abcd"`, `""`, `"\ud83d\ude00"`}},
		{`{"type":"string","pattern":"^[a-c]+$","maxLength":3}`, []string{`"ab"`, `"ccc"`}, []string{`""`, `"d"`, `"abca"`}},
		{`{"type":"string","pattern":"a.c"}`, []string{`"abc"`, `"xxa€cx"`, `"\"a\"c"`}, []string{`"ac"`, `"a\nc"`}},
		{`{"type":"string","format":"date"}`, []string{`"2024-02-29"`, `"2000-02-29"`, `"2023-12-31"`}, []string{`"2023-02-29"`, `"1900-02-29"`, `"2023-04-31"`, `"2023-13-01"`}},
		{`{"enum":["red",1,null,{"a":[1,2]}]}`, []string{`"red"`, `1`, `null`, `{"a": [1,2]}`}, []string{`"r"`, `2`}},
		{`{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"integer"}},"required":["b"],"additionalProperties":false}`,
			[]string{`{"b":1}`, `{"a": "x", "b": 1}`, "{\n\t\"b\": 1\n}"}, []string{`{}`, `{"a":"x"}`, `{"b":1,"c":2}`, `{"b":1,"a":"x"}`}},
		{`{"type":"object","properties":{"a":{"type":"string"}}}`, []string{`{"a":"x","ab":1}`, `{}`, `{"b":1}`, `{"\n":1}`}, []string{`{"a":1}`, `{"a":"x","a":1}`, `{"b":1,"a":2}`, `{"\u0061":1}`}},
		{`{"type":"array","prefixItems":[{"type":"integer"},{"type":"string"}],"items":false}`, []string{`[]`, `[1]`, `[1,"a"]`}, []string{`["a"]`, `[1,2]`, `[1,"a",3]`}},
		{`{"type":"array","items":{"type":"integer"},"minItems":2,"maxItems":3}`, []string{`[1,2]`, `[1,2,3]`}, []string{`[]`, `[1]`, `[1,2,3,4]`}},
		{`{"$ref":"#/$defs/node","$defs":{"node":{"type":"object","properties":{"next":{"anyOf":[{"$ref":"#/$defs/node"},{"type":"null"}]}},"required":["next"],"additionalProperties":false}}}`,
			[]string{`{"next":null}`, `{"next":{"next":{"next":null}}}`}, []string{`{}`, `{"next":{}}`}},
		{`{"oneOf":[{"type":"object","properties":{"k":{"const":"a"},"v":{"type":"integer"}},"required":["k","v"]},{"type":"object","properties":{"k":{"const":"b"}},"required":["k"]}]}`,
			[]string{`{"k":"a","v":1}`, `{"k":"b"}`, `{"k":"b","v":"x"}`}, []string{`{"k":"a"}`, `{"k":"a","v":"x"}`}},
		{`{"type":"object","minProperties":1,"additionalProperties":{"type":"boolean"}}`, []string{`{"a":true}`, `{"a":true,"b":false}`}, []string{`{}`, `{"a":1}`}},
		{`{"allOf":[{"properties":{"a":{"minimum":3}}},{"properties":{"a":{"type":"integer","maximum":5}},"required":["a"],"type":"object"}]}`, []string{`{"a":3}`, `{"a":5}`}, []string{`{"a":2}`, `{"a":6}`, `{}`}},
		{`{"type":"object","patternProperties":{"^i_":{"type":"integer"},"_s$":{"maximum":5}},"properties":{"i_a":{"minimum":2},"b":true},"additionalProperties":{"type":"null"}}`,
			[]string{`{}`, `{"i_a":2,"b":"x","i_b":7,"i_s":5,"x_s":"any","c":null}`}, []string{`{"i_a":1}`, `{"i_a":2.5}`, `{"i_b":"x"}`, `{"i_s":6}`, `{"x_s":6}`, `{"c":1}`}},
		{`{"type":"object","propertyNames":{"pattern":"^[a-z]{2}$"},"properties":{"a":true,"ab":{"type":"null"}}}`, []string{`{}`, `{"ab":null,"cd":1}`}, []string{`{"a":1}`, `{"ab":1}`, `{"abc":1}`}},
		{`{"type":"object","propertyNames":{"enum":["x","y",3]},"additionalProperties":{"type":"integer"}}`, []string{`{}`, `{"y":1,"x":2}`}, []string{`{"z":1}`, `{"3":1}`, `{"x":"a"}`}},
		{`{"type":"object","propertyNames":{"maxLength":2}}`, []string{`{"":1,"ab":2}`}, []string{`{"abc":1}`}},
		{`{"type":"array","items":{"enum":["a","b","c"]},"uniqueItems":true,"minItems":2}`, []string{`["b","a"]`, `["c", "a", "b"]`}, []string{`["a"]`, `["a","a"]`, `["a","b","a"]`, `["a","b","c","a"]`}},
		{`{"type":"array","items":{"type":["boolean","null"]},"uniqueItems":true}`, []string{`[]`, `[null,true,false]`}, []string{`[true,true]`}},
		{`true`, []string{`1`, `"x"`, `[[]]`}, []string{``}},
	} {
		for _, s := range c.yes {
			if !accepts(t, c.schema, s) {
				t.Errorf("%s: refused %s", c.schema, s)
			}
		}
		for _, s := range c.no {
			if accepts(t, c.schema, s) {
				t.Errorf("%s: accepted %s", c.schema, s)
			}
		}
	}
}
