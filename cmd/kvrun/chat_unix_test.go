//go:build unix

package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
)

// TestChatTerminal talks through a pseudo-terminal: a paste is one turn, a long line is whole, commands are not said to the model.
func TestChatTerminal(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	t.Setenv("TERM", "xterm")
	terminal, tty, err := pty.Open()
	if err != nil {
		t.Skip("no pseudo-terminal: ", err)
	}
	defer terminal.Close()
	defer tty.Close()
	var mu sync.Mutex
	var screen strings.Builder
	go func() {
		b := make([]byte, 4096)
		for {
			n, err := terminal.Read(b)
			mu.Lock()
			screen.Write(b[:n])
			mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	code := make(chan int, 1)
	go func() {
		code <- run(context.Background(), []string{"chat", "--temp", "0", "-n", "4", "-c", "256"}, tty, tty, tty)
	}()
	from := 0
	wait := func(text string) {
		t.Helper()
		for end := time.Now().Add(60 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			mu.Lock()
			s := screen.String()[from:]
			mu.Unlock()
			if at := strings.Index(s, text); at >= 0 {
				from += at + len(text)
				return
			}
		}
		t.Fatalf("no %q on the screen: %q", text, screen.String()[from:])
	}
	wait("/help lists commands")
	wait("> ")
	io.WriteString(terminal, "\x1b[200~one\rtwo\rthree\x1b[201~\r")
	wait("3 lines]")
	wait("/continue goes on")
	io.WriteString(terminal, "/hepl\r")
	wait("no command /hepl")
	io.WriteString(terminal, strings.Repeat("word ", 20000)+"\r")
	wait("the context has 256")
	io.WriteString(terminal, "/stats\r")
	wait("2 messages")
	io.WriteString(terminal, "\x03")
	wait("again leaves")
	io.WriteString(terminal, "\x04")
	select {
	case c := <-code:
		if c != 0 {
			t.Errorf("exit %d", c)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("Ctrl-D does not leave")
	}
	kept, err := os.ReadFile(filepath.Join(os.Getenv("XDG_STATE_HOME"), "kvrun", "history"))
	if err != nil || !strings.HasPrefix(string(kept), `"one\ntwo\nthree"`) {
		t.Errorf("history %.80q, %v", kept, err)
	}
}
