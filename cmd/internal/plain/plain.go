// Package plain makes text that comes from files safe to print. A name in a model, a journal or a
// spec file must not move the cursor, change the title of the window, forge a line or fill the
// screen.
//
// Control codes and characters that change the direction of writing are written as \u001b, the same
// in JSON as elsewhere.
package plain

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"
)

const (
	maxLine = 1200 // characters of a line of a message
	maxText = 16 << 10
)

// Message is an error or a note of one or more lines, without control codes, long lines shortened
// in the middle and more than 16 KiB at the end.
func Message(text string) string {
	whole := len(text)
	// what is looked at is bounded as well as what is printed
	if cut := maxText; len(text) > 4*cut {
		text = text[:4*cut]
	}
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		lines[i] = Cut(Text(l), maxLine)
	}
	text = strings.Join(lines, "\n")
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "")
	}
	if whole > maxText && len(text) > maxText/2 {
		text += fmt.Sprintf("\n... (%d bytes)", whole)
	}
	return text
}

// Name is a name on one line, of at most n characters.
func Name(name string, n int) string {
	if len(name) > 8*n+64 {
		name = name[:4*n] + strings.ToValidUTF8(name[len(name)-4*n:], "")
	}
	return Cut(strings.NewReplacer("\n", `\n`, "\t", `\t`).Replace(Text(name)), n)
}

// Cut is text of at most n characters: what is too long is left out before the last third.
func Cut(text string, n int) string {
	r := []rune(text)
	if len(r) <= n || n < 8 {
		return text
	}
	tail := n / 3
	return string(r[:n-tail-5]) + " ... " + string(r[len(r)-tail:])
}

// Text is text with its control codes written out, but for new lines and tabs.
func Text(text string) string {
	if !strings.ContainsFunc(text, hidden) && utf8.ValidString(text) {
		return text
	}
	var b strings.Builder
	for len(text) > 0 {
		r, n := utf8.DecodeRuneInString(text)
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, text[0])
		case hidden(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteString(text[:n])
		}
		text = text[n:]
	}
	return b.String()
}

// hidden reports whether a character cannot be seen: control codes and changes of direction.
func hidden(r rune) bool {
	return r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}

// Writer writes out the control codes of what is written to it.
type Writer struct {
	to   io.Writer
	part []byte // of a character
}

// NewWriter is a Writer to w.
func NewWriter(w io.Writer) *Writer { return &Writer{to: w} }

func (w *Writer) Write(p []byte) (int, error) {
	text := append(w.part, p...)
	end := len(text)
	for i := max(0, end-utf8.UTFMax+1); i < end; i++ { // a character may come in two pieces
		if utf8.RuneStart(text[i]) && !utf8.FullRune(text[i:]) {
			end = i
			break
		}
	}
	w.part = append([]byte(nil), text[end:]...)
	if _, err := io.WriteString(w.to, Text(string(text[:end]))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// File returns the file that w writes to, through a Writer or not, such as a terminal.
func File(w io.Writer) (*os.File, bool) {
	if p, ok := w.(*Writer); ok {
		return File(p.to)
	}
	f, ok := w.(*os.File)
	return f, ok
}
