package main

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/term"

	"github.com/kvgen/kvgen/cmd/internal/plain"
	"github.com/kvgen/kvgen/runtime/chat"
)

// shower prints an answer as it comes: what is said as it is, what was thought apart from it, dim on a terminal and between labels
// elsewhere, and a function that was called on a line of its own.
type shower struct {
	w       io.Writer
	dim     bool // there are styles
	inside  bool // what was thought
	any     bool // something was printed
	newline bool // and it ended a line
}

// shower begins an answer.
func (v *conversation) shower() *shower {
	s := &shower{w: v.e.stdout, newline: true}
	if f, ok := plain.File(v.e.stdout); ok && term.IsTerminal(int(f.Fd())) {
		s.w, s.dim = plain.NewWriter(f), v.in.Colour()
		if s.dim {
			s.w = styled{f, s.w}
		}
	}
	if v.json {
		s.w = io.Discard
	}
	return s
}

// styled is a plain writer to a terminal that shows styles.
type styled struct {
	terminal *os.File
	io.Writer
}

func (s *shower) style(code string) error {
	if t, ok := s.w.(styled); ok && s.dim {
		_, err := io.WriteString(t.terminal, code)
		return err
	}
	return nil
}

func (s *shower) raw(text string) error {
	if text == "" {
		return nil
	}
	s.any, s.newline = true, text[len(text)-1] == '\n'
	_, err := io.WriteString(s.w, text)
	return err
}

func (s *shower) parts(parts []chat.Part) error {
	for _, p := range parts {
		if err := s.part(p); err != nil {
			return err
		}
	}
	return nil
}

func (s *shower) part(p chat.Part) error {
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
	return s.raw(text)
}

// turn goes from what is said to what is thought, or back.
func (s *shower) turn() error {
	s.inside = !s.inside
	before := ""
	if !s.newline {
		before = "\n"
	}
	switch {
	case s.dim && s.inside:
		if err := s.raw(before); err != nil {
			return err
		}
		return s.style("\x1b[2m")
	case s.dim:
		if err := s.style("\x1b[0m"); err != nil {
			return err
		}
		return s.raw(before + "\n")
	case s.inside:
		return s.raw(before + "[thinking]\n")
	}
	return s.raw(before + "[answer]\n")
}

// end ends the answer, and its line.
func (s *shower) end() error {
	if s.inside && s.dim {
		if err := s.style("\x1b[0m"); err != nil {
			return err
		}
	}
	if s.any && s.newline {
		return nil
	}
	return s.raw("\n")
}
