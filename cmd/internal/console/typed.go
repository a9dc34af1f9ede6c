package console

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"
)

const (
	pasteBegin = "\x1b[200~"
	pasteEnd   = "\x1b[201~"
	keyCtrlC   = 3

	burst  = 256 // bytes of text that come at once: nobody types them
	inLine = 200 // characters of a paste that are put into the line as they are
)

// typed is the keyboard as the editor sees it: pastes are replaced by a few words, Ctrl-C is an
// error, and what is no UTF-8 is a question mark. The editor alone would take seconds for every 100
// kB, and cut a line at 4096 characters.
type typed struct {
	ctx     context.Context
	chunks  chan []byte
	failed  chan error
	raw     []byte // read and not looked at
	ready   []byte // for the editor
	err     error  // after ready
	pasting bool
	paste   []byte
	long    bool
	burst   int // of the texts, the one that may go on; -1 for none
	texts   []string
	names   []string
	empty   bool // nothing was typed since begin
}

func newTyped(tty *os.File) *typed {
	t := &typed{chunks: make(chan []byte), failed: make(chan error, 1), burst: -1}
	go func() {
		for {
			b := make([]byte, 64<<10)
			n, err := tty.Read(b)
			if n > 0 {
				t.chunks <- b[:n]
			}
			if err != nil {
				t.failed <- err
				return
			}
		}
	}()
	return t
}

// begin is called before a line.
func (t *typed) begin(ctx context.Context) {
	t.ctx, t.empty, t.burst, t.ready, t.err = ctx, true, -1, nil, nil
}

// Read gives the editor its next keys, of one line at most.
func (t *typed) Read(p []byte) (int, error) {
	for len(t.ready) == 0 {
		if t.err != nil {
			err := t.err
			t.err = nil
			return 0, err
		}
		if len(t.raw) > 0 && t.look() {
			continue
		}
		select {
		case b := <-t.chunks:
			t.raw = append(t.raw, b...)
		case err := <-t.failed:
			t.failed <- err
			return 0, io.EOF
		case <-t.ctx.Done():
			return 0, context.Cause(t.ctx)
		}
	}
	n := copy(p, t.ready)
	t.ready = t.ready[n:]
	return n, nil
}

// look takes keys from raw. It reports false when it needs more of them.
func (t *typed) look() bool {
	if t.pasting {
		return t.inPaste()
	}
	switch c := t.raw[0]; {
	case c == keyCtrlC:
		t.raw = t.raw[1:]
		t.err = ErrInterrupt
		if t.empty {
			t.err = ErrAgain
		}
		return true
	case c == 0x1b:
		if bytes.HasPrefix(t.raw, []byte(pasteBegin)) {
			t.raw = t.raw[len(pasteBegin):]
			t.pasting, t.paste, t.long = true, nil, false
			return true
		}
		if strings.HasPrefix(pasteBegin, string(t.raw)) {
			return false
		}
		t.key(1)
		return true
	case c < 0x20 || c == 0x7f:
		t.key(1)
		return true
	}
	n := 0
	for n < len(t.raw) && t.raw[n] >= 0x20 && t.raw[n] != 0x7f {
		n++
	}
	if n == len(t.raw) { // a character may go on in the next chunk
		n = whole(t.raw)
	}
	if n == 0 {
		return false
	}
	text := string(t.raw[:n])
	t.raw = t.raw[n:]
	t.empty = false
	switch {
	case n < burst:
		t.ready = append(t.ready, clean(text)...)
		t.burst = -1
	case t.burst >= 0 && len(t.texts[t.burst])+n <= MaxTurn:
		t.texts[t.burst] += text
	default:
		t.ready = append(t.ready, t.name(text, "pasted text")...)
		t.burst = len(t.texts) - 1
	}
	return true // what follows in raw is looked at next, the end of the line among it
}

// key passes n bytes on as they are.
func (t *typed) key(n int) {
	t.ready = append(t.ready, t.raw[:n]...)
	t.raw = t.raw[n:]
	t.burst = -1
}

// inPaste takes what is between the marks of a paste.
func (t *typed) inPaste() bool {
	at := bytes.Index(t.raw, []byte(pasteEnd))
	n := at
	if at < 0 {
		n = max(0, len(t.raw)-len(pasteEnd)+1)
	}
	if t.long = t.long || len(t.paste)+n > MaxTurn; !t.long {
		t.paste = append(t.paste, t.raw[:n]...)
	}
	t.raw = t.raw[n:]
	if at < 0 {
		return false
	}
	t.raw = t.raw[len(pasteEnd):]
	t.pasting, t.empty, t.burst = false, false, -1
	if t.long {
		t.err = errLong
		return true
	}
	text := strings.ReplaceAll(strings.ReplaceAll(string(t.paste), "\r\n", "\n"), "\r", "\n")
	t.paste = nil
	t.ready = append(t.ready, t.show(text, "pasted text")...)
	return true
}

// show is text as it appears in a line: itself, or a few words for it.
func (t *typed) show(text, what string) string {
	if len(text) <= 4*inLine && utf8.RuneCountInString(text) <= inLine && text == clean(text) {
		return text
	}
	return t.name(text, what)
}

// name stores a text under a name.
func (t *typed) name(text, what string) string {
	for i, old := range t.texts {
		if old == text && i != t.burst {
			return t.names[i]
		}
	}
	size := ""
	if lines := strings.Count(strings.TrimRight(text, "\n"), "\n") + 1; lines > 1 {
		size = fmt.Sprintf(", %d lines", lines)
	}
	name := fmt.Sprintf("[%s %d%s]", what, len(t.texts)+1, size)
	t.texts, t.names = append(t.texts, text), append(t.names, name)
	return name
}

// expand replaces the names in a line by their texts.
func (t *typed) expand(line string) string {
	pairs := make([]string, 0, 2*len(t.names))
	for i, name := range t.names {
		pairs = append(pairs, name, t.texts[i])
	}
	return strings.NewReplacer(pairs...).Replace(line)
}

// clean is the part of a text that the editor accepts.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError:
			return '?'
		case r < 0x20 || r >= 0x7f && r < 0xa0:
			return ' '
		}
		return r
	}, text)
}

// whole is the length of b without an incomplete character at its end.
func whole(b []byte) int {
	for i := max(0, len(b)-utf8.UTFMax+1); i < len(b); i++ {
		if utf8.RuneStart(b[i]) && !utf8.FullRune(b[i:]) {
			return i
		}
	}
	return len(b)
}
