package chat

import (
	"regexp"
	"strings"
)

// Calls whose functions and arguments are tags: <function=N><parameter=K>V</parameter></function>
// and its relatives.

var (
	functionTag  = regexp.MustCompile(`<(function|invoke)(?:=| name=)"?([^">\s]+)"?[^>]*>`)
	parameterTag = regexp.MustCompile(`<(parameter|param)(?:=| name=)"?([^">]+)"?([^>]*)>`)
)

// tagCalls reads them, with the prefixes that some families have before names of tags.
func tagCalls(text string) (calls []ToolCall, ok bool) {
	if strings.Contains(text, "]<]minimax[>[") {
		return nil, false
	}
	for _, prefix := range []string{"｜DSML｜", "atem:"} {
		text = strings.NewReplacer("<"+prefix, "<", "</"+prefix, "</").Replace(text)
	}
	if inner, ok := strings.CutPrefix(text, "<function_calls>"); ok {
		text = strings.TrimSpace(strings.TrimSuffix(inner, "</function_calls>"))
	}
	for text != "" {
		at := functionTag.FindStringSubmatchIndex(text)
		if at == nil || strings.TrimSpace(text[:at[0]]) != "" {
			return calls, len(calls) > 0 && strings.TrimSpace(text) == ""
		}
		tag, name := text[at[2]:at[3]], text[at[4]:at[5]]
		body, rest, closed := strings.Cut(text[at[1]:], "</"+tag+">")
		if !closed || len(calls) == maxAsked {
			return nil, false
		}
		c, ok := parameters(name, body)
		if !ok {
			return nil, false
		}
		calls = append(calls, c)
		text = strings.TrimSpace(rest)
	}
	return calls, true
}

// parameters reads what is between the tags of a function: parameters, or one JSON object.
func parameters(name, body string) (c ToolCall, ok bool) {
	if o, ok := object(strings.TrimSpace(body)); ok {
		return ToolCall{Name: name, Arguments: o}, true
	}
	var p pairs
	for body = strings.TrimSpace(body); body != ""; body = strings.TrimSpace(body) {
		at := parameterTag.FindStringSubmatchIndex(body)
		if at == nil || at[0] != 0 {
			return c, false
		}
		tag, key, attributes := body[at[2]:at[3]], body[at[4]:at[5]], body[at[6]:at[7]]
		text, rest, closed := strings.Cut(body[at[1]:], "</"+tag+">")
		if !closed {
			return c, false
		}
		text = strings.TrimSuffix(strings.TrimPrefix(text, "\n"), "\n")
		if inner, ok := strings.CutPrefix(text, "<![CDATA["); ok {
			p.add(key, quote(strings.TrimSuffix(inner, "]]>")))
		} else if strings.Contains(attributes, `string="true"`) {
			p.add(key, quote(text))
		} else {
			p.guess(key, text)
		}
		body = rest
	}
	return p.call(name), true
}

// parseFunctionTag reads what follows "<function=", as functionary v3.1 writes it.
func parseFunctionTag(body, _ string) ([]ToolCall, bool) {
	if name, arguments, ok := strings.Cut(body, ">"); ok && strings.HasPrefix(arguments, "{") {
		c, ok := named("", name, arguments)
		return []ToolCall{c}, ok
	}
	return tagCalls("<function=" + body + "</function>")
}

// parseFunctionName reads what follows `<function name="`, as MiniCPM5 writes it.
func parseFunctionName(body, _ string) ([]ToolCall, bool) {
	return tagCalls(`<function name="` + body + "</function>")
}

// keyCalls reads N<arg_key>K</arg_key><arg_value>V</arg_value>, as GLM writes it; a suffix such as
// :opensource may follow the names of tags, and <tool_call> may be around each.
func keyCalls(text string) ([]ToolCall, bool) {
	if !strings.Contains(text, "<arg_key") {
		return nil, false
	}
	return keyedCalls(text)
}

// parseKeyed is parseCalls for families that write a call without arguments as its name alone.
func parseKeyed(body, target string) ([]ToolCall, bool) {
	if calls, ok := parseCalls(body, target); ok {
		return calls, true
	}
	return keyedCalls(strings.TrimSpace(body))
}

func keyedCalls(text string) (calls []ToolCall, ok bool) {
	text = strings.ReplaceAll(text, ":opensource>", ">")
	for _, one := range strings.Split(text, "<tool_call>") {
		one = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(one), "</tool_call>"))
		if one == "" {
			continue
		}
		name, rest, _ := strings.Cut(one, "<arg_key>")
		name = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(name), "<tool_sep>"))
		if !identifier.MatchString(name) || len(calls) == maxAsked {
			return nil, false
		}
		var p pairs
		for more := rest; more != ""; {
			key, after, ok := strings.Cut(more, "</arg_key>")
			if !ok {
				return nil, false
			}
			_, after, ok = strings.Cut(after, "<arg_value>")
			if !ok {
				return nil, false
			}
			v, after, ok := strings.Cut(after, "</arg_value>")
			if !ok {
				return nil, false
			}
			p.guess(strings.TrimSpace(key), v)
			_, more, _ = strings.Cut(after, "<arg_key>")
		}
		calls = append(calls, p.call(name))
	}
	return calls, len(calls) > 0
}
