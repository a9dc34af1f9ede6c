package chat

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

func one(name, arguments string) []ToolCall { return []ToolCall{{Name: name, Arguments: arguments}} }

// generations are what models of a family write. The template is what of theirs says which family
// it is.
var generations = []struct {
	template, prompt, generated string
	content, reasoning          string
	calls                       []ToolCall
}{
	// harmony: OpenAI's description of the format
	{"<|channel|>", "", "<|channel|>final<|message|>Ok!", "Ok!", "", nil},
	{"<|channel|>", "", "<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>Ok <b>!", "Ok <b>!", "hm", nil},
	{"<|channel|>", "", "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>analysis<|message|>b<|end|><|start|>assistant<|channel|>commentary to=functions.f <|constrain|>json<|message|>{\"a\": 1}<|call|>",
		"", "a\n\nb", one("f", `{"a":1}`)},
	{"<|channel|>", "", " to=functions.f<|channel|>commentary json<|message|>{}", "", "", one("f", "{}")},
	{"<|channel|>", "", "<|channel|>commentary<|message|>First.<|end|><|start|>assistant<|channel|>final<|message|>Then.", "First.\n\nThen.", "", nil},
	{"<|channel|>", "", "just text", "just text", "", nil},
	{"<|channel|>", "", "<|channel|>analysis<|message|>cut o", "", "cut o", nil},
	{"<|channel|>", "", "<|channel|>fin", "<|channel|>fin", "", nil},
	{"<|channel|>", "", "<|channel|>commentary to=functions.f<|message|>{\"a\": ", "<|channel|>commentary to=functions.f<|message|>{\"a\": ", "", nil},
	{"<|channel|>", "", "<|channel|>analysis<|message|>no end<|channel|>final<|message|>Ok", "Ok", "no end", nil},
	// thinking
	{"", "", "<think>\nhm\n</think>\n\nSo.", "So.", "hm", nil},
	{"", "<think>\n", "hm\n</think>\n\nSo.", "So.", "hm", nil},
	{"", "<think>\n\n</think>\n\n", "So.", "So.", "", nil},
	{"", "", "It uses <think> and </think>.", "It uses <think> and </think>.", "", nil},
	{"", "", "<think>cut", "", "cut", nil},
	{"", "", "</think>So.", "So.", "", nil},
	{"[THINK]", "", "[THINK]hm[/THINK]So.", "So.", "hm", nil},
	{"<seed:think>", "", "<seed:think>hm</seed:think>So.", "So.", "hm", nil},
	{"<|START_THINKING|>", "", "<|START_THINKING|>hm<|END_THINKING|><|START_RESPONSE|>So.<|END_RESPONSE|>", "So.", "hm", nil},
	{"<response></response>", "", "<think>hm</think><response>So.</response>", "So.", "hm", nil},
	{"<|channel>", "", "<|channel>thought\nhm\n<channel|>So.", "So.", "hm", nil},
	{"<|inner_prefix|>", "", "<|inner_prefix|>hm<|inner_suffix|>So.", "So.", "hm", nil},
	{"Here are my reasoning steps: [BEGIN FINAL RESPONSE]", "Here are my reasoning steps:\n", "hm\n[BEGIN FINAL RESPONSE]\nSo.", "So.", "hm", nil},
	{"<|think|> <|content|> <|begin|>", "", "<|think|>hm<|end|><|begin|>assistant<|content|>So.<|end|>", "So.", "hm", nil},
	{"<|open|> <|sep|> <|close|>", "<|open|>think<|sep|>", "hm<|close|>think<|sep|><|open|>response<|sep|>So.<|close|>response<|sep|>", "So.", "hm", nil},
	// tool calls
	{"<tool_call>", "", "Wait.\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"b\": 1, \"a\": [true]}}\n</tool_call>", "Wait.", "", one("f", `{"b":1,"a":[true]}`)},
	{"<tool_call>", "", "<tool_call>\n{\"name\": \"f\", \"arg", "<tool_call>\n{\"name\": \"f\", \"arg", "", nil},
	{"<tool_call>", "", "Write <tool_call>x</tool_call> so.", "Write <tool_call>x</tool_call> so.", "", nil},
	{"<tool_call>", "", "<tool_call>\n<function=f>\n<parameter=a>\none\ntwo\n</parameter>\n<parameter=b>\n3\n</parameter>\n</function>\n</tool_call>", "", "", one("f", `{"a":"one\ntwo","b":3}`)},
	{"<tool_call><arg_key>", "", "<tool_call>f\n<arg_key>a</arg_key>\n<arg_value>x y</arg_value>\n</tool_call><tool_call>g</tool_call>", "", "", []ToolCall{{Name: "f", Arguments: `{"a":"x y"}`}, {Name: "g", Arguments: "{}"}}},
	{"[TOOL_CALLS]", "", "[TOOL_CALLS][{\"name\": \"f\", \"arguments\": {\"a\": 1}, \"id\": \"123456789\"}]", "", "", []ToolCall{{ID: "123456789", Name: "f", Arguments: `{"a":1}`}}},
	{"[TOOL_CALLS]", "", "[TOOL_CALLS]f[CALL_ID]x1[ARGS]{\"a\": 1}[TOOL_CALLS]g[ARGS]{}", "", "", []ToolCall{{ID: "x1", Name: "f", Arguments: `{"a":1}`}, {Name: "g", Arguments: "{}"}}},
	{"<|python_tag|>", "", "<|python_tag|>brave_search.call(query=\"a \\\"b\\\"\")", "", "", one("brave_search", `{"query":"a \"b\""}`)},
	{"<|python_tag|>", "", "<|python_tag|>print(1)\n", "", "", one("python", `{"code":"print(1)"}`)},
	{`<|start_header_id|> "parameters": `, "", `{"name": "f", "parameters": {"a": "b"}}`, "", "", one("f", `{"a":"b"}`)},
	{`<|start_header_id|> "parameters": `, "", `{"name": "Ann", "age": 3}`, `{"name": "Ann", "age": 3}`, "", nil},
	{`<|start_header_id|> "parameters": `, "", `{"x": 1}`, `{"x": 1}`, "", nil},
	{"<|python_tag|> <function=", "", "<function=f>{\"a\": 1}</function>", "", "", one("f", `{"a":1}`)},
	{">>>all >>>${recipient}", "", "all\nHi >>> there>>>f\n{\"a\": 1}", "Hi >>> there", "", one("f", `{"a":1}`)},
	{">>>all >>>${recipient}", "", "f\n{\"a\": 1}", "", "", one("f", `{"a":1}`)},
	{"<｜tool▁calls▁begin｜>", "", "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>f\n```json\n{\"a\": 1}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>", "", "", one("f", `{"a":1}`)},
	{"<｜tool▁calls▁begin｜>", "", "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{\"a\": 1}<｜tool▁call▁end｜><｜tool▁calls▁end｜>", "", "", one("f", `{"a":1}`)},
	{"DSML", "", "<｜DSML｜function_calls>\n<｜DSML｜invoke name=\"f\">\n<｜DSML｜parameter name=\"a\" string=\"true\">5</｜DSML｜parameter>\n<｜DSML｜parameter name=\"b\" string=\"false\">5</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜function_calls>", "", "", one("f", `{"a":"5","b":5}`)},
	{"<|START_THINKING|>", "", "<|START_ACTION|>[\n {\"tool_call_id\": \"0\", \"tool_name\": \"f\", \"parameters\": {\"a\": 1}}\n]<|END_ACTION|>", "", "", []ToolCall{{ID: "0", Name: "f", Arguments: `{"a":1}`}}},
	{`"tool_name" Action:`, "", "Action: ```json\n[{\"tool_name\": \"f\", \"parameters\": {}}]\n```", "", "", one("f", "{}")},
	{"<|tool_calls_section_begin|>", "", "<|tool_calls_section_begin|><|tool_call_begin|>functions.f:0<|tool_call_argument_begin|>{\"a\": 1}<|tool_call_end|><|tool_calls_section_end|>", "", "", []ToolCall{{ID: "functions.f:0", Name: "f", Arguments: `{"a":1}`}}},
	{"<minimax:tool_call>", "", "<minimax:tool_call>\n<invoke name=\"f\">\n<parameter name=\"a\">x</parameter>\n</invoke>\n</minimax:tool_call>", "", "", one("f", `{"a":"x"}`)},
	{"]<]minimax[>[", "", "]<]minimax[>[<tool_call>\n]<]minimax[>[<invoke name=\"f\">]<]minimax[>[<a>]<]minimax[>[<item>1]<]minimax[>[</item>]<]minimax[>[<item>x]<]minimax[>[</item>]<]minimax[>[</a>]<]minimax[>[</invoke>\n]<]minimax[>[</tool_call>", "", "", one("f", `{"a":[1,"x"]}`)},
	{"<tool_calls>", "", "<tool_calls>\n{\"name\": \"f\", \"arguments\": {}}\n{\"name\": \"g\", \"arguments\": {}}\n</tool_calls>", "", "", []ToolCall{{Name: "f", Arguments: "{}"}, {Name: "g", Arguments: "{}"}}},
	{"<|tool_call|>", "", "<|tool_call|>[{\"name\": \"f\", \"arguments\": {\"a\": 1}}]", "", "", one("f", `{"a":1}`)},
	{"<|tool_call|>", "", "<|tool_call|>[{\"name\": \"f\", \"arguments\": {\"a\": 1}}]<|/tool_call|>", "", "", one("f", `{"a":1}`)},
	{"<|channel>", "", "<|tool_call>call:f{a:<|\"|>x, {y}<|\"|>,b:[1,true],c:{<|\"|>d<|\"|>:null}}<tool_call|>", "", "", one("f", `{"a":"x, {y}","b":[1,true],"c":{"d":null}}`)},
	{"<|tool_call_start|>", "", "<|tool_call_start|>[f(a='it\\'s', b=[1, None]), g()]<|tool_call_end|>", "", "", []ToolCall{{Name: "f", Arguments: `{"a":"it's","b":[1,null]}`}, {Name: "g", Arguments: "{}"}}},
	{"<|inner_prefix|>", "", "<|tools_prefix|>[{\"f\": {\"a\": 1}}]<|tools_suffix|>", "", "", one("f", `{"a":1}`)},
	{"<function name=\"<param name=\"", "", "<function name=\"f\"><param name=\"a\"><![CDATA[1 < 2]]></param></function>", "", "", one("f", `{"a":"1 < 2"}`)},
	{"<atem:function_calls><|eom|>", "", " to=self<|message|>hm<|eom|><|start|>assistant to=f<|message|><atem:function_calls>\n<atem:invoke name=\"f\">\n<atem:parameter name=\"a\">1</atem:parameter>\n</atem:invoke>\n</atem:function_calls>", "", "hm", one("f", `{"a":1}`)},
	{"<|role_sep|><|message_sep|>", "", "Wait<|message_sep|>\n\nfunction call<|role_sep|>\n{\"name\": \"f\", \"arguments\": {}}", "Wait", "", one("f", "{}")},
	{"functools[", "", " functools[{\"name\": \"f\", \"arguments\": {}}]", "", "", one("f", "{}")},
	{":opensource", "", "<tool_calls:opensource>\n<tool_call:opensource>f<tool_sep:opensource>\n<arg_key:opensource>a</arg_key:opensource>\n<arg_value:opensource>x</arg_value:opensource>\n</tool_call:opensource>\n</tool_calls:opensource>", "", "", one("f", `{"a":"x"}`)},
	{"<|open|> <|sep|> <|close|>", "", "<|open|>tools<|sep|><|open|>call tool=\"f\" index=\"1\"<|sep|><|open|>argument key=\"a\" type=\"number\"<|sep|>1<|close|>argument<|sep|><|close|>call<|sep|><|close|>tools<|sep|>", "", "", one("f", `{"a":1}`)},
}

func TestAnswer(t *testing.T) {
	for _, g := range generations {
		tmpl := &Template{Source: g.template}
		want := Message{Role: "assistant", Content: g.content, Reasoning: g.reasoning, ToolCalls: g.calls}
		for n := 1; n < len(g.generated)+4; n += 1 + n/3 {
			a := tmpl.Answer(g.prompt)
			if got := read(a, g.generated, n); !reflect.DeepEqual(got, want) {
				t.Errorf("%q of %q in pieces of %d:\n got %+v\nwant %+v", g.generated, g.template, n, got, want)
			}
			if a.Raw() != g.generated {
				t.Errorf("%q: raw is %q", g.generated, a.Raw())
			}
		}
	}
}

// TestLead takes the space for layout that the template itself puts before an answer, and no other.
func TestLead(t *testing.T) {
	for source, want := range map[string]string{
		"{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}": "Yes",
		"{% for m in messages %}{{ m.role }}:{{ m.content }}\n{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}":  " Yes",
	} {
		tmpl, err := load(t, "tiny-llama", source)
		if err != nil {
			t.Fatal(err)
		}
		for n := 1; n < 5; n++ {
			if got := read(tmpl.Answer("user: Well?\nassistant:"), " Yes", n); got.Content != want {
				t.Errorf("%s in pieces of %d: %q, want %q", source, n, got.Content, want)
			}
		}
	}
}

// TestVariables renders templates that need other variables than most, and keeps the first error of
// those that need none.
func TestVariables(t *testing.T) {
	call := []Message{{Role: "assistant", ToolCalls: []ToolCall{{Name: "f", Arguments: `{"a": 1}`}}}}
	for source, want := range map[string]string{
		"{% for tool in tools %}{% endfor %}ok":                                     "ok",
		"{{ '>' + messages[0].tool_calls[0].function.arguments }}":                  `>{"a": 1}`,
		"{{ messages[0].tool_calls[0].function.arguments.a }}{{ tools is none }}":   "1True",
		"{{ 'f' + functions }}{{ messages[0].tool_calls[0].function.arguments|e }}": `f[]{&#34;a&#34;: 1}`,
	} {
		tmpl, err := load(t, "tiny-llama", source)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := tmpl.Prompt(call, true); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", source, got, err, want)
		}
	}
	tmpl, err := load(t, "tiny-llama", "{{ tools + 1 }}")
	if err == nil {
		_, err = tmpl.Prompt(call, true)
	}
	if err == nil || !strings.Contains(err.Error(), "NoneType") {
		t.Errorf("error %v", err)
	}
}

// TestStream compares what is shown as it comes with the message.
func TestStream(t *testing.T) {
	a := (&Template{}).Answer("")
	var shown []string
	for _, piece := range []string{"<th", "ink>\nso", " so\n</thi", "nk>\n\nA ", "b", "\n"} {
		for _, p := range a.Next(piece) {
			shown = append(shown, []string{"content", "reasoning", "call"}[p.Kind]+" "+p.Text)
		}
	}
	want := []string{"reasoning so", "reasoning  so\n", "content A", "content  b"}
	if !reflect.DeepEqual(shown, want) {
		t.Errorf("shown %q, want %q", shown, want)
	}
}

func FuzzAnswer(f *testing.F) {
	var sources []string
	for _, g := range generations {
		f.Add(uint8(len(sources)), g.prompt, g.generated, uint8(3))
		sources = append(sources, g.template)
	}
	f.Fuzz(func(t *testing.T, which uint8, prompt, generated string, n uint8) {
		tmpl := &Template{Source: sources[int(which)%len(sources)]}
		a := tmpl.Answer(prompt)
		whole := read(a, generated, len(generated)+1)
		b := tmpl.Answer(prompt)
		var content, thought strings.Builder
		show := func(parts []Part) {
			for _, p := range parts {
				switch p.Kind {
				case Content:
					content.WriteString(p.Text)
				case Reasoning:
					thought.WriteString(p.Text)
				}
			}
		}
		for rest := generated; rest != ""; {
			k := min(len(rest), int(n)+1)
			show(b.Next(rest[:k]))
			rest = rest[k:]
		}
		show(b.Finish())
		pieces := b.Message()
		if !reflect.DeepEqual(whole, pieces) {
			t.Fatalf("%q in pieces of %d:\n got %+v\nwant %+v", generated, int(n)+1, pieces, whole)
		}
		if content.String() != pieces.Content {
			t.Fatalf("shown %q of %q", content.String(), pieces.Content)
		}
		if strings.TrimRight(thought.String(), " \n\r\t") != pieces.Reasoning {
			t.Fatalf("thought %q of %q", thought.String(), pieces.Reasoning)
		}
		if a.f.headers == nil && len(pieces.ToolCalls) == 0 {
			got := strings.Join(strings.Fields(pieces.Reasoning+" "+pieces.Content), "")
			if want := bare(a.f, generated); len(got) < len(want) {
				t.Fatalf("lost of %q: %+v", generated, pieces)
			}
		}
	})
}

// bare is text without anything that may be a marker, the longest first, and without white space:
// the least that a message has of it.
func bare(f *format, text string) string {
	var markers []string
	for _, s := range f.sections {
		markers = append(append(markers, s.open), s.ends...)
	}
	slices.SortFunc(markers, func(a, b string) int { return len(b) - len(a) })
	for _, m := range markers {
		if m != "" {
			text = strings.ReplaceAll(text, m, " ")
		}
	}
	return strings.Join(strings.Fields(text), "")
}
