package chat

import (
	"regexp"
	"strings"
)

// Calls of MiniMax M3: elements within elements, each tag after a token that text does not have.
const nestedMark = "]<]minimax[>["

var (
	nestedInvoke = regexp.MustCompile(`^<invoke name="([^"]+)">`)
	nestedOpen   = regexp.MustCompile(`^<([^/>][^>]*)>`)
)

// nested are the stretches between marks, of which at is the next.
type nested struct {
	parts []string
	at    int
}

func nestedCalls(text string) (calls []ToolCall, ok bool) {
	parts := strings.Split(text, nestedMark)
	if len(parts) < 2 || strings.TrimSpace(parts[0]) != "" {
		return nil, false
	}
	n := &nested{parts: parts[1:]}
	for n.at < len(n.parts) {
		m := nestedInvoke.FindStringSubmatch(n.parts[n.at])
		if m == nil || strings.TrimSpace(n.parts[n.at][len(m[0]):]) != "" || len(calls) == maxAsked {
			return nil, false
		}
		n.at++
		arguments, ok := n.value("invoke", "", 0)
		if !ok {
			return nil, false
		}
		if arguments == quote("") {
			arguments = "{}"
		}
		if arguments[0] != '{' {
			return nil, false
		}
		calls = append(calls, ToolCall{Name: m[1], Arguments: arguments})
	}
	return calls, true
}

// value reads elements, or text, up to the end of the element name.
func (n *nested) value(name, text string, depth int) (string, bool) {
	var p pairs
	var items []string
	for ; n.at < len(n.parts) && depth <= maxInside; n.at++ {
		part := n.parts[n.at]
		if rest, ok := strings.CutPrefix(part, "</"+name+">"); ok {
			n.at++
			if strings.TrimSpace(rest) != "" {
				return "", false
			}
			switch {
			case len(items) > 0:
				return "[" + strings.Join(items, ",") + "]", true
			case len(p.list) > 0:
				return p.String(), true
			}
			return value(text), true
		}
		m := nestedOpen.FindStringSubmatch(part)
		if m == nil {
			return "", false
		}
		n.at++
		v, ok := n.value(m[1], part[len(m[0]):], depth+1)
		if !ok {
			return "", false
		}
		n.at--
		if m[1] == "item" {
			items = append(items, v)
		} else {
			p.add(m[1], v)
		}
	}
	return "", false
}
