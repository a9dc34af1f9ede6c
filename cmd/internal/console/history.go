package console

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

const (
	maxHistory = 1000     // turns
	maxKept    = 64 << 10 // bytes of a turn; longer ones are remembered for the session alone
	maxFile    = 64 << 20
)

// History holds the turns that were typed, the newest last. It may be kept in a file, a JSON string
// a line, that others cannot read. A turn that begins with a space is not kept.
type History struct {
	turns []string
	path  string
	Err   error // the first that kept a turn out of the file
}

// HistoryFile is where a person's history is: in the folder of the state of programs
// (XDG_STATE_HOME, else ~/.local/state; on Windows %LocalAppData%), kvrun/history. It is empty
// where there is no such folder.
func HistoryFile() string {
	dir := os.Getenv("XDG_STATE_HOME")
	if runtime.GOOS == "windows" {
		dir = os.Getenv("LocalAppData")
	}
	if !filepath.IsAbs(dir) {
		home, err := os.UserHomeDir()
		if err != nil || !filepath.IsAbs(home) {
			return ""
		}
		dir = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(dir, "kvrun", "history")
}

// LoadHistory reads the history of path, and keeps further turns there. What cannot be read is no
// history.
func LoadHistory(path string) *History {
	h := &History{path: path}
	f, err := os.Open(path)
	if err != nil {
		return h
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		h.path, h.Err = "", fmt.Errorf("%s is no file", path)
		return h
	}
	lines := bufio.NewScanner(io.LimitReader(f, maxFile))
	lines.Buffer(nil, 8*maxKept)
	n := 0
	for ; lines.Scan(); n++ {
		var turn string
		if json.Unmarshal(lines.Bytes(), &turn) == nil && turn != "" {
			h.add(turn)
		}
	}
	if n > 2*maxHistory {
		h.shorten()
	}
	return h
}

// Keep adds a turn, unless it is the last again.
func (h *History) Keep(turn string) {
	turn = strings.TrimRight(turn, " \n")
	if strings.TrimSpace(turn) == "" || turn[0] == ' ' || len(h.turns) > 0 && h.turns[len(h.turns)-1] == turn {
		return
	}
	h.add(turn)
	if h.path == "" || len(turn) > maxKept {
		return
	}
	if err := h.append(turn); err != nil && h.Err == nil {
		h.Err = err
	}
}

func (h *History) add(turn string) {
	h.turns = append(h.turns, turn)
	if len(h.turns) > maxHistory {
		h.turns = h.turns[1:]
	}
}

// at returns the turn that many turns before the last.
func (h *History) at(back int) string { return h.turns[len(h.turns)-1-back] }

func (h *History) append(turns ...string) error {
	if err := os.MkdirAll(filepath.Dir(h.path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(h.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	var b strings.Builder
	for _, t := range turns {
		line, err := json.Marshal(t)
		if err != nil {
			continue
		}
		b.Write(append(line, '\n'))
	}
	_, err = io.WriteString(f, b.String())
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}

// shorten rewrites the file with the turns that are remembered.
func (h *History) shorten() {
	path := h.path
	h.path = path + ".new"
	os.Remove(h.path)
	err := h.append(h.turns...)
	h.path = path
	if err == nil {
		os.Rename(path+".new", path)
	}
}
