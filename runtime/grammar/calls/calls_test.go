package calls_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/kvgen/kvgen/runtime/chat"
	"github.com/kvgen/kvgen/runtime/demo"
	"github.com/kvgen/kvgen/runtime/gguf"
	"github.com/kvgen/kvgen/runtime/grammar"
	"github.com/kvgen/kvgen/runtime/grammar/calls"
	"github.com/kvgen/kvgen/runtime/tokenizer"
)

// markups are templates, and the family whose markup each of them has.
var markups = []struct{ template, family string }{
	{"<tool_call>", "Hermes and Qwen"},
	{`<|start_header_id|> "parameters": `, "Llama 3"},
	{`<|python_tag|> <|start_header_id|> "parameters": `, "Llama 3"},
	{"[TOOL_CALLS]", "Mistral"},
	{"[TOOL_CALLS] [ARGS]", "Mistral with [ARGS]"},
	{"<｜tool▁calls▁begin｜> ```json", "DeepSeek R1"},
	{"<｜tool▁calls▁begin｜>", "DeepSeek V3.1"},
	{"<|tool_calls_section_begin|>", "Kimi K2"},
	{"<function= <|python_tag|>", "functionary v3.1"},
	{"<|START_THINKING|>", "Command R7B"},
	{`"tool_name" Action:`, "Command R+"},
	{"<|inner_prefix|>", "Apertus"},
	{"<tool_calls>", "Apriel"},
	{"<TOOLCALL>", "Nemotron"},
	{"<|tool_call|>", "Granite 3"},
	{"functools[", "Phi 4 mini"},
	{"<|function_call|>", "GigaChat 3.1"},
	{"<|role_sep|><|message_sep|>", "GigaChat 3"},
	{"<|channel|>", "gpt-oss"},
	{">>>all >>>${recipient}", "functionary v3.2"},
}

// tagged are templates whose families write arguments as tags.
var tagged = []struct{ template, family string }{
	{"<tool_call> <function=", "Qwen3-Coder"}, {"<seed:tool_call>", "Seed OSS"}, {"<minimax:tool_call>", "MiniMax M2"}, {"<tool_call> <arg_key>", "GLM"},
}

// functions are what is asked for.
var functions = []chat.Tool{
	{Name: "get_weather", Parameters: []byte(`{"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1, "maximum": 14}}, "required": ["city"], "additionalProperties": false}`)},
	{Name: "nothing"},
	{Name: "deep", Parameters: []byte(`{"type": "object", "properties": {"é \"x\"": {"type": "array", "items": {"anyOf": [{"type": "string"}, {"$ref": "#"}]}, "maxItems": 2}, "k": {"enum": ["</tool_call>", "a\\b", null, 1.5]}}, "additionalProperties": {"type": ["string", "null"]}}`)},
}

func words(t testing.TB) *tokenizer.Tokenizer {
	t.Helper()
	f, err := gguf.Parse(demo.Model(), func(uint32) (int, int, bool) { return 32, 34, true })
	if err != nil {
		t.Fatal(err)
	}
	w, err := tokenizer.New(f)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// write draws tokens at random, those that bring a text to its end more often.
func write(t *testing.T, r *rand.Rand, w *tokenizer.Tokenizer, g *grammar.Grammar) (text string, done bool) {
	t.Helper()
	return writeOn(t, r, w, g.Start())
}

func writeOn(t *testing.T, r *rand.Rand, w *tokenizer.Tokenizer, s *grammar.State) (text string, done bool) {
	t.Helper()
	for range 600 {
		m, err := s.Mask()
		if err != nil {
			t.Fatalf("behind %q: %v", text, err)
		}
		var all, ending []int32
		for id := range int32(w.Len()) {
			if m.Has(id) {
				if all = append(all, id); strings.ContainsAny(w.Piece(id), `"}]`) {
					ending = append(ending, id)
				}
			}
		}
		if len(ending) > 0 && r.IntN(3) > 0 {
			all = ending
		}
		id := all[r.IntN(len(all))]
		if err := s.Accept(id); err != nil {
			t.Fatal(err)
		}
		if w.IsEOG(id) {
			return text, true
		}
		if text += w.Piece(id); s.Over() {
			return text, true
		}
	}
	return text, false
}

// read is the message that a text means.
func read(source, text string) chat.Message {
	a := (&chat.Template{Source: source}).Answer("")
	a.Next(text)
	a.Finish()
	return a.Message()
}

// check holds calls to the schemas of their functions, by another implementation.
func check(t *testing.T, all []chat.ToolCall, functions []chat.Tool) error {
	t.Helper()
	for _, c := range all {
		at := slices.IndexFunc(functions, func(f chat.Tool) bool { return f.Name == c.Name })
		if at < 0 {
			return fmt.Errorf("no function is called %q", c.Name)
		}
		schema := functions[at].Parameters
		if len(schema) == 0 {
			schema = []byte(`{"maxProperties": 0}`)
		}
		s, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
		if err != nil {
			t.Fatal(err)
		}
		k := jsonschema.NewCompiler()
		if err := k.AddResource("schema.json", s); err != nil {
			t.Fatal(err)
		}
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(c.Arguments))
		if err != nil {
			return err
		}
		if err := k.MustCompile("schema.json").Validate(v); err != nil {
			return fmt.Errorf("%s: %w", c.Arguments, err)
		}
	}
	return nil
}

// schema is a random one, of values that nest at most depth deep.
func schema(r *rand.Rand, depth int) map[string]any {
	switch k := r.IntN(8); {
	case depth == 0 && k < 3:
		return map[string]any{"type": "string", "maxLength": r.IntN(9)}
	case depth == 0 && k == 3:
		return map[string]any{"type": "integer", "minimum": -r.IntN(99), "maximum": r.IntN(99)}
	case depth == 0 && k == 4:
		return map[string]any{"type": []string{"boolean", "null"}}
	case depth == 0:
		return map[string]any{"enum": []any{hostile[r.IntN(len(hostile))], r.IntN(99), nil, []any{hostile[r.IntN(len(hostile))]}}}
	case k < 2:
		return map[string]any{"type": "array", "items": schema(r, depth-1), "maxItems": 2}
	case k == 2:
		return map[string]any{"anyOf": []any{schema(r, depth-1), schema(r, 0)}}
	}
	properties, required := map[string]any{}, []string{}
	for _, name := range []string{"a", "é", hostile[r.IntN(len(hostile))]} {
		if properties[name] = schema(r, depth-1); r.IntN(2) == 0 {
			required = append(required, name)
		}
	}
	return map[string]any{"type": "object", "properties": properties, "required": required, "additionalProperties": false}
}

// TestRandomSchemas has each family call functions with random parameters, whose names and values
// spell markup.
func TestRandomSchemas(t *testing.T) {
	n := 3
	if testing.Short() {
		n = 2
	}
	w := words(t)
	r := rand.New(rand.NewPCG(3, 4))
	for _, x := range markups {
		m := (&chat.Template{Source: x.template}).Markup()
		v := calls.Vocabulary(w, &m)
		whole := 0
		for range n {
			var all []chat.Tool
			for i := range 2 {
				s := schema(r, 3)
				for s["type"] != "object" {
					s = schema(r, 3)
				}
				text, err := json.Marshal(s)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, chat.Tool{Name: fmt.Sprintf("f_%d", i), Parameters: text})
			}
			g, err := calls.Compile(t.Context(), v, &m, all, calls.Options{One: r.IntN(2) == 0})
			if err != nil {
				t.Fatalf("%s: %s, %s: %v", x.family, all[0].Parameters, all[1].Parameters, err)
			}
			for range 3 {
				text, done := write(t, r, w, g)
				if !done {
					continue
				}
				whole++
				got := read(x.template, text)
				if err := check(t, got.ToolCalls, all); err != nil || len(got.ToolCalls) == 0 || got.Content != "" {
					t.Fatalf("%s wrote %q: read %+v: %v", x.family, text, got, err)
				}
			}
		}
		if whole < n {
			t.Errorf("%s: %d texts are whole", x.family, whole)
		}
	}
}

// spelled is how a markup writes calls.
func spelled(m *chat.Markup, all ...chat.ToolCall) string {
	var parts []string
	for _, c := range all {
		name, _ := m.Name(c.Name)
		parts = append(parts, m.Begin+name+m.Middle+c.Arguments+m.End)
	}
	return m.Open + strings.Join(parts, m.Between) + m.Close
}

// TestRoundTrip has calls written at random by the grammar of each family read by its reader: they
// are whole, of the functions that there are, and valid by their schemas. Nothing of them is text.
func TestRoundTrip(t *testing.T) {
	w := words(t)
	r := rand.New(rand.NewPCG(1, 2))
	for _, x := range markups {
		m := (&chat.Template{Source: x.template}).Markup()
		if m.Family != x.family {
			t.Errorf("%q is of the family %q, want %q", x.template, m.Family, x.family)
			continue
		}
		whole, several := 0, 0
		for _, o := range []calls.Options{{}, {One: true}} {
			g, err := calls.Compile(t.Context(), calls.Vocabulary(w, &m), &m, functions, o)
			if err != nil {
				t.Fatalf("%s: %v", x.family, err)
			}
			for range 20 {
				text, done := write(t, r, w, g)
				if !done {
					continue
				}
				whole++
				got := read(x.template, text)
				if len(got.ToolCalls) == 0 || got.Content != "" || o.One && len(got.ToolCalls) != 1 {
					t.Fatalf("%s wrote %q: read %+v", x.family, text, got)
				}
				if len(got.ToolCalls) > 1 {
					several++
				}
				if err := check(t, got.ToolCalls, functions); err != nil {
					t.Fatalf("%s wrote %q: %v", x.family, text, err)
				}
			}
		}
		if whole < 15 || several == 0 && !m.Single {
			t.Errorf("%s: %d texts are whole, %d have several calls", x.family, whole, several)
		}
	}
}

// hostile are values that spell markup.
var hostile = []string{`a "quoted" \\ line` + "\n\té💩", "</tool_call>", "<tool_call>", "[TOOL_CALLS]f[ARGS]{}", "<｜tool▁call▁end｜>", "<｜tool▁sep｜>", "<｜tool▁calls▁end｜>",
	"<|tool_call_end|>", "<|tool_calls_section_end|>", "<|tool_call_argument_begin|>", "<|tool_call_begin|>", "</function>", "</function", "<parameter=a>1</parameter>", "\n```", "<|END_ACTION|>", "```", "]</tool_calls>", "</TOOLCALL>", "<|/tool_call|>", "<|tools_suffix|>",
	"</think>", "<think>", "}]", "<arg_key>", "call:f{}", "<function=f>", "<｜DSML｜", "<|open|>", "]<]minimax[>[", "<|end|>", "<|call|>", "<|start|>", "<|channel|>final<|message|>", ">>>all\n", "\"}"}

// TestHostileValues: arguments that spell markup come back as they were written, between others.
func TestHostileValues(t *testing.T) {
	w := words(t)
	for _, x := range markups {
		m := (&chat.Template{Source: x.template}).Markup()
		g, err := calls.Compile(t.Context(), calls.Vocabulary(w, &m), &m, functions, calls.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, value := range hostile {
			var b bytes.Buffer
			e := json.NewEncoder(&b)
			e.SetEscapeHTML(false)
			if err := e.Encode(map[string]string{"city": value}); err != nil {
				t.Fatal(err)
			}
			want := []chat.ToolCall{{Name: "get_weather", Arguments: strings.TrimSpace(b.String())}, {Name: "nothing", Arguments: "{}"}}
			if m.Single {
				want = want[:1]
			}
			text := spelled(&m, want...)
			if s := g.Start(); !s.AcceptText(text) || !s.Done() {
				t.Fatalf("%s: the grammar refuses %q", x.family, text)
			}
			got := read(x.template, text).ToolCalls
			for i := range got {
				got[i].ID = ""
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: %q was read as %+v", x.family, text, got)
			}
		}
	}
}

// TestFree: text comes before calls, and calls that begin are held.
func TestFree(t *testing.T) {
	w := words(t)
	for _, x := range markups {
		m := (&chat.Template{Source: x.template}).Markup()
		g, err := calls.Compile(t.Context(), calls.Vocabulary(w, &m), &m, functions, calls.Options{Free: true})
		if m.Headed {
			if err == nil || !strings.Contains(err.Error(), x.family) {
				t.Errorf("%s: %v", x.family, err)
			}
			continue
		}
		if err != nil {
			t.Fatalf("%s: %v", x.family, err)
		}
		call := spelled(&m, chat.ToolCall{Name: "get_weather", Arguments: `{"city": "Rome"}`})
		other := strings.Replace(call, "Rome\"", "Rome\", \"x\": 1", 1)
		before := "Let me look. <tool {"
		if m.Bare {
			before = ""
		}
		for text, want := range map[string]bool{"Hello {\"name\": 1}": true, before + call: true, before + other: false, before + strings.Replace(call, "get_weather", "set_weather", 1): false} {
			s := g.Start()
			if got := s.AcceptText(text) && s.Done(); got != want {
				t.Errorf("%s: %q is accepted: %v", x.family, text, got)
			}
		}
	}
}

// TestFreeRandom writes texts and calls at random: calls that are read are valid.
func TestFreeRandom(t *testing.T) {
	w := words(t)
	r := rand.New(rand.NewPCG(5, 6))
	for _, x := range markups {
		m := (&chat.Template{Source: x.template}).Markup()
		if m.Headed {
			continue
		}
		g, err := calls.Compile(t.Context(), calls.Vocabulary(w, &m), &m, functions, calls.Options{Free: true})
		if err != nil {
			t.Fatal(err)
		}
		begun := "Hm." + m.Open + m.Begin
		if m.Bare {
			begun = m.Open + m.Begin
		}
		for range 8 {
			for _, before := range []string{"", begun} {
				s := g.Start()
				if !s.AcceptText(before) {
					t.Fatalf("%s: %q is refused", x.family, before)
				}
				rest, done := writeOn(t, r, w, s)
				if !done {
					continue
				}
				got := read(x.template, before+rest)
				if err := check(t, got.ToolCalls, functions); err != nil || before != "" && len(got.ToolCalls) == 0 {
					t.Errorf("%s wrote %q: read %+v: %v", x.family, before+rest, got, err)
				}
			}
		}
	}
}

// TestMarker has the control tokens of calls and of what is around them, and no others.
func TestMarker(t *testing.T) {
	command := (&chat.Template{Source: "<|START_THINKING|>"}).Markup()
	for text, want := range map[string]bool{"<|START_ACTION|>": true, "<|END_ACTION|>": true, "<|START_THINKING|>": true, "<|START_RESPONSE|>": true, "<|END_RESPONSE|>": true,
		"<|START_OF_TURN_TOKEN|>": false, "<|im_end|>": false, "": false, "\n": false} {
		if got := command.Marker(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// TestManyFunctions refuses functions whose schemas are too much together, and takes very many that
// are not.
func TestManyFunctions(t *testing.T) {
	w := words(t)
	m := (&chat.Template{Source: "<tool_call>"}).Markup()
	var many, large []chat.Tool
	for i := range 512 {
		f := functions[0]
		f.Name = fmt.Sprintf("f_%d", i)
		many = append(many, f)
		wide := map[string]any{}
		for k := range 40 {
			wide[fmt.Sprintf("p_%d_%d", i, k)] = map[string]any{"type": "string"}
		}
		text, err := json.Marshal(map[string]any{"type": "object", "properties": wide, "additionalProperties": false})
		if err != nil {
			t.Fatal(err)
		}
		large = append(large, chat.Tool{Name: f.Name, Parameters: text})
	}
	v := calls.Vocabulary(w, &m)
	g, err := calls.Compile(t.Context(), v, &m, many, calls.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if s := g.Start(); !s.AcceptText(spelled(&m, chat.ToolCall{Name: "f_511", Arguments: `{"city": "Rome"}`})) || !s.Done() {
		t.Error("the last function cannot be called")
	}
	if _, err := calls.Compile(t.Context(), v, &m, large, calls.Options{}); err == nil || !strings.Contains(err.Error(), "the function") || !strings.Contains(err.Error(), "more than") {
		t.Errorf("schemas of 20480 properties: %v", err)
	}
}

// TestRefused names what cannot be held.
func TestRefused(t *testing.T) {
	w := words(t)
	hermes := (&chat.Template{Source: "<tool_call>"}).Markup()
	tags := (&chat.Template{Source: "<function= <|python_tag|>"}).Markup()
	gemma := (&chat.Template{Source: "<|channel>"}).Markup()
	none := (&chat.Template{}).Markup()
	endless := chat.Tool{Name: "endless", Parameters: []byte(`{"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]}`)}
	for _, x := range []struct {
		m    *chat.Markup
		f    []chat.Tool
		says string
	}{
		{&none, functions, "no family"}, {&gemma, functions, "Gemma 4"}, {&hermes, nil, "no functions"},
		{&tags, []chat.Tool{{Name: "a>b"}}, `"a>b"`},
		{&hermes, []chat.Tool{{Name: "f", Parameters: []byte(`{"properties": {"a": {"not": {}}}}`)}}, `the function "f": schema: keyword "not" at #/properties/a`},
		{&hermes, []chat.Tool{{Name: "f", Parameters: []byte(`{"type": "string"}`)}}, `the function "f": schema: no value is valid`},
		{&hermes, []chat.Tool{functions[0], endless}, `the function "endless": its parameters`},
		{&hermes, []chat.Tool{endless}, `the function "endless": its parameters`},
		{&hermes, []chat.Tool{functions[0], {Name: "self", Parameters: []byte(`{"$ref": "#"}`)}}, `the function "self"`},
		{&hermes, []chat.Tool{functions[0], {Name: "self", Parameters: []byte(`{"anyOf": [{"$ref": "#"}, {"type": "object"}]}`)}}, `the function "self"`},
	} {
		if _, err := calls.Compile(t.Context(), grammar.NewVocabulary(w), x.m, x.f, calls.Options{}); err == nil || !strings.Contains(err.Error(), x.says) {
			t.Errorf("want %q: %v", x.says, err)
		}
	}
}

// published are templates of models with their families, and whether there is a grammar of these.
var published = []struct {
	template, family string
	known            bool
}{
	{"Apertus-8B-Instruct", "Apertus", true},
	{"Apriel-1.6-15b-Thinker-fixed", "Apriel", true},
	{"Bielik-11B-v3.0-Instruct", "Hermes and Qwen", true},
	{"ByteDance-Seed-OSS", "Seed OSS", true},
	{"GLM-4.6", "GLM", true},
	{"GLM-4.7-Flash", "GLM", true},
	{"GigaChat3-10B-A1.8B", "GigaChat 3", true},
	{"GigaChat3.1-10B-A1.8B", "GigaChat 3.1", true},
	{"HuggingFaceTB-SmolLM3-3B", "", false},
	{"MiMo-VL", "Hermes and Qwen", true},
	{"Mistral-Small-3.2-24B-Instruct-2506", "Mistral with [ARGS]", true},
	{"Qwen-QwQ-32B", "Hermes and Qwen", true},
	{"Qwen-Qwen2.5-7B-Instruct", "Hermes and Qwen", true},
	{"Qwen-Qwen3-0.6B", "Hermes and Qwen", true},
	{"Qwen3-Coder", "Qwen3-Coder", true},
	{"deepseek-ai-DeepSeek-R1-Distill-Qwen-32B", "DeepSeek R1", true},
	{"deepseek-ai-DeepSeek-V3.1", "DeepSeek V3.1", true},
	{"deepseek-ai-DeepSeek-V3.2", "DeepSeek V3.2", false},
	{"ibm-granite-granite-3.3-2B-Instruct", "Granite 3", true},
	{"ibm-granite-granite-4.0", "Hermes and Qwen", true},
	{"meetkai-functionary-medium-v3.1", "functionary v3.1", true},
	{"meetkai-functionary-medium-v3.2", "functionary v3.2", true},
	{"microsoft-Phi-3.5-mini-instruct", "", false},
	{"mistralai-Ministral-3-14B-Reasoning-2512", "Mistral with [ARGS]", true},
	{"mistralai-Mistral-Nemo-Instruct-2407", "Mistral", true},
	{"openai-gpt-oss-120b", "gpt-oss", true},
	{"unsloth-Apriel-1.5", "Hermes and Qwen", true},
	{"unsloth-mistral-Devstral-Small-2507", "Mistral with [ARGS]", true},
}

// TestPublished knows the families of published templates.
func TestPublished(t *testing.T) {
	const dir = "../../chat/jinja/testdata/templates/"
	for _, x := range published {
		source, err := os.ReadFile(dir + x.template + ".jinja")
		if err != nil {
			t.Fatal(err)
		}
		if m := (&chat.Template{Source: string(source)}).Markup(); m.Family != x.family || m.Known() != x.known {
			t.Errorf("%s is of the family %q, known: %v", x.template, m.Family, m.Known())
		}
	}
}
