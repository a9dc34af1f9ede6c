package schema

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/kvgen/kvgen/runtime/demo"
	"github.com/kvgen/kvgen/runtime/gguf"
	"github.com/kvgen/kvgen/runtime/grammar"
	"github.com/kvgen/kvgen/runtime/tokenizer"
)

// A sampled is a schema with values of it.
type sampled struct {
	schema any
	value  func(depth int) any
}

// random makes schemas with values.
type random struct {
	*rand.Rand
	defs map[string]any
	node sampled // that a reference to #/$defs/node stands for
}

func (r *random) word() string {
	return []string{"", "a", "ab", "name", "é", "€uro", "💩", "two words", `quo"te`, `back\slash`, "line\nbreak", "tab\t", "\u0001", "true", "1"}[r.IntN(15)]
}

func (r *random) any(depth int) any {
	switch k := r.IntN(8); {
	case k == 0:
		return nil
	case k == 1:
		return r.IntN(2) == 0
	case k == 2:
		return r.IntN(2000) - 1000
	case k == 3:
		return float64(r.IntN(20000)-10000) / 1000
	case k < 6 || depth <= 0:
		return r.word()
	case k == 6:
		list := []any{}
		for range r.IntN(3) {
			list = append(list, r.any(depth-1))
		}
		return list
	}
	object := map[string]any{}
	for range r.IntN(3) {
		object["z"+r.word()] = r.any(depth - 1)
	}
	return object
}

// patterns with values.
var patterns = []struct {
	pattern string
	values  []string
}{
	{"^[a-z]+$", []string{"a", "xyz"}}, {"b", []string{"b", "abc", "é\"b"}}, {`^\d{3}-[A-F]{2}$`, []string{"123-AF"}}, {`^(yes|no)?$`, []string{"", "yes", "no"}},
	{`^[^"\\]*$`, []string{"", "plain é", "a\nb"}}, {`^.{2,4}$`, []string{"ab", "€€💩", `""\\`}}, {`\d$`, []string{"x1", "22"}}, {`^\p{Lu}`, []string{"Éa", "B"}}, {"^(a|ab)*c", []string{"c", "aababcd"}},
}

var formatValues = map[string][]string{
	"date": {"2024-02-29", "1999-12-31"}, "time": {"23:59:59Z", "00:00:00.5+01:30"}, "date-time": {"2026-11-30T14:41:23Z", "2000-02-29t00:00:00-23:59"},
	"uuid": {"123e4567-e89b-12d3-a456-426614174000"}, "ipv4": {"0.0.0.0", "255.249.100.9"}, "ipv6": {"::", "2001:db8::1", "::ffff:1.2.3.4", "1:2:3:4:5:6:7:8"}, "duration": {"P1Y2M3DT4H5M6S", "PT1M", "P3W"},
}

func pick[T any](r *random, list []T) T { return list[r.IntN(len(list))] }

// schema makes a schema that nests at most depth deep.
func (r *random) schema(depth int) sampled {
	kinds := []func(int) sampled{r.strings, r.strings, r.numbers, r.numbers, r.constants, r.anything}
	if depth > 0 {
		kinds = append(kinds, r.objects, r.objects, r.objects, r.arrays, r.arrays, r.anyOf, r.oneOf, r.allOf, r.reference)
	}
	return pick(r, kinds)(depth)
}

func (r *random) anything(int) sampled {
	switch r.IntN(6) {
	case 5:
		list := []any{"a", "b", 3, nil, map[string]any{"a": 1}}[r.IntN(2):]
		return sampled{map[string]any{"type": "array", "items": map[string]any{"enum": list}, "uniqueItems": true, "minItems": r.IntN(2)}, func(int) any {
			at := r.IntN(len(list) - 1)
			return []any{list[at+1], list[at]}
		}}
	case 0:
		return sampled{true, r.any}
	case 1:
		return sampled{map[string]any{"type": []string{"boolean", "null"}}, func(int) any { return pick(r, []any{true, false, nil}) }}
	case 2:
		return sampled{map[string]any{"type": "boolean"}, func(int) any { return r.IntN(2) == 0 }}
	case 3:
		return sampled{map[string]any{"type": "null"}, func(int) any { return nil }}
	}
	return sampled{map[string]any{"title": "x"}, r.any}
}

func (r *random) strings(int) sampled {
	s := map[string]any{"type": "string"}
	values := []string{r.word(), r.word(), r.word()}
	switch r.IntN(4) {
	case 0:
		p := pick(r, patterns)
		s["pattern"], values = p.pattern, p.values
	case 1:
		for f, v := range formatValues {
			s["format"], values = f, v
			break
		}
	}
	value := pick(r, values)
	if n := len([]rune(value)); r.IntN(2) == 0 {
		if r.IntN(2) == 0 {
			s["minLength"] = max(0, n-r.IntN(3))
		}
		if r.IntN(2) == 0 {
			s["maxLength"] = n + r.IntN(4)
		}
		return sampled{s, func(int) any { return value }}
	}
	return sampled{s, func(int) any { return pick(r, values) }}
}

func (r *random) numbers(int) sampled {
	s := map[string]any{"type": "number"}
	low := r.IntN(300) - 150
	high := low + r.IntN(300)
	scale := 1.0
	if r.IntN(2) == 0 {
		s["type"] = "integer"
	} else {
		scale = pick(r, []float64{1, 10, 1000})
	}
	number := func(n int) any { return float64(n) / scale }
	unit := pick(r, []int{1, 1, 1, 2, 5, 7})
	if unit > 1 {
		s["multipleOf"] = number(unit)
		low, high = (low-unit)/unit*unit, (high+unit)/unit*unit
	}
	switch r.IntN(4) {
	case 0:
		s["minimum"] = number(low)
	case 1:
		s["exclusiveMinimum"] = number(low - 1)
	case 2:
		s["minimum"], s["maximum"] = number(low), number(high)
	}
	return sampled{s, func(int) any { return number(low + r.IntN((high-low)/unit+1)*unit) }}
}

func (r *random) constants(int) sampled {
	v := r.any(1)
	if r.IntN(2) == 0 {
		return sampled{map[string]any{"const": v}, func(int) any { return v }}
	}
	list := []any{v, r.any(1), r.IntN(5), "other"}
	return sampled{map[string]any{"enum": list}, func(int) any { return pick(r, list) }}
}

func (r *random) objects(depth int) sampled {
	properties, members := map[string]any{}, map[string]sampled{}
	var required []string
	for i := range r.IntN(4) {
		name := fmt.Sprintf("%c%s", 'a'+i, r.word())
		m := r.schema(depth - 1)
		properties[name], members[name] = m.schema, m
		if r.IntN(2) == 0 {
			required = append(required, name)
		}
	}
	s := map[string]any{"type": "object", "properties": properties}
	if len(required) > 0 {
		s["required"] = required
	}
	others := sampled{true, r.any}
	switch r.IntN(3) {
	case 0:
		s["additionalProperties"], others.value = false, nil
	case 1:
		others = r.schema(depth - 1)
		s["additionalProperties"] = others.schema
	}
	if r.IntN(4) == 0 { // the names of others begin with z
		s["patternProperties"], s["additionalProperties"] = map[string]any{"^z": others.schema, "^[^a-z]": false}, r.IntN(2) == 0
		if others.value == nil {
			delete(s, "patternProperties")
		}
	}
	if r.IntN(4) == 0 {
		s["propertyNames"] = []any{map[string]any{"pattern": "^[a-z]"}, map[string]any{"minLength": 1, "maxLength": 30}}[r.IntN(2)]
	}
	if r.IntN(5) == 0 {
		s["maxProperties"] = len(required) + 3
	}
	if len(required) > 0 && r.IntN(5) == 0 {
		s["minProperties"] = r.IntN(len(required) + 1)
	}
	return sampled{s, func(depth int) any {
		v, more := map[string]any{}, len(required)+3-len(required)
		for name, m := range members {
			need := in(required, name)
			if need || more > 0 && depth > 0 && r.IntN(2) == 0 {
				if v[name] = m.value(depth - 1); !need {
					more--
				}
			}
		}
		if others.value != nil && more > 0 && depth > 0 && r.IntN(2) == 0 {
			v["z"+r.word()] = others.value(depth - 1)
		}
		return v
	}}
}

func (r *random) arrays(depth int) sampled {
	s := map[string]any{"type": "array"}
	var fixed []sampled
	if r.IntN(3) == 0 {
		var prefix []any
		for range 1 + r.IntN(2) {
			fixed = append(fixed, r.schema(depth-1))
			prefix = append(prefix, fixed[len(fixed)-1].schema)
		}
		s["prefixItems"] = prefix
	}
	item := r.schema(depth - 1)
	s["items"] = item.schema
	least := r.IntN(3)
	most := least + r.IntN(3)
	if r.IntN(2) == 0 {
		s["minItems"], s["maxItems"] = least, most
	} else {
		least = 0
	}
	return sampled{s, func(depth int) any {
		n := least
		if depth > 0 {
			n += r.IntN(most - least + 1)
		}
		v := []any{}
		for i := range n {
			if i < len(fixed) {
				v = append(v, fixed[i].value(depth-1))
			} else {
				v = append(v, item.value(depth-1))
			}
		}
		return v
	}}
}

func (r *random) anyOf(depth int) sampled {
	a, b := r.schema(depth-1), r.schema(depth-1)
	return sampled{map[string]any{"anyOf": []any{a.schema, b.schema}}, func(depth int) any { return pick(r, []sampled{a, b}).value(depth) }}
}

// oneOf is objects that a name tells apart.
func (r *random) oneOf(depth int) sampled {
	var branches []any
	var values []func(int) any
	for i := range 2 + r.IntN(2) {
		m := r.schema(depth - 1)
		branches = append(branches, map[string]any{"type": "object", "properties": map[string]any{"a": map[string]any{"const": i}, "b": m.schema}, "required": []string{"a", "b"}})
		values = append(values, func(depth int) any { return map[string]any{"a": i, "b": m.value(depth - 1)} })
	}
	return sampled{map[string]any{"oneOf": branches}, func(depth int) any { return pick(r, values)(depth) }}
}

func (r *random) allOf(depth int) sampled {
	a, b := r.schema(depth-1), r.schema(depth-1)
	return sampled{map[string]any{"allOf": []any{
		map[string]any{"properties": map[string]any{"a": a.schema}, "required": []string{"a"}},
		map[string]any{"type": "object", "properties": map[string]any{"b": b.schema}},
	}}, func(depth int) any { return map[string]any{"a": a.value(depth - 1), "b": b.value(depth - 1)} }}
}

// reference is a recursive definition: one that all schemas of a text share.
func (r *random) reference(depth int) sampled {
	if r.defs != nil {
		return r.node
	}
	item := r.numbers(0)
	self := map[string]any{"$ref": "#/$defs/node"}
	r.node.schema = self
	var node any
	if r.IntN(2) == 0 {
		node = map[string]any{"type": "object", "properties": map[string]any{"a": item.schema, "next": map[string]any{"anyOf": []any{self, map[string]any{"type": "null"}}}},
			"required": []string{"a", "next"}, "additionalProperties": false}
		r.node.value = func(depth int) any {
			var next any
			if depth > 0 {
				next = r.node.value(depth - 1)
			}
			return map[string]any{"a": item.value(0), "next": next}
		}
	} else {
		node = map[string]any{"anyOf": []any{map[string]any{"type": "array", "items": self}, item.schema, map[string]any{"type": "object", "properties": map[string]any{"a": self}}}}
		r.node.value = func(depth int) any {
			switch {
			case depth <= 0:
				return item.value(0)
			case r.IntN(2) == 0:
				return []any{r.node.value(depth - 1), r.node.value(depth - 2)}
			}
			return map[string]any{"a": r.node.value(depth - 1)}
		}
	}
	r.defs = map[string]any{"node": node}
	return r.node
}

// whole is a schema with its definitions.
func (r *random) whole(depth int) (text []byte, s sampled) {
	r.defs = nil
	s = r.schema(depth)
	if m, ok := s.schema.(map[string]any); ok && r.defs != nil {
		m = maps.Clone(m) // a definition may refer to itself by the same map
		m["$defs"], s.schema = r.defs, m
	}
	text, err := json.Marshal(s.schema)
	if err != nil {
		panic(err)
	}
	return text, s
}

// validator is an independent implementation, which takes formats for what they say.
func validator(t testing.TB, text []byte) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	c.DefaultDraft(jsonschema.Draft2020)
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("schema.json")
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return s
}

func valid(s *jsonschema.Schema, text string) error {
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return err
	}
	return s.Validate(v)
}

// written is a value without space, its names in their order.
func written(v *value) string {
	var parts []string
	for i, x := range v.list {
		s := written(x)
		if v.kind == '{' {
			s = spell(v.names[i]) + ":" + s
		}
		parts = append(parts, s)
	}
	switch v.kind {
	case '{', '[':
		return string(v.kind) + strings.Join(parts, ",") + string(v.kind+2)
	}
	return spellings(v)[0]
}

// embedded is the tokenizer of the embedded model: bytes, and texts of English.
func embedded(t testing.TB) *tokenizer.Tokenizer {
	t.Helper()
	m, err := gguf.Parse(demo.Model(), func(uint32) (int, int, bool) { return 32, 34, true })
	if err != nil {
		t.Fatal(err)
	}
	words, err := tokenizer.New(m)
	if err != nil {
		t.Fatal(err)
	}
	return words
}

// draw picks an allowed token at random. Those that bring a text to its end are taken more often.
func draw(r *random, words grammar.Tokens, m grammar.Mask) int32 {
	var all, ending []int32
	for id := range int32(words.Len()) {
		if !m.Has(id) {
			continue
		}
		if all = append(all, id); strings.ContainsAny(words.Piece(id), `"}]`) || words.IsControl(id) {
			ending = append(ending, id)
		}
	}
	if len(ending) > 0 && r.IntN(3) > 0 {
		return pick(r, ending)
	}
	return pick(r, all)
}

// TestRandomValues: whatever is drawn at random from what is allowed is valid once it is complete,
// by another implementation of JSON Schema. On the way masks are what trying every token says.
func TestRandomValues(t *testing.T) {
	n := 500
	if testing.Short() {
		n = 100
	}
	words := embedded(t)
	v := grammar.NewVocabulary(words)
	r := &random{Rand: rand.New(rand.NewPCG(1, 2))}
	compiled, texts, cut := 0, 0, 0
	for range n {
		text, _ := r.whole(3)
		g, err := Compile(t.Context(), v, text)
		if err != nil {
			mustBeRefusal(t, text, err)
			continue
		}
		compiled++
		check := validator(t, text)
		for range 4 {
			got, done := write(t, r, words, g)
			if !done {
				cut++
				continue
			}
			texts++
			if err := valid(check, got); err != nil {
				t.Fatalf("%s\nwrote %s\n%v", text, got, err)
			}
		}
	}
	if compiled < n*8/10 || texts < 2*compiled {
		t.Errorf("of %d schemas %d were made grammars of, with %d texts; %d were cut", n, compiled, texts, cut)
	}
	t.Logf("%d schemas, %d texts, %d cut", compiled, texts, cut)
}

// mustBeRefusal accepts errors that name a keyword, and schemas of which there is no value.
func mustBeRefusal(t *testing.T, text []byte, err error) {
	t.Helper()
	if _, ok := err.(*Error); !ok && err != errNothing {
		t.Fatalf("%s: %v", text, err)
	}
}

// write draws up to 300 tokens.
func write(t *testing.T, r *random, words *tokenizer.Tokenizer, g *grammar.Grammar) (text string, done bool) {
	t.Helper()
	s := g.Start()
	for i := range 300 {
		m, err := s.Mask()
		if err != nil {
			t.Fatalf("behind %q: %v", text, err)
		}
		if r.IntN(40) == 0 {
			compareMask(t, words, s, m, text)
		}
		id := draw(r, words, m)
		if err := s.Accept(id); err != nil {
			t.Fatalf("behind %q, token %d: %v", text, i, err)
		}
		if words.IsEOG(id) {
			return text, true
		}
		text += words.Piece(id)
		if s.Over() {
			return text, true
		}
	}
	return text, false
}

// compareMask tries every token.
func compareMask(t *testing.T, words *tokenizer.Tokenizer, s *grammar.State, m grammar.Mask, text string) {
	t.Helper()
	for id := range int32(words.Len()) {
		want := false
		switch {
		case words.IsEOG(id):
			want = s.Done()
		case !words.IsControl(id) && words.Piece(id) != "":
			want = s.Clone().AcceptText(words.Piece(id))
		}
		if m.Has(id) != want {
			t.Fatalf("behind %q: token %q is allowed: %v, but accepted: %v", text, words.Piece(id), m.Has(id), want)
		}
	}
}

// TestRandomTexts: every value that is valid can be written, in any tokens that spell it.
func TestRandomTexts(t *testing.T) {
	n := 500
	if testing.Short() {
		n = 100
	}
	words := embedded(t)
	v := grammar.NewVocabulary(words)
	by := map[byte][]int32{}
	for id := range int32(words.Len()) {
		if p := words.Piece(id); p != "" && !words.IsControl(id) {
			by[p[0]] = append(by[p[0]], id)
		}
	}
	r := &random{Rand: rand.New(rand.NewPCG(3, 4))}
	tried := 0
	for range n {
		text, s := r.whole(3)
		g, err := Compile(t.Context(), v, text)
		if err != nil {
			mustBeRefusal(t, text, err)
			continue
		}
		check := validator(t, text)
		for range 3 {
			raw, err := json.Marshal(s.value(3))
			if err != nil {
				t.Fatal(err)
			}
			value, err := parse(raw)
			if err != nil {
				t.Fatal(err)
			}
			spelled := written(value)
			if valid(check, spelled) != nil {
				continue // what was made for one keyword need not hold all others
			}
			tried++
			state := g.Start()
			for rest := spelled; rest != ""; {
				m, err := state.Mask()
				if err != nil {
					t.Fatal(err)
				}
				id := pick(r, by[rest[0]])
				if !strings.HasPrefix(rest, words.Piece(id)) {
					continue
				}
				if !m.Has(id) {
					t.Fatalf("%s\nvalue %s: %q is not allowed before %q", text, spelled, words.Piece(id), rest)
				}
				if err := state.Accept(id); err != nil {
					t.Fatal(err)
				}
				rest = rest[len(words.Piece(id)):]
			}
			if !state.Done() {
				t.Fatalf("%s\nvalue %s is not complete", text, spelled)
			}
		}
	}
	if tried < 2*n {
		t.Errorf("%d values were tried", tried)
	}
	t.Logf("%d values", tried)
}
