package chat

import (
	"bytes"
	"regexp"
	"strings"
)

// headers is a format in which every section begins with a header: who is spoken to, on which
// channel. The prompt ends inside the first.
type headers struct {
	end      string         // what ends a header
	whole    *regexp.Regexp // a header
	begins   *regexp.Regexp // what may still become one
	sections []section      // what a header may begin
	of       func(header string) (s int, target string)
	calls    Markup
}

// maxHeader is the longest header, in bytes; those of published models are shorter than 100.
const maxHeader = 512

const (
	toUser = iota
	toSelf
	toTool
)

func spoken(parse func(body, target string) ([]ToolCall, bool), ends ...string) []section {
	return []section{{kind: Content, ends: ends}, {kind: Reasoning, ends: ends}, {kind: Call, ends: ends, parse: parse}}
}

var recipient = regexp.MustCompile(`\bto=([^\s<]+)`)

// harmony is the format of gpt-oss (OpenAI, harmony response format).
var harmony = &headers{
	calls:    harmonyMarkup,
	end:      "<|message|>",
	whole:    regexp.MustCompile(`^\s*(<\|start\|>)?[\w.:]*(\s*to=[^\s<]+)?\s*(<\|channel\|>\s*\w+)?(\s*to=[^\s<]+)?(\s*<\|constrain\|>)?\s*\w*\s*$`),
	begins:   regexp.MustCompile(`^\s*(<|to=|to?$|$)`),
	sections: spoken(parseArguments, "<|end|>", "<|return|>", "<|call|>", "<|start|>", "<|channel|>"),
	of: func(header string) (int, string) {
		if m := recipient.FindStringSubmatch(header); m != nil && m[1] != "user" && m[1] != "assistant" && m[1] != "all" {
			return toTool, strings.TrimPrefix(m[1], "functions.")
		}
		_, channel, _ := strings.Cut(header, "<|channel|>")
		if strings.HasPrefix(strings.TrimSpace(channel), "analysis") {
			return toSelf, ""
		}
		return toUser, ""
	},
}

// muse is the format of templates with atem calls: a recipient instead of a channel.
var muse = &headers{
	calls:    readOnly("Muse"),
	end:      "<|message|>",
	whole:    regexp.MustCompile(`^\s*(<\|start\|>)?\w*(\s*to=[^\s<]+)?\s*$`),
	begins:   regexp.MustCompile(`^\s*(<|to=|to?$|$)`),
	sections: spoken(parseCalls, "<|eom|>", "<|eot|>", "<|start|>"),
	of: func(header string) (int, string) {
		m := recipient.FindStringSubmatch(header)
		switch {
		case m == nil || m[1] == "user":
			return toUser, ""
		case m[1] == "self":
			return toSelf, ""
		}
		return toTool, m[1]
	},
}

// functionary is the header of functionary v3.2: the name of a function, or all, and the end of the
// line.
var functionary = &headers{
	calls:    functionaryMarkup,
	end:      "\n",
	whole:    regexp.MustCompile(`^[\w.-]{1,128}$`),
	begins:   regexp.MustCompile(`^[\w.-]{0,128}$`),
	sections: spoken(parseArguments, ">>>"),
	of: func(header string) (int, string) {
		if header == "all" {
			return toUser, ""
		}
		return toTool, header
	},
}

// headersOf is the format with headers that a template is for, nil if for none.
func headersOf(template string) *headers {
	switch {
	case strings.Contains(template, "<|channel|>"):
		return harmony
	case strings.Contains(template, "<atem:function_calls>") && strings.Contains(template, "<|eom|>"):
		return muse
	case strings.Contains(template, ">>>all") && strings.Contains(template, ">>>${recipient}"):
		return functionary
	}
	return nil
}

// readHeader reads the header that buf begins with. If it is none, it is content.
func (a *Answer) readHeader(last bool) bool {
	h := a.f.headers
	if len(a.buf) == 0 || last && a.opened != ">>>" && len(bytes.TrimSpace(a.buf)) == 0 {
		a.buf = a.buf[:0]
		return false
	}
	at := bytes.Index(a.buf, []byte(h.end))
	if at < 0 && !last && len(a.buf) < maxHeader+len(h.end) && h.begins.Match(a.buf) {
		return false
	}
	// With all but the last byte of its end it may still become a header: so whole text is read as
	// pieces of it are.
	if at < 0 || at > maxHeader || !h.begins.Match(a.buf[:at+len(h.end)-1]) || !h.whole.Match(a.buf[:at]) {
		if !last && a.opened != ">>>" && partial(a.buf, h.sections[toUser].ends) == len(a.buf) {
			return false // a marker here is text, once it is whole
		}
		if a.opened == ">>>" {
			a.buf = append([]byte(a.opened), a.buf...)
		}
		a.header = false
		a.enter(&h.sections[toUser], "")
		if at, marker := first(a.buf, a.in.ends); at == 0 {
			a.looked = len(marker) // it is text
		}
		return true
	}
	header := string(a.buf[:at])
	a.buf = a.buf[at+len(h.end):]
	n, target := h.of(header)
	a.header = false
	a.enter(&h.sections[n], header+h.end)
	a.target = target
	switch n {
	case toUser:
		if a.content.Len() > 0 && len(a.pending) == 0 {
			a.pending = []byte("\n\n")
		}
	case toSelf:
		if a.reasoning.Len() > 0 {
			a.think([]byte("\n\n"))
		}
	}
	return true
}
