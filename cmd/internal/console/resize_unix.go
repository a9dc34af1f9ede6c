//go:build unix

package console

import (
	"os"
	"os/signal"
	"syscall"
)

// onResize calls f when the terminal has another size, until stop is called.
func onResize(f func()) (stop func()) {
	changes, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(changes, syscall.SIGWINCH)
	go func() {
		for {
			select {
			case <-changes:
				f()
			case <-done:
				return
			}
		}
	}()
	return func() {
		signal.Stop(changes)
		close(done)
	}
}
