package chat

import (
	"slices"
	"strings"
)

// Markup is how a family writes calls of functions. A text of one call is
//
//	Open Begin NAME Middle ARGUMENTS End Close
//
// and Between is between a call and the next. ARGUMENTS is a JSON object.
type Markup struct {
	Family      string // in words; "" where the template has no calls that are known
	Open, Close string
	Begin       string
	Middle      string
	End         string
	Between     string
	Single      bool     // calls are numbered, and one is written
	Not         []string // names that mean something else
	Quoted      bool     // NAME is a JSON string; else it has the characters of an identifier

	// Tags are around each argument, where ARGUMENTS is no object; nil where it is one.
	Tags *Tags

	// Marks are texts with which a call begins, to the reader of answers. Bare says that a call may
	// also begin without any, by the first brace of an answer.
	Marks []string
	Bare  bool

	// Headed says that calls begin in the header with which an answer begins, so that all of it is
	// held. Thought and Spoken are around the thinking that may come before, "" for none.
	Headed          bool
	Thought, Spoken string

	around []string // markers of what is no call
}

// Tags are how an argument is written: Open NAME Middle VALUE Close. A string stands there as it
// is, any other value as JSON. Not are the texts that none may have, since they end more than it.
type Tags struct {
	Open, Middle, Close string
	Not                 []string
}

// Known says whether calls in the markup can be written; if not, there is a reader of them alone.
func (m *Markup) Known() bool { return m.Middle != "" }

// Name is how a function is named, false where the markup cannot name it.
func (m *Markup) Name(name string) (string, bool) {
	if m.Quoted {
		return quote(name), true
	}
	return name, identifier.MatchString(name) && !slices.Contains(m.Not, name)
}

// Marker reports whether a control token's text is part of the markup, or of what the family writes
// around thinking and content.
func (m *Markup) Marker(text string) bool {
	if t := m.Tags; t != nil && strings.TrimSpace(text) != "" && (strings.Contains(t.Open, text) || strings.Contains(t.Middle, text) || strings.Contains(t.Close, text)) {
		return true
	}
	parts := append([]string{m.Thought, m.Spoken, m.Open, m.Begin, m.Middle, m.End, m.Between, m.Close}, m.around...)
	return strings.TrimSpace(text) != "" &&
		slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(part, text) })
}

// Markup is how the model of a template writes calls of functions.
func (t *Template) Markup() Markup {
	f := formatOf(t.Source)
	m := f.calls
	for _, s := range f.sections {
		switch {
		case s.kind != Call:
			m.around = append(append(m.around, s.open), s.ends...)
		case s.open != "":
			m.Marks = append(m.Marks, s.open)
		}
	}
	m.Bare = f.bare
	return m
}

// readOnly is a family whose calls are read, and of whose writing there is no grammar.
func readOnly(family string) Markup { return Markup{Family: family} }

// jsonMarkup is that of calls which are JSON objects with a name and arguments.
func jsonMarkup(family, open, arguments, between, close string) Markup {
	return Markup{Family: family, Open: open, Begin: `{"name": `, Middle: `, "` + arguments + `": `, End: "}",
		Between: between, Close: close, Quoted: true}
}

// tagged is the markup of a family that writes <function=N> and <parameter=K> within two tags.
func tagged(family, tag, middle, close string) Markup {
	return Markup{Family: family, Begin: "<" + tag + ">\n<function=", Middle: ">\n", End: "</function>\n</" + tag + ">", Between: "\n",
		Tags: &Tags{Open: "<parameter=", Middle: middle, Close: close, Not: []string{"</parameter>", "</function>", "</" + tag + ">"}}}
}

// The markups of the published templates.
var (
	qwenCoderMarkup = tagged("Qwen3-Coder", "tool_call", ">\n", "\n</parameter>\n")
	seedMarkup      = tagged("Seed OSS", "seed:tool_call", ">", "</parameter>\n")
	minimaxMarkup   = Markup{Family: "MiniMax M2", Open: "<minimax:tool_call>\n", Begin: "<invoke name=\"", Middle: "\">\n",
		End: "</invoke>\n", Close: "</minimax:tool_call>", Tags: &Tags{Open: "<parameter name=\"", Middle: "\">",
			Close: "</parameter>\n", Not: []string{"</parameter>", "</invoke>", "</minimax:tool_call>"}}}
	glmMarkup = Markup{Family: "GLM", Begin: "<tool_call>", Middle: "\n", End: "</tool_call>", Between: "\n",
		Tags: &Tags{Open: "<arg_key>", Middle: "</arg_key>\n<arg_value>", Close: "</arg_value>\n",
			Not: []string{"</arg_value>", "<tool_call>", "</tool_call>"}}}
	hermesMarkup = Markup{Family: "Hermes and Qwen", Begin: "<tool_call>\n{\"name\": ", Middle: `, "arguments": `,
		End: "}\n</tool_call>", Between: "\n", Quoted: true}
	llamaMarkup       = jsonMarkup("Llama 3", "", "parameters", "; ", "")
	mistralMarkup     = jsonMarkup("Mistral", "[TOOL_CALLS][", "arguments", ", ", "]")
	mistralArgsMarkup = Markup{Family: "Mistral with [ARGS]", Begin: "[TOOL_CALLS]", Middle: "[ARGS]"}
	deepseekMarkup    = Markup{Family: "DeepSeek R1", Open: "<｜tool▁calls▁begin｜>",
		Begin: "<｜tool▁call▁begin｜>function<｜tool▁sep｜>", Middle: "\n```json\n", End: "\n```<｜tool▁call▁end｜>",
		Between: "\n", Close: "<｜tool▁calls▁end｜>"}
	deepseek31Markup = Markup{Family: "DeepSeek V3.1", Open: "<｜tool▁calls▁begin｜>", Begin: "<｜tool▁call▁begin｜>",
		Middle: "<｜tool▁sep｜>", End: "<｜tool▁call▁end｜>", Close: "<｜tool▁calls▁end｜>"}
	kimiMarkup = Markup{Family: "Kimi K2", Open: "<|tool_calls_section_begin|>", Begin: "<|tool_call_begin|>functions.",
		Middle: ":0<|tool_call_argument_begin|>", End: "<|tool_call_end|>", Close: "<|tool_calls_section_end|>", Single: true}
	functionTagMarkup = Markup{Family: "functionary v3.1", Begin: "<function=", Middle: ">", End: "</function>"}
	harmonyMarkup     = Markup{Family: "gpt-oss", Begin: "<|channel|>commentary to=functions.", Middle: " <|constrain|>json<|message|>",
		Single: true, Headed: true, Thought: "<|channel|>analysis<|message|>", Spoken: "<|end|><|start|>assistant"}
	functionaryMarkup = Markup{Family: "functionary v3.2", Middle: "\n", Between: ">>>", Headed: true, Not: []string{"all"}}
	commandMarkup     = Markup{Family: "Command R7B", Open: "<|START_ACTION|>[\n    ", Begin: `{"tool_call_id": "0", "tool_name": `,
		Middle: `, "parameters": `, End: "}", Single: true, Close: "\n]<|END_ACTION|>", Quoted: true}
	commandPlusMarkup = Markup{Family: "Command R+", Open: "Action:\n```json\n[\n    ", Begin: "{\n        \"tool_name\": ",
		Middle: ",\n        \"parameters\": ", End: "\n    }", Between: ",\n    ", Close: "\n]\n```", Quoted: true}
	apertusMarkup = Markup{Family: "Apertus", Open: "<|tools_prefix|>[", Begin: "{", Middle: ": ", End: "}",
		Between: ", ", Close: "]<|tools_suffix|>", Quoted: true}
	toolCallsMarkup  = jsonMarkup("Apriel", "<tool_calls>[", "arguments", ", ", "]</tool_calls>")
	nemotronMarkup   = jsonMarkup("Nemotron", "<TOOLCALL>[", "arguments", ", ", "]</TOOLCALL>")
	graniteMarkup    = jsonMarkup("Granite 3", "<|tool_call|>[", "arguments", ", ", "]")
	phiMarkup        = jsonMarkup("Phi 4 mini", "functools[", "arguments", ", ", "]")
	gigachat31Markup = jsonMarkup("GigaChat 3.1", "<|function_call|>", "arguments", "\n", "")
	gigachatMarkup   = jsonMarkup("GigaChat 3", "<|message_sep|>\n\nfunction call<|role_sep|>\n", "arguments", "\n", "")
)
