package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"

	"github.com/kvgen/kvgen/cmd/internal/plain"
)

// localWorker is a worker process of this machine. It ends with its standard input, so that none
// outlives a coordinator that was killed.
type localWorker struct {
	cmd   *exec.Cmd
	stdin io.Closer
	said  tail

	mu      sync.Mutex
	stopped bool
}

// startWorker starts a worker.
func (e *environment) startWorker(f *fleetFlags, args []string) (*localWorker, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	w := &localWorker{cmd: exec.Command(program, append(args, f.accessArgs()...)...)}
	w.cmd.Env = append(os.Environ(), fleetVariable+"="+f.url)
	w.cmd.Stderr = &w.said
	if w.stdin, err = w.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	return w, w.cmd.Start()
}

// accessArgs are the flags of f for another command.
func (f *accessFlags) accessArgs() (args []string) {
	for _, x := range [][2]string{{"creds", f.creds}, {"ca", f.ca}, {"cert", f.cert}, {"key", f.key}} {
		if x[1] != "" {
			args = append(args, "--fleet-"+x[0], x[1])
		}
	}
	return args
}

// wait returns why the worker ended, nil if it was stopped.
func (w *localWorker) wait() error {
	err := w.cmd.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped {
		return nil
	}
	why := "exit code 0"
	if err != nil {
		why = err.Error()
	}
	if said := w.said.String(); said != "" {
		why += ": " + plain.Message(said)
	}
	return fmt.Errorf("%s", why)
}

func (w *localWorker) stop() {
	w.mu.Lock()
	w.stopped = true
	w.mu.Unlock()
	w.stdin.Close()
	w.cmd.Process.Kill() // what it was at is computed again by nobody: all is there, or given up
}

// tail keeps the last that a process said.
type tail struct {
	mu   sync.Mutex
	text []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	t.text = t.text[max(0, len(t.text)-1000):]
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.text))
}
