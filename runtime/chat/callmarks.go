package chat

import (
	"regexp"
	"strings"
)

// markedCalls reads the calls of Mistral, DeepSeek, Kimi K2 and Solar.
func markedCalls(text string) ([]ToolCall, bool) {
	switch {
	case strings.Contains(text, "[ARGS]") || strings.Contains(text, "[TOOL_CALLS]"):
		return each(text, "[TOOL_CALLS]", "", mistralCall)
	case strings.Contains(text, "<｜tool▁sep｜>"):
		return each(text, "<｜tool▁call▁begin｜>", "<｜tool▁call▁end｜>", deepseekCall)
	case strings.Contains(text, "<|tool_call_argument_begin|>"):
		return each(text, "<|tool_call_begin|>", "<|tool_call_end|>", kimiCall)
	case strings.Contains(text, "<|tool_call:args|>"):
		return each(text, "<|tool_call:begin|>", "<|tool_call:end|>", solarCall)
	}
	return nil, false
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

func mistralCall(text string) (ToolCall, bool) {
	name, arguments, _ := strings.Cut(text, "[ARGS]")
	name, id, _ := strings.Cut(name, "[CALL_ID]")
	return named(id, name, arguments)
}

func deepseekCall(text string) (ToolCall, bool) {
	left, right, _ := strings.Cut(text, "<｜tool▁sep｜>")
	if name, fenced, ok := strings.Cut(right, "\n```json"); ok {
		return named("", name, strings.TrimSuffix(strings.TrimSpace(fenced), "```"))
	}
	return named("", left, right)
}

// kimiCall reads functions.N:INDEX, which is also the id.
func kimiCall(text string) (ToolCall, bool) {
	id, arguments, _ := strings.Cut(text, "<|tool_call_argument_begin|>")
	name := strings.TrimPrefix(strings.TrimSpace(id), "functions.")
	if at := strings.LastIndexByte(name, ':'); at >= 0 {
		name = name[:at]
	}
	return named(id, name, arguments)
}

func solarCall(text string) (ToolCall, bool) {
	id, rest, _ := strings.Cut(text, "<|tool_call:name|>")
	name, arguments, _ := strings.Cut(rest, "<|tool_call:args|>")
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
