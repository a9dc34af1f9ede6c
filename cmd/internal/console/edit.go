package console

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/term"
)

// quotes begin and end a turn of several lines, as ollama has it.
const quotes = `"""`

// edit reads a turn of one or more lines from the terminal.
func (i *Input) edit(ctx context.Context, prompt string) (string, error) {
	whole, err := i.line(ctx, prompt)
	if err != nil {
		return "", err
	}
	if open, ok := strings.CutPrefix(strings.TrimLeft(whole, " "), quotes); ok {
		for whole = open; !strings.Contains(whole, quotes); {
			next, err := i.more(ctx)
			if err != nil {
				return "", err
			}
			whole += "\n" + next
		}
		whole = strings.Replace(whole, quotes, "", 1)
	} else {
		for strings.HasSuffix(whole, `\`) {
			next, err := i.more(ctx)
			if err != nil {
				return "", err
			}
			whole = strings.TrimSuffix(whole, `\`) + "\n" + next
		}
	}
	whole = i.typed.expand(whole)
	if len(whole) > MaxTurn {
		return "", errLong
	}
	i.History.Keep(whole)
	return whole, nil
}

// more reads a further line of a turn. The end of the input ends the turn.
func (i *Input) more(ctx context.Context) (string, error) {
	text, err := i.line(ctx, "... ")
	if errors.Is(err, ErrAgain) || errors.Is(err, io.EOF) {
		err = ErrInterrupt
	}
	return text, err
}

// line reads one line with the editor. The terminal is in raw mode meanwhile.
func (i *Input) line(ctx context.Context, prompt string) (text string, err error) {
	state, err := term.MakeRaw(int(i.tty.Fd()))
	if err != nil {
		return "", err
	}
	if i.colour {
		io.WriteString(i.screen, "\x1b[?2004h") // pastes come between marks
	}
	i.typed.begin(ctx)
	t := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{i.typed, i.screen}, prompt)
	t.History = recalled{i}
	size := func() {
		if w, h, err := term.GetSize(int(i.screen.Fd())); err == nil && w > 0 && h > 0 {
			t.SetSize(w, h)
		}
	}
	size()
	stop := onResize(size)
	text, err = t.ReadLine()
	stop()
	if i.colour {
		io.WriteString(i.screen, "\x1b[?2004l")
	}
	term.Restore(int(i.tty.Fd()), state)
	switch {
	case err == nil || err == term.ErrPasteIndicator:
		return text, nil
	case errors.Is(err, ErrInterrupt) || errors.Is(err, ErrAgain):
		fmt.Fprint(i.screen, "^C\n")
	default:
		fmt.Fprintln(i.screen)
	}
	return "", err
}

// recalled gives the editor earlier turns. Those that do not fit a line are shown as pastes are.
type recalled struct{ i *Input }

func (r recalled) Add(string)        {} // Input.edit does, when the turn is whole
func (r recalled) Len() int          { return len(r.i.History.turns) }
func (r recalled) At(idx int) string { return r.i.typed.show(r.i.History.at(idx), "earlier text") }
