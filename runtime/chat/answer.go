package chat

import (
	"bytes"
	"strings"
)

// Kind says what a piece of an answer is.
type Kind int

// Kinds of pieces.
const (
	Content   Kind = iota // what is said to the user
	Reasoning             // what the model thinks before
	Call                  // a function that the model asks for, whole
)

// Part is a piece of an answer. Text is a piece of the message; for a call it is the call as the
// model wrote it.
type Part struct {
	Kind Kind
	Text string
	Call ToolCall
}

// maxBody is the most of a tool call, in bytes, that is held back before it is taken for text.
const maxBody = 1 << 20

// Answer reads what a model generates, piece by piece, into the message that it means. Markup that
// is malformed, cut or unknown is text: every byte of the generated text is either in the message
// or part of a marker. Make one with Template.Answer.
type Answer struct {
	f       *format
	raw     strings.Builder
	buf     []byte   // generated and not yet understood
	looked  int      // bytes of buf in which no end of the section is
	in      *section // nil between sections
	opened  string   // the marker that began it
	json    inJSON   // what of buf is a string of JSON
	pending []byte   // white space that is only content when content follows
	lead    string   // white space that the template puts before an answer
	after   bool     // a section has ended, so white space is layout
	header  bool     // of a format with headers: buf begins in one
	target  string   // of such a format: who is spoken to, as the header says

	content, reasoning strings.Builder
	functions          []Tool
	calls              []ToolCall
	parts              []Part
}

// Next takes a piece of generated text and returns what it completes.
func (a *Answer) Next(piece string) []Part {
	a.raw.WriteString(piece)
	a.buf = append(a.buf, piece...)
	for a.step(false) {
	}
	return a.take()
}

// Finish ends the answer, and returns what was held back. The answer is not used any more.
func (a *Answer) Finish() []Part {
	for a.step(true) {
	}
	if a.in == nil || a.in.kind == Content {
		a.say(a.buf)
	} else {
		a.endSection(a.buf, "")
	}
	a.buf = nil
	if !a.after || len(a.calls) == 0 && a.content.Len() > 0 {
		a.content.Write(a.pending)
		a.emit(Content, string(a.pending))
	}
	a.pending = nil
	return a.take()
}

// Raw is all that was generated.
func (a *Answer) Raw() string { return a.raw.String() }

// Message is what was said so far.
func (a *Answer) Message() Message {
	return Message{Role: "assistant", Content: a.content.String(),
		Reasoning: strings.TrimRight(a.reasoning.String(), " \n\r\t"), ToolCalls: a.calls}
}

// Marker reports whether the text of a control token is part of the format, so that it must reach
// Next.
func (a *Answer) Marker(text string) bool { return a.f.marker(text) }

func (a *Answer) take() []Part {
	out := a.parts
	a.parts = nil
	return out
}

func (a *Answer) emit(k Kind, text string) {
	if text == "" {
		return
	}
	if n := len(a.parts); n > 0 && k != Call && a.parts[n-1].Kind == k {
		a.parts[n-1].Text += text
		return
	}
	a.parts = append(a.parts, Part{Kind: k, Text: text})
}

// step understands some of buf, and reports whether there may be more. last says that nothing
// follows.
func (a *Answer) step(last bool) bool {
	switch {
	case a.header:
		return a.readHeader(last)
	case a.in == nil:
		return a.between(last)
	}
	return a.inside(last)
}

// between looks for the marker that opens a section.
func (a *Answer) between(last bool) bool {
	if a.f.bare && a.blank() {
		switch looksLikeCall(a.buf) {
		case yes:
			a.enter(bareCall, "")
			return true
		case maybe:
			if !last {
				return false
			}
		}
	}
	if len(a.buf) == 0 {
		return false
	}
	at, s := a.f.firstOpen(a.buf, a.blank())
	if s == nil {
		keep := 0
		if !last {
			keep = a.f.held(a.buf)
		}
		n := len(a.buf) - keep
		a.say(a.buf[:n])
		a.buf = a.buf[n:]
		return false
	}
	a.say(a.buf[:at])
	a.buf = a.buf[at+len(s.open):]
	if s.kind == dropped {
		a.after = true
		return true
	}
	a.enter(s, s.open)
	return true
}

func (a *Answer) enter(s *section, opened string) {
	a.in, a.opened, a.looked, a.json = s, opened, 0, inJSON{}
}

// firstEnd finds the first end of the section. One that a string of a call's arguments spells is
// none.
func (a *Answer) firstEnd() (at int, end string) {
	for {
		at, end = first(a.buf[a.looked:], a.in.ends)
		if at += a.looked; end == "" || a.in.kind != Call || !a.json.string(a.buf, at, a.f.calls.Middle) {
			return at, end
		}
		a.looked = at + 1
	}
}

// inJSON follows the JSON of a call, to tell which of its bytes are in strings.
type inJSON struct {
	read    int  // bytes
	begun   bool // the first brace has come
	not     bool // it is no JSON
	quoted  bool
	escaped bool
}

// string says whether body[at] is within a string. Each byte is read once. JSON begins with the
// body, or behind the text that is before arguments.
func (j *inJSON) string(body []byte, at int, before string) bool {
	for ; j.read < at && !j.not; j.read++ {
		c := body[j.read]
		switch {
		case !j.begun:
			if j.begun = c == '{' || c == '['; j.begun {
				head := bytes.TrimSpace(body[:j.read])
				j.not = len(head) > 0 && (before == "" || !bytes.HasSuffix(head, []byte(strings.TrimSpace(before))))
			}
		case !j.quoted:
			j.quoted = c == '"'
		case j.escaped:
			j.escaped = false
		case c == '\\':
			j.escaped = true
		case c == '"':
			j.quoted = false
		case c < ' ': // JSON has no such byte in a string
			j.not = true
		}
	}
	return j.quoted && !j.not
}

// inside looks for the end of the section.
func (a *Answer) inside(last bool) bool {
	if len(a.in.ends) == 0 {
		switch {
		case a.in.kind != Call:
			a.stream(len(a.buf))
		case len(a.buf) > maxBody:
			a.endSection(a.buf, "")
			a.buf = nil
		}
		return false
	}
	at, end := a.firstEnd()
	if end != "" {
		body := a.buf[:at]
		a.buf = a.buf[at+len(end):]
		a.endSection(body, end)
		if a.f.headers != nil {
			a.header, a.opened = true, end
			if end == "<|start|>" || end == "<|channel|>" { // the header begins with it
				a.buf, a.opened = append([]byte(end), a.buf...), ""
			}
		}
		return true
	}
	keep := 0
	if !last {
		keep = partial(a.buf[a.looked:], a.in.ends)
	}
	if a.in.kind != Call {
		a.stream(len(a.buf) - keep)
		return false
	}
	a.looked = len(a.buf) - keep
	if len(a.buf) > maxBody {
		a.endSection(a.buf, "")
		a.buf = nil
	}
	return false
}

// stream passes n bytes of a section on as they come.
func (a *Answer) stream(n int) {
	a.pass(a.buf[:n])
	a.buf, a.looked = a.buf[n:], 0
}

func (a *Answer) pass(text []byte) {
	if a.in.kind == Reasoning {
		a.think(text)
		return
	}
	a.say(text)
}

// endSection takes the rest of the section and leaves it. end is the marker that was found, none at
// the end of the text.
func (a *Answer) endSection(body []byte, end string) {
	if a.in.kind == Call {
		calls, ok := a.in.parse(string(body), a.target)
		if !ok {
			a.say([]byte(a.opened + string(body) + end))
			a.leave()
			return
		}
		for i := range calls {
			a.settle(&calls[i])
		}
		for _, c := range calls {
			a.parts = append(a.parts, Part{Kind: Call, Text: a.opened + string(body) + end, Call: c})
		}
		a.calls = append(a.calls, calls...)
	} else {
		a.pass(body)
	}
	a.after = true
	a.leave()
}

func (a *Answer) leave() { a.in, a.opened, a.looked, a.target = nil, "", 0, "" }

// blank reports whether there is no content yet, white space apart.
func (a *Answer) blank() bool { return a.content.Len() == 0 }

// say adds to the content. White space waits for more: between sections, and before the first when
// there was another, it is layout.
func (a *Answer) say(text []byte) {
	trimmed := bytes.TrimRight(text, " \n\r\t")
	if len(trimmed) == 0 {
		a.pending = append(a.pending, text...)
		return
	}
	if a.content.Len() == 0 && !a.after && a.lead != "" {
		text = []byte(strings.TrimPrefix(string(a.pending)+string(text), a.lead))
		trimmed, a.pending = bytes.TrimRight(text, " \n\r\t"), nil
	}
	if a.after && a.content.Len() == 0 {
		a.pending = nil
		trimmed = bytes.TrimLeft(trimmed, " \n\r\t")
	}
	out := string(a.pending) + string(trimmed)
	a.pending = append(a.pending[:0], text[len(bytes.TrimRight(text, " \n\r\t")):]...)
	a.content.WriteString(out)
	a.emit(Content, out)
}

// think adds to the reasoning, without white space before it.
func (a *Answer) think(text []byte) {
	if a.reasoning.Len() == 0 {
		text = bytes.TrimLeft(text, " \n\r\t")
	}
	a.reasoning.Write(text)
	a.emit(Reasoning, string(text))
}
