package chat

import (
	"encoding/json"
	"regexp"
	"strings"
)

// marks are what a family writes around the arguments of a call.
type marks struct {
	begin     string // before a call; the first may be without it
	arguments string // before the arguments, which are a JSON object
	end       string // behind them, "" for nothing
	read      func(head, arguments string) (ToolCall, bool)
}

// marked are the calls of Mistral, DeepSeek, Kimi K2 and Solar.
var marked = []marks{
	{"[TOOL_CALLS]", "[ARGS]", "", mistralCall},
	{"<｜tool▁call▁begin｜>", "\n```json", "\n```<｜tool▁call▁end｜>", deepseekCall},
	{"<｜tool▁call▁begin｜>", "<｜tool▁sep｜>", "<｜tool▁call▁end｜>", deepseekCall},
	{"<|tool_call_begin|>", "<|tool_call_argument_begin|>", "<|tool_call_end|>", kimiCall},
	{"<|tool_call:begin|>", "<|tool_call:args|>", "<|tool_call:end|>", solarCall},
}

// markedCalls reads calls whose arguments are between marks. Arguments may spell marks.
func markedCalls(text string) ([]ToolCall, bool) {
	for _, m := range marked {
		if calls, ok := m.calls(text); ok {
			return calls, true
		}
	}
	return nil, false
}

func (m *marks) calls(text string) (calls []ToolCall, ok bool) {
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		text = strings.TrimPrefix(text, m.begin)
		head, rest, found := strings.Cut(text, m.arguments)
		if !found || strings.Contains(head, "{") {
			return nil, false
		}
		arguments, rest, ok := cutJSON(rest)
		if !ok {
			return nil, false
		}
		if text, ok = strings.CutPrefix(strings.TrimSpace(rest), strings.TrimSpace(m.end)); !ok {
			return nil, false
		}
		c, ok := m.read(head, arguments)
		if !ok || len(calls) == maxAsked {
			return nil, false
		}
		calls = append(calls, c)
	}
	return calls, len(calls) > 0
}

// cutJSON divides a text behind the JSON value that it begins with.
func cutJSON(text string) (value, rest string, ok bool) {
	d := json.NewDecoder(strings.NewReader(text))
	var one json.RawMessage
	if d.Decode(&one) != nil {
		return "", "", false
	}
	return string(one), text[d.InputOffset():], true
}

// each reads the stretches between begin and end.
func each(text, begin, end string, read func(string) (ToolCall, bool)) (calls []ToolCall, ok bool) {
	for _, one := range strings.Split(text, begin) {
		if end != "" {
			rest := ""
			if one, rest, _ = strings.Cut(one, end); strings.TrimSpace(rest) != "" {
				return nil, false
			}
		}
		if strings.TrimSpace(one) == "" {
			continue
		}
		c, ok := read(one)
		if !ok || len(calls) == maxAsked {
			return nil, false
		}
		calls = append(calls, c)
	}
	return calls, true
}

// named makes a call of a name and the JSON of its arguments.
func named(id, name, arguments string) (ToolCall, bool) {
	name = strings.TrimSpace(name)
	a, ok := object(strings.TrimSpace(arguments))
	return ToolCall{ID: strings.TrimSpace(id), Name: name, Arguments: a}, ok && identifier.MatchString(name)
}

func mistralCall(head, arguments string) (ToolCall, bool) {
	name, id, _ := strings.Cut(head, "[CALL_ID]")
	return named(id, name, arguments)
}

// deepseekCall reads N, or function<｜tool▁sep｜>N.
func deepseekCall(head, arguments string) (ToolCall, bool) {
	if _, name, ok := strings.Cut(head, "<｜tool▁sep｜>"); ok {
		head = name
	}
	return named("", head, arguments)
}

// kimiCall reads functions.N:INDEX, which is also the id.
func kimiCall(id, arguments string) (ToolCall, bool) {
	name := strings.TrimPrefix(strings.TrimSpace(id), "functions.")
	if at := strings.LastIndexByte(name, ':'); at >= 0 {
		name = name[:at]
	}
	return named(id, name, arguments)
}

func solarCall(head, arguments string) (ToolCall, bool) {
	id, name, _ := strings.Cut(head, "<|tool_call:name|>")
	return named(id, name, arguments)
}

var (
	openCall     = regexp.MustCompile(`^call tool="([^"]+)"[^<]*<\|sep\|>`)
	openArgument = regexp.MustCompile(`^argument key="([^"]+)"(?: type="([^"]*)")?[^<]*<\|sep\|>`)
)

// openClose are the sections of Kimi K3.
var openClose = []section{
	{kind: Reasoning, open: "<|open|>think<|sep|>", ends: []string{"<|close|>think<|sep|>"}},
	saying("<|open|>response<|sep|>", "<|close|>response<|sep|>"),
	calling("<|open|>tools<|sep|>", "<|close|>tools<|sep|>"),
	dropping("<|close|>message<|sep|>"), dropping("<|end_of_msg|>"),
}

// openCloseCalls reads the calls of Kimi K3.
func openCloseCalls(text string) ([]ToolCall, bool) {
	if !strings.HasPrefix(text, "<|open|>") {
		return nil, false
	}
	return each(text, "<|open|>call", "<|close|>call<|sep|>", func(one string) (c ToolCall, ok bool) {
		head := openCall.FindStringSubmatch("call" + one)
		if head == nil {
			return c, false
		}
		var p pairs
		parts := strings.Split(("call" + one)[len(head[0]):], "<|open|>")
		if strings.TrimSpace(parts[0]) != "" {
			return c, false
		}
		for _, part := range parts[1:] {
			if json, ok := strings.CutPrefix(part, `json type="object"<|sep|>`); ok && len(parts) == 2 {
				json, _, _ = strings.Cut(json, "<|close|>json<|sep|>")
				return named("", head[1], json)
			}
			argument := openArgument.FindStringSubmatch(part)
			if argument == nil {
				return c, false
			}
			v, _, closed := strings.Cut(part[len(argument[0]):], "<|close|>argument<|sep|>")
			if !closed {
				return c, false
			}
			if argument[2] == "string" {
				p.add(argument[1], quote(v))
			} else {
				p.add(argument[1], value(v))
			}
		}
		return ToolCall{Name: head[1], Arguments: p.String()}, true
	})
}
