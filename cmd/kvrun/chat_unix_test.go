//go:build unix

package main

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
)

// A terminalTalk is kvrun chat on a pseudo-terminal: what is typed, and what has come on the screen
// since the last that was waited for.
type terminalTalk struct {
	t        *testing.T
	terminal *os.File
	state    string // XDG_STATE_HOME of the program
	mu       sync.Mutex
	screen   strings.Builder
	from     int
	code     chan int
}

// talkTo starts the program itself, as the leader of a session whose terminal this is, so that
// Ctrl-C is a signal.
func talkTo(t *testing.T, args ...string) *terminalTalk {
	t.Helper()
	probe, tty, err := pty.Open()
	if err != nil {
		t.Skip("no pseudo-terminal: ", err)
	}
	probe.Close()
	tty.Close()
	x := &terminalTalk{t: t, state: t.TempDir(), code: make(chan int, 1)}
	cmd := exec.Command(buildProgram(t), append([]string{"chat"}, args...)...)
	cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+x.state, "TERM=xterm")
	terminal, err := pty.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	x.terminal = terminal
	t.Cleanup(func() { cmd.Process.Kill(); terminal.Close() })
	go func() {
		b := make([]byte, 4096)
		for {
			n, err := terminal.Read(b)
			x.mu.Lock()
			x.screen.Write(b[:n])
			x.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	go func() {
		cmd.Wait()
		x.code <- cmd.ProcessState.ExitCode()
	}()
	return x
}

func (x *terminalTalk) say(keys string) { io.WriteString(x.terminal, keys) }

// until waits for text and returns what came before it.
func (x *terminalTalk) until(text string) string {
	x.t.Helper()
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		x.mu.Lock()
		s := x.screen.String()[x.from:]
		x.mu.Unlock()
		if at := strings.Index(s, text); at >= 0 {
			x.from += at + len(text)
			return s[:at]
		}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	s := x.screen.String()[x.from:]
	x.t.Fatalf("no %q on the screen: %q", text, s[max(0, len(s)-400):])
	return ""
}

// leave ends it by Ctrl-D.
func (x *terminalTalk) leave() {
	x.t.Helper()
	x.say("\x04")
	select {
	case c := <-x.code:
		if c != 0 {
			x.t.Errorf("exit %d", c)
		}
	case <-time.After(30 * time.Second):
		x.t.Fatal("Ctrl-D does not leave")
	}
}

// TestChatTerminal takes a paste for one turn, a long line whole, and commands for itself. The
// history has its own folder.
func TestChatTerminal(t *testing.T) {
	x := talkTo(t, "--temp", "0", "-n", "4", "-c", "256")
	x.until("/help lists commands")
	x.until("> ")
	x.say("\x1b[200~one\rtwo\rthree\x1b[201~\r")
	x.until("3 lines]")
	x.until("/continue goes on")
	x.say("/hepl\r")
	x.until("no command /hepl")
	x.say(strings.Repeat("word ", 20000) + "\r")
	x.until("the context has 256")
	x.say("/stats\r")
	x.until("2 messages")
	x.say("\x03")
	x.until("again leaves")
	x.leave()
	kept, err := os.ReadFile(filepath.Join(x.state, "kvrun", "history"))
	if err != nil || !strings.HasPrefix(string(kept), `"one\ntwo\nthree"`) {
		t.Errorf("history %.80q, %v", kept, err)
	}
}

// TestChatStops stops an answer by Ctrl-C, keeps the conversation, and goes on with it.
func TestChatStops(t *testing.T) {
	x := talkTo(t, "--temp", "0", "-n", "100000", "--ignore-eos", "-c", "512")
	x.until("/help lists commands")
	x.until("> ")
	x.say("Tell me of the king.\r")
	x.until("king.") // what was typed, as the terminal shows it
	x.until("the")   // an answer is on its way, and would not end
	x.say("\x03")
	x.until("stopped after")
	x.until("> ")
	x.say("/stats\r")
	x.until("2 messages")
	if err := pty.Setsize(x.terminal, &pty.Winsize{Rows: 10, Cols: 40}); err != nil {
		t.Fatal(err)
	}
	x.until("> ")
	x.say("And of the queen?\r")
	x.until("queen?")
	x.until("e")
	x.say("\x03")
	x.until("stopped after")
	x.until("> ")
	x.say("/stats\r")
	x.until("4 messages")
	x.until("> ")
	x.leave()
}

// TestChatKeeps recalls a line by Up, takes lines between marks for one turn, and reads again what
// it has saved.
func TestChatKeeps(t *testing.T) {
	file := filepath.Join(t.TempDir(), "talk.json")
	x := talkTo(t, "--temp", "0", "-n", "3", "--ignore-eos")
	x.until("/help lists commands")
	x.until("> ")
	x.say("\"\"\"first\rsecond\"\"\"\r")
	x.until("/continue goes on")
	x.until("> ")
	x.say("/save " + file + "\r")
	x.until("> ")
	var saved struct {
		Messages []struct{ Role, Content string } `json:"messages"`
	}
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &saved)
	}
	if err != nil || len(saved.Messages) != 2 || saved.Messages[0].Role != "user" || saved.Messages[0].Content != "first\nsecond" || saved.Messages[1].Role != "assistant" {
		t.Fatalf("%v: %s", err, text)
	}
	other := filepath.Join(t.TempDir(), "notes.txt")
	if err := os.WriteFile(other, []byte("mine\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	x.say("/save " + other + "\r")
	x.until("> ")
	if text, err := os.ReadFile(other); err != nil || string(text) != "mine\n" {
		t.Errorf("a file of another kind is now %q, %v", text, err)
	}
	x.say("/clear\r")
	x.until("> ")
	x.say("/stats\r")
	x.until("0 messages")
	x.until("> ")
	x.say("/load " + file + "\r")
	x.until("> ")
	x.say("/stats\r")
	x.until("2 messages")
	x.until("> ")
	x.say("\x1b[A\r") // Up: /stats again
	x.until("2 messages")
	x.until("> ")
	x.say("/regen\r")
	x.until("/continue goes on")
	x.until("> ")
	x.say("/stats\r")
	x.until("2 messages")
	x.until("> ")
	x.leave()
}
