// Package interrupt ends a command by a signal. At the first signal the command's context is done:
// it stops between two steps, prints what it has and returns. At the second the program ends at
// once. Either way no temporary file stays.
//
// Ctrl-C gives exit code 130, SIGTERM 143, a terminal that is closed 129, and a reader that goes
// away 141: 128 and the number of the signal, as shells have it.
package interrupt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/kvgen/kvgen/cmd/internal/output"
)

// patience is how long a command may take to stop before a message says that it is stopping.
const patience = 500 * time.Millisecond

// Signal is why a context is done.
type Signal struct{ syscall.Signal }

func (s Signal) Error() string { return "interrupted" }

// Is makes a Signal equal to context.Canceled, for callers that do not care which signal it was.
func (s Signal) Is(target error) bool { return target == context.Canceled }

// Handler has the signals of a program.
type Handler struct {
	Context context.Context // done at the first signal; its cause is a Signal

	cancel  context.CancelCauseFunc
	signals chan os.Signal
	ended   chan struct{}
	stderr  io.Writer
	limit   time.Duration // from the first signal to the end; 0 for none

	mu      sync.Mutex
	instead func() // of what Ctrl-C does; nil for nothing
}

// Start catches the signals. A command that has not returned within limit after the first signal is
// ended; limit 0 lets it take as long as it needs.
func Start(stderr io.Writer, limit time.Duration) *Handler {
	h := &Handler{signals: make(chan os.Signal, 4), ended: make(chan struct{}), stderr: stderr, limit: limit}
	h.Context, h.cancel = context.WithCancelCause(context.Background())
	take := []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGPIPE}
	if !signal.Ignored(syscall.SIGHUP) { // as nohup has it
		take = append(take, syscall.SIGHUP)
	}
	signal.Notify(h.signals, take...)
	go h.listen()
	return h
}

// Close stops catching signals.
func (h *Handler) Close() {
	signal.Stop(h.signals)
	close(h.ended)
}

// Divert makes Ctrl-C call f, which must not block, until restore is called. The other signals end
// the program as before.
func (h *Handler) Divert(f func()) (restore func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	before := h.instead
	h.instead = f
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.instead = before
	}
}

func (h *Handler) diverted(s os.Signal) bool {
	h.mu.Lock()
	f := h.instead
	h.mu.Unlock()
	if s != os.Interrupt || f == nil {
		return false
	}
	f()
	return true
}

func (h *Handler) listen() {
	var patient, late <-chan time.Time
	first := true
	for {
		select {
		case <-h.ended:
			return
		case <-patient:
			if h.limit == 0 {
				fmt.Fprintln(h.stderr, "finishing what is in work; Ctrl-C again ends at once")
			}
		case <-late:
			fmt.Fprintln(h.stderr, "interrupted")
			h.exit(context.Cause(h.Context))
		case s := <-h.signals:
			number, _ := s.(syscall.Signal)
			switch {
			case first && h.diverted(s):
			case first:
				first = false
				h.cancel(Signal{number})
				if patient = time.After(patience); h.limit > 0 {
					late = time.After(h.limit)
				}
				if number != syscall.SIGINT && number != syscall.SIGTERM {
					patient = nil // nobody is there to read it
				}
			case number == syscall.SIGPIPE: // the same reader again
			default:
				h.exit(Signal{number})
			}
		}
	}
}

// exit ends the program at once.
func (h *Handler) exit(why error) {
	output.Abandon()
	os.Exit(Code(why))
}

// Code is the exit code of an error that a signal caused, 0 for any other error.
func Code(err error) int {
	var s Signal
	switch {
	case errors.As(err, &s):
		return 128 + int(s.Signal)
	case errors.Is(err, syscall.EPIPE): // written to a reader that is gone
		return 128 + int(syscall.SIGPIPE)
	case errors.Is(err, context.Canceled):
		return 128 + int(syscall.SIGINT)
	}
	return 0
}
