package chat

import (
	"strconv"
	"strings"
)

// literals reads values as programming languages write them, and writes them as JSON. It reads
// Python's calls, and the notation of Gemma 4, whose strings are between <|"|>.
type literals struct {
	text string
	bad  bool
}

const (
	maxInside = 32 // of lists in lists
	gemmaEnd  = `<|"|>`
)

func (l *literals) space() { l.text = strings.TrimLeft(l.text, " \n\r\t") }

// take takes word off the text, if it is there.
func (l *literals) take(word string) bool {
	l.space()
	rest, ok := strings.CutPrefix(l.text, word)
	if ok {
		l.text = rest
	}
	return ok
}

// word takes a name off the text.
func (l *literals) word() string {
	l.space()
	n := 0
	for n < len(l.text) && (l.text[n] == '_' || l.text[n] == '.' || l.text[n] == '-' || l.text[n] >= 0x80 ||
		l.text[n]|0x20 >= 'a' && l.text[n]|0x20 <= 'z' || l.text[n] >= '0' && l.text[n] <= '9') {
		n++
	}
	w := l.text[:n]
	l.text = l.text[n:]
	return w
}

func (l *literals) fail() string {
	l.bad = true
	return "null"
}

// value takes a value off the text.
func (l *literals) value(depth int) string {
	if depth > maxInside || l.bad {
		return l.fail()
	}
	switch {
	case l.take(gemmaEnd):
		s, rest, ok := strings.Cut(l.text, gemmaEnd)
		if !ok {
			return l.fail()
		}
		l.text = rest
		return quote(s)
	case l.take("["):
		return l.list("]", depth)
	case l.take("("):
		return l.list(")", depth)
	case l.take("{"):
		return l.fields("}", ":", depth)
	case l.take(`"`):
		return l.quoted('"')
	case l.take("'"):
		return l.quoted('\'')
	}
	sign := ""
	if l.take("-") {
		sign = "-"
	}
	w := l.word()
	if (strings.HasSuffix(w, "e") || strings.HasSuffix(w, "E")) && w != "" && w[0] <= '9' && strings.HasPrefix(l.text, "+") {
		l.text = l.text[1:]
		w += "+" + l.word()
	}
	if w == "" {
		return l.fail()
	}
	switch sign + w {
	case "True", "true":
		return "true"
	case "False", "false":
		return "false"
	case "None", "null", "none":
		return "null"
	}
	if t := value(sign + w); t[0] != '"' {
		return t
	}
	if _, err := strconv.ParseFloat(w, 64); err == nil {
		return quote(sign + w) // a number that JSON does not have, such as .5 or 1_000
	}
	return l.fail()
}

func (l *literals) list(end string, depth int) string {
	var values []string
	for !l.take(end) {
		if len(values) > 0 && !l.take(",") {
			return l.fail()
		}
		if l.take(end) {
			break
		}
		if values = append(values, l.value(depth+1)); l.bad {
			return "null"
		}
	}
	return "[" + strings.Join(values, ",") + "]"
}

// fields reads names and values up to end: of a Python call (=), or of a mapping (:).
func (l *literals) fields(end, between string, depth int) string {
	var p pairs
	for n := 0; !l.take(end); n++ {
		if n > 0 && !l.take(",") {
			return l.fail()
		}
		if l.take(end) {
			break
		}
		name := ""
		switch {
		case l.take(gemmaEnd):
			var ok bool
			if name, l.text, ok = strings.Cut(l.text, gemmaEnd); !ok {
				return l.fail()
			}
		case l.take(`"`):
			name = str([]byte(l.quoted('"')))
		case l.take("'"):
			name = str([]byte(l.quoted('\'')))
		default:
			name = l.word()
		}
		if name == "" || !l.take(between) {
			return l.fail()
		}
		p.add(name, l.value(depth+1))
		if l.bad {
			return "null"
		}
	}
	return p.String()
}

// quoted takes the rest of a string in quotes off the text.
func (l *literals) quoted(q byte) string {
	var b strings.Builder
	for i := 0; i < len(l.text); i++ {
		c := l.text[i]
		switch {
		case c == q:
			l.text = l.text[i+1:]
			return quote(b.String())
		case c != '\\' || i+1 == len(l.text):
			b.WriteByte(c)
			continue
		}
		i++
		switch c := l.text[i]; c {
		case 'n':
			b.WriteByte('\n')
		case 't':
			b.WriteByte('\t')
		case 'r':
			b.WriteByte('\r')
		case '\\', '\'', '"', '/':
			b.WriteByte(c)
		case 'u', 'x':
			n := 4
			if c == 'x' {
				n = 2
			}
			if i+n >= len(l.text) {
				return l.fail()
			}
			r, err := strconv.ParseUint(l.text[i+1:i+1+n], 16, 32)
			if err != nil {
				return l.fail()
			}
			b.WriteRune(rune(r))
			i += n
		default:
			b.WriteByte('\\')
			b.WriteByte(c)
		}
	}
	return l.fail()
}

// gemmaCalls reads call:N{K:V,...}.
func gemmaCalls(text string) ([]ToolCall, bool) {
	l := &literals{text: text}
	if !l.take("call:") {
		return nil, false
	}
	name := l.word()
	if name == "" || !l.take("{") {
		return nil, false
	}
	arguments := l.fields("}", ":", 0)
	l.space()
	return []ToolCall{{Name: name, Arguments: arguments}}, !l.bad && l.text == ""
}

// pythonCalls reads N(K=V, ...), or a list of them.
func pythonCalls(text string) (calls []ToolCall, ok bool) {
	l := &literals{text: text}
	listed := l.take("[")
	for len(calls) < maxAsked {
		name := strings.TrimSuffix(l.word(), ".call")
		if !identifier.MatchString(name) || !l.take("(") {
			return nil, false
		}
		calls = append(calls, ToolCall{Name: name, Arguments: l.fields(")", "=", 0)})
		if l.bad {
			return nil, false
		}
		if !l.take(",") && !l.take(";") {
			break
		}
	}
	if listed && !l.take("]") {
		return nil, false
	}
	l.space()
	return calls, l.text == ""
}

// parsePython reads what follows <|python_tag|>: calls, or a program for the tool python.
func parsePython(body, target string) ([]ToolCall, bool) {
	text := strings.TrimSpace(body)
	if calls, ok := jsonCalls(text); ok && len(calls) > 0 {
		return calls, true
	}
	if calls, ok := pythonCalls(text); ok && strings.Contains(text, ".call(") {
		return calls, true
	}
	if text == "" {
		return nil, false
	}
	var p pairs
	p.add("code", quote(text))
	return []ToolCall{{Name: "python", Arguments: p.String()}}, true
}
