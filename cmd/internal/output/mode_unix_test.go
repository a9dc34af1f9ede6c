//go:build unix

package output

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestMode makes files as the umask says, and keeps the mode of those that are replaced.
func TestMode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	write := func(umask int, want, mode os.FileMode) {
		t.Helper()
		old := syscall.Umask(umask)
		defer syscall.Umask(old)
		var s Set
		f, err := s.Create(Request{Path: path, Kind: Model, Update: true, Mode: mode})
		if err != nil || f.Fill(hello) != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode() != want {
			t.Errorf("umask %03o, asked for %03o: mode %v, want %v", umask, mode, info.Mode(), want)
		}
	}
	for _, c := range []struct {
		umask      int
		want, mode os.FileMode
	}{{0o022, 0o644, 0}, {0o077, 0o600, 0}, {0o002, 0o664, 0}, {0o022, 0o600, 0o600}, {0o027, 0o750, 0o777}} {
		write(c.umask, c.want, c.mode)
		os.Remove(path)
	}
	put(t, path, "GGUF")
	os.Chmod(path, 0o640)
	write(0o077, 0o640, 0o600)
	os.Chmod(path, 0o444)
	var s Set
	if _, err := s.Create(Request{Path: path, Kind: Model, Force: true}); err == nil || !strings.Contains(err.Error(), "is read-only") {
		t.Errorf("a file that is read-only: %v", err)
	}
}

// TestPipe writes to a pipe when somebody reads it, and does not replace it.
func TestPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skip("not tested: ", err)
	}
	text := make(chan string)
	go func() {
		b, _ := os.ReadFile(path)
		text <- string(b)
	}()
	var s Set
	f, err := s.Create(Request{Path: path, Kind: Model})
	if err != nil || f.Fill(hello) != nil {
		t.Fatal(err)
	}
	if got := <-text; got != "GGUF hello" {
		t.Errorf("read %q", got)
	}
	if info, err := os.Stat(path); err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		t.Error("the pipe was replaced")
	}
}
