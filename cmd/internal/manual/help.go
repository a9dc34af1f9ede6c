package manual

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/kvgen/kvgen/cmd/internal/plain"
)

// Width is the width of the terminal w, and 80 if w is none. It is kept between 40 and 120 columns,
// which can be read.
func Width(w io.Writer) int {
	if f, ok := plain.File(w); ok && term.IsTerminal(int(f.Fd())) {
		if n, _, err := term.GetSize(int(f.Fd())); err == nil && n > 0 {
			return min(max(n, 40), 120)
		}
	}
	return 80
}

// Help writes the page of a command, no line longer than width where words allow it.
func (p *Program) Help(w io.Writer, c *Command, width int) error {
	out := &printer{w: w}
	out.line("%s", Wrap(fmt.Sprintf("%s %s: %s", p.Name, c.Name, c.Summary), width, 0))
	out.line("\n%s", Wrap(strings.TrimRight(fmt.Sprintf("Usage: %s %s %s", p.Name, c.Name, c.Synopsis), " "), width, 7))
	if len(c.Examples) > 0 {
		out.line("\nExamples:")
		for _, e := range c.Examples {
			out.line("%s", Wrap("  "+e, width, 6))
		}
	}
	if c.Flags == nil {
		return out.err
	}
	listed := map[string]string{} // flags by the words that they take
	for i, flags := range p.grouped(c.Flags) {
		if len(flags) == 0 {
			continue
		}
		out.line("\n%s:", p.Groups[i].Title)
		for _, f := range flags {
			value, text := describe(f)
			names := strings.Join(p.Names(f), ", ")
			if names[2] != ',' {
				names = "    " + names // below those with a letter
			}
			if value != "" {
				names += " " + value
			}
			text += choices(p.Values(c.Name, f.Name).Words, text, f.Name, listed)
			out.line("%s", Entry("  "+strings.TrimRight(names, " "), text, width))
		}
	}
	return out.err
}

// choices lists the words that a flag takes, unless its description has, or another flag took the
// same.
func choices(words []string, text, flag string, listed map[string]string) string {
	told := true
	for _, w := range words {
		told = told && strings.Contains(text, w)
	}
	list := strings.Join(words, " ")
	switch before := listed[list]; {
	case told:
		return ""
	case before != "" && len(list) > 60:
		return "; one of those of --" + before
	}
	listed[list] = flag
	return "; one of " + list
}

// Entry is a name with its description beside it, or below where the name is long.
func Entry(name, text string, width int) string {
	column := 28
	if width < 60 {
		column = 8
	}
	body := Wrap(strings.Repeat(" ", column)+text, width, column)
	if text == "" {
		return name
	}
	if len(name)+2 <= column && !strings.Contains(name, "\n") {
		return name + body[len(name):]
	}
	return name + "\n" + body
}

// Wrap breaks text at spaces; lines after the first are indented. Spaces in front of the first
// stay.
func Wrap(text string, width, indent int) string {
	lead := len(text) - len(strings.TrimLeft(text, " "))
	var out strings.Builder
	out.WriteString(text[:lead])
	at, fresh := lead, true
	for _, word := range strings.Fields(text[lead:]) {
		n := len([]rune(word))
		switch {
		case fresh:
		case at+1+n > width:
			out.WriteString("\n" + strings.Repeat(" ", indent))
			at = indent
		default:
			out.WriteByte(' ')
			at++
		}
		out.WriteString(word)
		at, fresh = at+n, false
	}
	return out.String()
}

// Overview writes the list of commands.
func (p *Program) Overview(w io.Writer, width int) error {
	out := &printer{w: w}
	for _, c := range p.Commands {
		text := Wrap(strings.Repeat(" ", 14)+c.Summary, width, 14)
		out.line("%s", "  "+c.Name+text[2+len(c.Name):])
	}
	return out.err
}

// Page writes a text of paragraphs, filled to width. Those that are indented are tables of a name,
// two spaces or a new line, and what is said of it; they stay as they are where they fit.
func Page(w io.Writer, text string, width int) error {
	out := &printer{w: w}
	for i, part := range strings.Split(strings.TrimSpace(text), "\n\n") {
		if i > 0 {
			out.line("")
		}
		switch {
		case !strings.HasPrefix(part, "  "):
			out.line("%s", Wrap(part, width, 0))
		case widest(part) <= width:
			out.line("%s", part)
		default:
			for _, e := range entries(part) {
				out.line("%s", Entry(Wrap("  "+e[0], width, 4), e[1], width))
			}
		}
	}
	return out.err
}

// widest is the most characters of a line of text.
func widest(text string) (n int) {
	for line := range strings.Lines(text) {
		n = max(n, utf8.RuneCountInString(strings.TrimRight(line, "\n")))
	}
	return n
}

// entries are the names of an indented table, each with what is said of it: behind two spaces, and
// on lines that are indented further.
func entries(table string) (all [][2]string) {
	for line := range strings.Lines(table) {
		text := strings.TrimSpace(line)
		if n := len(all); n > 0 && strings.HasPrefix(line, "   ") {
			all[n-1][1] = strings.TrimSpace(all[n-1][1] + " " + text)
			continue
		}
		name, said, _ := strings.Cut(text, "  ")
		all = append(all, [2]string{name, strings.TrimSpace(said)})
	}
	return all
}

// Command finds a command by its name.
func (p *Program) Command(name string) *Command {
	for i := range p.Commands {
		if p.Commands[i].Name == name {
			return &p.Commands[i]
		}
	}
	return nil
}

// printer keeps the first error.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}
