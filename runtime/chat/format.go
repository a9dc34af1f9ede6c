package chat

import (
	"bytes"
	"strings"
)

// dropped marks a marker that means nothing by itself.
const dropped Kind = -1

// A section is a stretch of generated text between two markers.
type section struct {
	kind  Kind
	open  string
	ends  []string // any of them; none for the end of the text
	start bool     // only before any content: the marker is a word that content may have
	parse func(body, target string) (calls []ToolCall, ok bool)
}

// format is how a family of models writes its answers.
type format struct {
	sections []section
	inner    string // markers inside sections
	bare     bool   // a tool call may stand without markers
	headers  *headers
	calls    Markup
}

// Answer returns the reader of what a model says after prompt, which Prompt made: a template may
// open a section itself.
func (t *Template) Answer(prompt string) *Answer {
	f := formatOf(t.Source)
	a := &Answer{f: f}
	if f.headers != nil {
		a.header = true
		return a
	}
	a.lead = t.lead()
	tail := strings.TrimRight(prompt, " \n\r\t")
	for i := range f.sections {
		if s := &f.sections[i]; s.kind != dropped && s.kind != Call && s.open != "" && strings.HasSuffix(tail, s.open) {
			a.enter(s, s.open)
			break
		}
	}
	return a
}

// Begins reads what a model says after prompt, for whoever holds its content to a grammar. The
// function gets the text piece by piece and says whether what comes next is content. Reasoning that
// the prompt has opened, and headers, come before.
func (t *Template) Begins(prompt string) func(piece string) bool {
	a := t.Answer(prompt)
	return func(piece string) bool {
		a.Next(piece)
		if a.in != nil {
			return a.in.kind == Content
		}
		return !a.header && a.f.headers == nil && len(a.buf) == 0
	}
}

// Thinks says whether the template knows of thinking before an answer.
func (t *Template) Thinks() bool {
	for _, s := range formatOf(t.Source).sections {
		if s.kind == Reasoning && strings.Contains(t.Source, s.open) {
			return true
		}
	}
	return false
}

// lead is the white space that the template puts between the prompt and an answer. A model writes
// it too, and it is no part of what is said: the template would put it there again.
func (t *Template) lead() string {
	t.leads.Do(func() {
		if t.parsed == nil {
			return
		}
		question := []Message{{Role: "user", Content: "a"}}
		prompt, err := t.Prompt(question, true)
		whole, err2 := t.Prompt(append(question, Message{Role: "assistant", Content: "b"}), false)
		rest, ok := strings.CutPrefix(whole, prompt)
		if space, _, found := strings.Cut(rest, "b"); err == nil && err2 == nil && ok && found && strings.TrimSpace(space) == "" {
			t.space = space
		}
	})
	return t.space
}

// firstOpen finds the first marker of text that opens a section, the longest where several begin
// together.
func (f *format) firstOpen(text []byte, blank bool) (at int, found *section) {
	at = -1
	for i := range f.sections {
		s := &f.sections[i]
		if s.open == "" || s.start && !blank {
			continue
		}
		n := bytes.Index(text, []byte(s.open))
		if n < 0 || s.start && len(bytes.Trim(text[:n], " \n\r\t")) > 0 {
			continue
		}
		if found == nil || n < at || n == at && len(s.open) > len(found.open) {
			at, found = n, s
		}
	}
	return at, found
}

// held counts the bytes at the end of text that may begin a marker.
func (f *format) held(text []byte) int {
	n := 0
	for i := range f.sections {
		n = max(n, partialOf(text, f.sections[i].open))
	}
	return n
}

func (f *format) marker(text string) bool {
	if text == "" || strings.TrimSpace(text) == "" {
		return false
	}
	if strings.Contains(f.inner, text) {
		return true
	}
	for i := range f.sections {
		s := &f.sections[i]
		if strings.Contains(s.open, text) {
			return true
		}
		for _, e := range s.ends {
			if strings.Contains(e, text) {
				return true
			}
		}
	}
	return false
}

// first finds the first of markers in text, the longest where several begin together.
func first(text []byte, markers []string) (at int, marker string) {
	at = -1
	for _, m := range markers {
		n := bytes.Index(text, []byte(m))
		if n >= 0 && (at < 0 || n < at || n == at && len(m) > len(marker)) {
			at, marker = n, m
		}
	}
	return at, marker
}

// partial counts the bytes at the end of text that may begin one of markers.
func partial(text []byte, markers []string) int {
	n := 0
	for _, m := range markers {
		n = max(n, partialOf(text, m))
	}
	return n
}

func partialOf(text []byte, marker string) int {
	for n := min(len(marker)-1, len(text)); n > 0; n-- {
		if string(text[len(text)-n:]) == marker[:n] {
			return n
		}
	}
	return 0
}
