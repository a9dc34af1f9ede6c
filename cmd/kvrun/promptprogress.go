package main

import (
	"fmt"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/kvgen/kvgen/cmd/internal/plain"
)

// slowPrompt is how long a prompt runs before its percentage is shown.
const slowPrompt = time.Second

// promptProgress shows on a terminal how far a prompt has run that takes longer than a second, and takes the line away at its end.
func (e *environment) promptProgress() func(done, of int) {
	f, ok := plain.File(e.stderr)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	began, shown := time.Now(), 0
	return func(done, of int) {
		if time.Since(began) < slowPrompt && shown == 0 || done == of && shown == 0 {
			return
		}
		line := ""
		if done < of {
			line = fmt.Sprintf("prompt: %d %% of %d tokens", 100*done/of, of)
		}
		fmt.Fprintf(f, "\r%s\r%s", strings.Repeat(" ", shown), line)
		if shown = len(line); shown == 0 {
			began = time.Now()
		}
	}
}
