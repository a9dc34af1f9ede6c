package chat

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
)

// maxAsked is the most functions that one section may ask for.
const maxAsked = 256

// parseCalls reads the body of a section of tool calls in whichever of the published forms it is.
func parseCalls(body, target string) ([]ToolCall, bool) {
	text := strings.TrimSpace(body)
	for _, parse := range []func(string) ([]ToolCall, bool){
		jsonCalls, gemmaCalls, tagCalls, keyCalls, markedCalls, openCloseCalls, nestedCalls, pythonCalls,
	} {
		if calls, ok := parse(text); ok && len(calls) > 0 && len(calls) <= maxAsked {
			return calls, true
		}
	}
	return nil, false
}

// parseArguments reads the arguments of a function that a header named.
func parseArguments(body, target string) ([]ToolCall, bool) {
	arguments, ok := object(strings.TrimSpace(body))
	return []ToolCall{{Name: target, Arguments: arguments}}, ok
}

// object is text without needless white space, if it is a JSON object.
func object(text string) (string, bool) {
	if !strings.HasPrefix(text, "{") {
		return "", false
	}
	var b bytes.Buffer
	if json.Compact(&b, []byte(text)) != nil {
		return "", false
	}
	return b.String(), true
}

// jsonCalls reads JSON objects, or lists of them, one after the other.
func jsonCalls(text string) (calls []ToolCall, ok bool) {
	if !strings.HasPrefix(text, "{") && !strings.HasPrefix(text, "[") {
		return nil, false
	}
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimLeft(text, " \n\r\t;,") {
		one, rest, ok := cutJSON(text)
		if !ok {
			return nil, false
		}
		text = rest
		var all []json.RawMessage
		if json.Unmarshal([]byte(one), &all) != nil {
			all = []json.RawMessage{json.RawMessage(one)}
		}
		if len(calls)+len(all) > maxAsked {
			return nil, false
		}
		for _, x := range all {
			c, ok := jsonCall(x)
			if !ok {
				return nil, false
			}
			calls = append(calls, c)
		}
	}
	return calls, true
}

// jsonCall reads one object: {"name": N, "arguments": {}}, with the names that families have for
// both, or {N: {}}.
func jsonCall(data json.RawMessage) (c ToolCall, ok bool) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(data, &fields) != nil || len(fields) == 0 {
		return c, false
	}
	if inner, ok := fields["function"]; ok && len(inner) > 0 && inner[0] == '{' {
		if c, ok = jsonCall(inner); !ok {
			return c, false
		}
		c.ID = str(fields["id"])
		return c, true
	}
	for _, name := range []string{"name", "tool_name", "function"} {
		if c.Name = str(fields[name]); c.Name != "" {
			break
		}
	}
	c.Arguments = "{}"
	arguments, given := json.RawMessage(nil), false
	for _, name := range []string{"arguments", "parameters", "args"} {
		if arguments, given = fields[name]; given {
			break
		}
	}
	for _, name := range []string{"id", "tool_call_id"} {
		if c.ID == "" {
			c.ID = str(fields[name])
		}
	}
	if c.Name == "" {
		if len(fields) != 1 {
			return c, false
		}
		for name, x := range fields {
			c.Name, arguments, given = name, x, true
		}
	}
	if !given || string(arguments) == "null" {
		return c, true
	}
	if s := str(arguments); s != "" {
		arguments = json.RawMessage(s)
	}
	c.Arguments, ok = object(string(arguments))
	return c, ok
}

// str is the string that data is, or "".
func str(data json.RawMessage) (s string) {
	if json.Unmarshal(data, &s) != nil {
		return ""
	}
	return s
}

// quote is s as JSON.
func quote(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(s) != nil {
		return `""`
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// value returns text as JSON: unchanged if it is JSON and no string, otherwise as a string.
func value(text string) string {
	t := strings.TrimSpace(text)
	if t != "" && t[0] != '"' && json.Valid([]byte(t)) {
		return t
	}
	return quote(text)
}

// pairs are the members of a JSON object, in the order of add.
type pairs struct{ list []argument }

// argument is one of them. Text is what the model wrote where its value is what that looks like.
type argument struct{ key, value, text string }

func (p *pairs) add(key, value string) { p.list = append(p.list, argument{key: key, value: value}) }

// guess adds what a text looks like: JSON, or a string.
func (p *pairs) guess(key, text string) {
	p.list = append(p.list, argument{key: key, value: value(text), text: text})
}

// call is a call of a function with these arguments.
func (p *pairs) call(name string) ToolCall {
	return ToolCall{Name: name, Arguments: p.String(), guessed: p}
}

func (p *pairs) String() string {
	var b strings.Builder
	for i, a := range p.list {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(quote(a.key) + ":" + a.value)
	}
	return "{" + b.String() + "}"
}

var identifier = regexp.MustCompile(`^[A-Za-z_][\w.:-]{0,127}$`)

type guess int

const (
	no guess = iota
	maybe
	yes
)

var bareStart = regexp.MustCompile(`^\s*\{\s*"(name|type)"\s*:\s*"`)

// bareCall is a tool call that is the whole of an answer.
var bareCall = &section{kind: Call, parse: func(body, _ string) ([]ToolCall, bool) {
	text := strings.TrimSpace(body)
	for _, field := range []string{`"name"`, `"parameters"`} {
		if !strings.Contains(text, field) {
			return nil, false
		}
	}
	return jsonCalls(text)
}}

// looksLikeCall reports whether text begins as bareCall does.
func looksLikeCall(text []byte) guess {
	t := strings.TrimLeft(string(text[:min(len(text), 256)]), " \n\r\t")
	switch {
	case t == "":
		return no
	case bareStart.MatchString(t):
		return yes
	case t[0] != '{' || len(t) > 64:
		return no
	}
	rest := strings.TrimLeft(t[1:], " \n\r\t")
	for _, want := range []string{`"name"`, `"type"`} {
		if strings.HasPrefix(want, rest) {
			return maybe
		}
		if after, ok := strings.CutPrefix(rest, want); ok {
			after = strings.TrimLeft(after, " \n\r\t")
			if after == "" || after == ":" || strings.TrimSpace(strings.TrimPrefix(after, ":")) == "" && after[0] == ':' {
				return maybe
			}
		}
	}
	return no
}
