package table

import (
	"fmt"
	"io"
	"strings"

	"github.com/rivo/uniseg"
	"golang.org/x/term"

	"github.com/kvgen/kvgen/cmd/internal/plain"
	"github.com/kvgen/kvgen/runtime/lab"
)

// Width is the width of the terminal that w is, or that of a page.
func Width(w io.Writer) int {
	if f, ok := plain.File(w); ok {
		if n, _, err := term.GetSize(int(f.Fd())); err == nil && n >= 40 {
			return min(n, 200)
		}
	}
	return 100
}

// parted stands where two texts part.
const parted = "▸"

// SideBySide writes what two caches made of a prompt in two columns, with a mark where they part.
func SideBySide(w io.Writer, width int, ref, cand string, a lab.Agreement) {
	half := (width - 5) / 2
	left := append([]string{ref}, Wrap(a.Before+parted+a.RefAfter, half)...)
	right := append([]string{cand}, Wrap(a.Before+parted+a.CandAfter, half)...)
	for i := range max(len(left), len(right)) {
		l, r := "", ""
		if i < len(left) {
			l = left[i]
		}
		if i < len(right) {
			r = right[i]
		}
		line := fmt.Sprintf("  %s%s │ %s", l, strings.Repeat(" ", half-uniseg.StringWidth(l)), r)
		fmt.Fprintln(w, strings.TrimRight(line, " "))
	}
}

// Wrap cuts text into lines of at most width cells of a terminal, at spaces where it can. What
// would move the cursor is shown as ⏎ or left out.
func Wrap(text string, width int) []string {
	var lines []string
	line, used, space := "", 0, -1
	flush := func(s string) { lines = append(lines, strings.TrimRight(s, " ")) }
	g := uniseg.NewGraphemes(visible(text))
	for g.Next() {
		c := g.Str()
		n := g.Width()
		if used+n > width {
			rest := ""
			if c == " " {
				space, c, n = len(line), "", 0
				line += " "
			}
			if space > width/3 {
				line, rest = line[:space], line[space+1:]
			}
			flush(line)
			line, used, space = rest, uniseg.StringWidth(rest), -1
		}
		if c == " " {
			space = len(line)
		}
		line += c
		used += n
	}
	if line != "" {
		flush(line)
	}
	return lines
}

// visible replaces what is no character to look at.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return '⏎'
		case r == '\t':
			return ' '
		case r < ' ' || r >= 0x7f && r < 0xa0:
			return -1
		}
		return r
	}, text)
}

// Quoted is the beginning of a text on one line.
func Quoted(text string, width int) string {
	lines := Wrap(strings.TrimSpace(text), max(20, width/2))
	switch len(lines) {
	case 0:
		return "(nothing)"
	case 1:
		return lines[0]
	}
	return lines[0] + " …"
}

// Heading is a prompt above its completions: the end of it when it is long.
func Heading(prompt string, width int) string {
	lines := Wrap(prompt, width-4)
	if len(lines) > 2 {
		return "… " + strings.Join(lines[len(lines)-2:], "\n  ")
	}
	return strings.Join(lines, "\n")
}
