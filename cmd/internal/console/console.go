// Package console reads what a person or a program says to a command, a turn at a time.
//
// At a terminal a turn is edited: arrows, Home and End, words and lines with the keys of Emacs,
// earlier turns with Up and Down. A paste is one piece, however many lines and characters it has: a
// long one is shown as a few words and sent whole. A line that ends in a backslash goes on in the
// next, and one that begins with """ goes on until the next """. Through a pipe a line is a turn,
// without any limit but [MaxTurn].
//
// The editor is that of golang.org/x/term. Of the libraries looked at it is the one that asks the
// terminal nothing: an editor that waits for the cursor's position hangs where nobody answers. It
// reads from any reader, so that pastes can be taken out before it sees them. It comes from the Go
// project. It counts every character as one column (findings/xterm-wide-characters.sh): behind
// those that take two the cursor stands wrong while a turn is edited, and the turn that is sent is
// right.
package console

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/kvgen/kvgen/cmd/internal/plain"
)

// MaxTurn is the longest turn, in bytes.
const MaxTurn = 64 << 20

// ErrInterrupt is Ctrl-C at the prompt, where something was typed; ErrAgain where nothing was.
var (
	ErrInterrupt = errors.New("interrupted")
	ErrAgain     = errors.New("interrupted at an empty prompt")
	errLong      = fmt.Errorf("a turn has at most %d bytes: this one is left out", MaxTurn)
)

// TooLong reports an error of a turn beyond MaxTurn, after which reading goes on.
func TooLong(err error) bool { return errors.Is(err, errLong) }

// Input reads turns.
type Input struct {
	History *History

	lines  chan line // of a pipe
	tty    *os.File  // of a person
	screen *os.File
	typed  *typed
	before *term.State
	colour bool
}

type line struct {
	text string
	err  error
}

// Open reads from in. A person is one whose in and screen are terminals.
func Open(in io.Reader, screen io.Writer) *Input {
	i := &Input{History: &History{}}
	tty, ok := in.(*os.File)
	s, ok2 := plain.File(screen)
	if ok && ok2 && term.IsTerminal(int(tty.Fd())) && term.IsTerminal(int(s.Fd())) {
		i.tty, i.screen, i.typed = tty, s, newTyped(tty)
		i.before, _ = term.GetState(int(tty.Fd()))
		_, none := os.LookupEnv("NO_COLOR")
		i.colour = !none && os.Getenv("TERM") != "dumb" && os.Getenv("TERM") != ""
		return i
	}
	i.lines = make(chan line)
	go i.readLines(in)
	return i
}

// Person reports whether turns are typed.
func (i *Input) Person() bool { return i.tty != nil }

// Colour reports whether the person's terminal shows styles.
func (i *Input) Colour() bool { return i.colour }

// Busy is called when the command works on a turn. What is typed meanwhile is for the next turn and
// not shown.
func (i *Input) Busy() {
	if i.tty != nil {
		quiet(int(i.tty.Fd()))
	}
}

// Close leaves the terminal as it was.
func (i *Input) Close() {
	if i.tty != nil && i.before != nil {
		term.Restore(int(i.tty.Fd()), i.before)
	}
}

// Read returns the next turn, io.EOF when there is none. prompt is shown to a person.
func (i *Input) Read(ctx context.Context, prompt string) (string, error) {
	if i.Person() {
		return i.edit(ctx, prompt)
	}
	select {
	case <-ctx.Done():
		return "", context.Cause(ctx)
	case l, ok := <-i.lines:
		if !ok {
			return "", io.EOF
		}
		return l.text, l.err
	}
}

// readLines sends the lines of r.
func (i *Input) readLines(r io.Reader) {
	defer close(i.lines)
	b := bufio.NewReaderSize(r, 64<<10)
	var text []byte
	long := false
	for {
		part, err := b.ReadSlice('\n')
		if long = long || len(text)+len(part) > MaxTurn; !long {
			text = append(text, part...)
		}
		if err == bufio.ErrBufferFull {
			continue
		}
		switch {
		case long:
			i.lines <- line{err: errLong}
		case len(text) > 0:
			i.lines <- line{text: strings.TrimRight(string(text), "\r\n")}
		}
		text, long = text[:0], false
		if err != nil && err != io.EOF {
			i.lines <- line{err: err}
		}
		if err != nil {
			return
		}
	}
}
