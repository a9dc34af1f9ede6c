package console

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/term"

	"github.com/kvgen/kvgen/cmd/internal/plain"
	"github.com/kvgen/kvgen/runtime/chat"
)

// Answer prints an answer as it comes: what is said as it is, what was thought apart from it, dim
// on a terminal and between labels elsewhere, and a function that was called on a line of its own.
type Answer struct {
	w       io.Writer
	dim     bool // there are styles
	inside  bool // what was thought
	any     bool // something was printed
	newline bool // and it ended a line
}

// NewAnswer begins an answer on a command's output, nil for one that is not shown; colour says
// whether a terminal has styles.
func NewAnswer(w io.Writer, colour bool) *Answer {
	if w == nil {
		w = io.Discard
	}
	s := &Answer{w: w, newline: true}
	if f, ok := plain.File(w); ok && term.IsTerminal(int(f.Fd())) {
		s.w, s.dim = plain.NewWriter(f), colour
		if s.dim {
			s.w = styled{f, s.w}
		}
	}
	return s
}

// styled is a plain writer to a terminal that shows styles.
type styled struct {
	terminal *os.File
	io.Writer
}

func (s *Answer) style(code string) error {
	if t, ok := s.w.(styled); ok && s.dim {
		_, err := io.WriteString(t.terminal, code)
		return err
	}
	return nil
}

// Raw prints text as it is.
func (s *Answer) Raw(text string) error {
	if text == "" {
		return nil
	}
	s.any, s.newline = true, text[len(text)-1] == '\n'
	_, err := io.WriteString(s.w, text)
	return err
}

// Parts prints what was read of an answer.
func (s *Answer) Parts(parts []chat.Part) error {
	for _, p := range parts {
		if err := s.part(p); err != nil {
			return err
		}
	}
	return nil
}

func (s *Answer) part(p chat.Part) error {
	if (p.Kind == chat.Reasoning) != s.inside {
		if err := s.turn(); err != nil {
			return err
		}
	}
	text := p.Text
	if p.Kind == chat.Call {
		text = fmt.Sprintf("[call] %s %s\n", p.Call.Name, p.Call.Arguments)
		if !s.newline {
			text = "\n" + text
		}
	}
	return s.Raw(text)
}

// turn goes from what is said to what is thought, or back.
func (s *Answer) turn() error {
	s.inside = !s.inside
	before := ""
	if !s.newline {
		before = "\n"
	}
	switch {
	case s.dim && s.inside:
		if err := s.Raw(before); err != nil {
			return err
		}
		return s.style("\x1b[2m")
	case s.dim:
		if err := s.style("\x1b[0m"); err != nil {
			return err
		}
		return s.Raw(before + "\n")
	case s.inside:
		return s.Raw(before + "[thinking]\n")
	}
	return s.Raw(before + "[answer]\n")
}

// End ends the answer, and its line.
func (s *Answer) End() error {
	if s.inside && s.dim {
		if err := s.style("\x1b[0m"); err != nil {
			return err
		}
	}
	if s.any && s.newline {
		return nil
	}
	return s.Raw("\n")
}

// Shown says whether anything was.
func (s *Answer) Shown() bool { return s.any }
