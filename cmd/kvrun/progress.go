package main

import (
	"io"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/kvgen/kvgen/cmd/internal/plain"
)

// progress is a bar of n steps on the standard error, where that is a terminal.
func (e *environment) progress(n int, what string) *progressbar.ProgressBar {
	f, ok := plain.File(e.stderr)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return progressbar.NewOptions(n, progressbar.OptionSetWriter(io.Discard), progressbar.OptionSetVisibility(false))
	}
	return progressbar.NewOptions(n, progressbar.OptionSetWriter(f), progressbar.OptionSetDescription(what),
		progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(true), progressbar.OptionClearOnFinish())
}
