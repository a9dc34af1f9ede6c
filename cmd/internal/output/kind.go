package output

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"unicode/utf8"
)

// A Kind is what files of one command's output have in common.
type Kind struct {
	Name string                              // with its article: "a policy of kvrun tune"
	is   func(head []byte, path string) bool // of a file's beginning, at most headSize bytes
}

// NewKind is a kind that only one command knows: is tells files of it by their path.
func NewKind(name string, is func(path string) bool) Kind {
	return Kind{name, func(_ []byte, path string) bool { return is(path) }}
}

// headSize is how much of a file is looked at.
const headSize = 16 << 10

// The kinds of files that commands write.
var (
	Model        = Kind{"a model (GGUF)", begins("GGUF")}
	PromptCache  = Kind{"a prompt cache", begins("kvrunPC")}
	Base         = Kind{"a base file of distributions", begins("_logits_")}
	Journal      = Kind{"a journal of kvrun sweep or tune", begins(`{"kvrun_sweep":`)}
	Offset       = Kind{"a key offset of kvrun calibrate", object(`"kind": "kvgen key offset"`)}
	Policy       = Kind{"a policy of kvrun tune", object(`"about": "kvrun tune: `)}
	Page         = Kind{"a page of kvrun sweep --report", page}
	Conversation = Kind{"a conversation of kvrun chat", conversation}
	Logits       = Kind{"a file of logits", floats}
)

// kinds are those that a file is named by when it is of another kind than wanted.
var kinds = []Kind{Model, PromptCache, Base, Journal, Offset, Policy, Page, Conversation}

// describe names what a file holds, as far as that can be told.
func describe(head []byte, path string) string {
	for _, k := range kinds {
		if k.is(head, path) {
			return k.Name
		}
	}
	if text(head) {
		return "a text"
	}
	return "a file that was not written by this command"
}

func begins(magic string) func([]byte, string) bool {
	return func(head []byte, _ string) bool { return bytes.HasPrefix(head, []byte(magic)) }
}

// object is a JSON object of a command, which has a line of its own for what it is.
func object(line string) func([]byte, string) bool {
	return func(head []byte, _ string) bool {
		return bytes.HasPrefix(bytes.TrimSpace(head), []byte("{")) && bytes.Contains(head, []byte("\n  "+line))
	}
}

func page(head []byte, _ string) bool {
	return bytes.HasPrefix(head, []byte("<!DOCTYPE html>")) && bytes.Contains(head, []byte(`<meta name="generator" content="kvrun `))
}

// conversation is JSON lines of messages, or one object with them.
func conversation(head []byte, _ string) bool {
	return bytes.HasPrefix(head, []byte(`{"messages":`)) || bytes.HasPrefix(head, []byte(`{"kvrun_chat":`))
}

// floats are little-endian f32 that logits can be. They have no magic; but texts and programs, read
// as f32, are huge or denormal.
func floats(head []byte, file string) bool {
	info, err := os.Stat(file)
	if err != nil || info.Size()%4 != 0 {
		return false
	}
	zero := true
	for ; len(head) >= 4; head = head[4:] {
		bits := binary.LittleEndian.Uint32(head)
		v := math.Abs(float64(math.Float32frombits(bits)))
		zero = zero && bits == 0
		if bits != 0 && (v < 1e-30 || v > 1e5 && !math.IsInf(v, 0)) {
			return false
		}
	}
	return !zero
}

// text reports whether a beginning is UTF-8 without control codes, but for what layout needs.
func text(head []byte) bool {
	for len(head) > 0 {
		r, n := utf8.DecodeRune(head)
		if r == utf8.RuneError && n == 1 && len(head) >= utf8.UTFMax || r < ' ' && r != '\n' && r != '\r' && r != '\t' && r != '\f' {
			return false
		}
		head = head[n:]
	}
	return true
}
