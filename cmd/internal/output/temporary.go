package output

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"time"
)

// A temporary name is .NAME.PID-RANDOM-SUM.part: a sum of what comes before it, so that no other
// program's file has such a name.
var temporaryName = regexp.MustCompile(`^(\..{0,100}\.[0-9]+-[0-9a-f]{8})-([0-9a-f]{8})\.part$`)

// live are the temporary files and folders of this process.
var live = living{files: map[*os.File]string{}}

type living struct {
	sync.Mutex
	files map[*os.File]string // its name, by the handle that locks it
}

func nameFor(base string) string {
	var random [4]byte
	rand.Read(random[:])
	if len(base) > 100 {
		base = base[:100]
	}
	head := fmt.Sprintf(".%s.%d-%x", base, os.Getpid(), random)
	return head + "-" + sum(head) + ".part"
}

func sum(head string) string {
	s := sha256.Sum256([]byte(head))
	return fmt.Sprintf("%x", s[:4])
}

// isTemporaryName reports whether nameFor made the name.
func isTemporaryName(name string) bool {
	m := temporaryName.FindStringSubmatch(name)
	return m != nil && sum(m[1]) == m[2]
}

// temporary makes a file in dir that is locked while this process lives.
func temporary(dir, base string, mode os.FileMode) (*os.File, error) {
	live.Lock()
	defer live.Unlock()
	for try := 0; ; try++ {
		name := filepath.Join(dir, nameFor(base))
		h, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
		if err != nil {
			return nil, err
		}
		if !claim(h, name) && try < 100 {
			h.Close()
			os.Remove(name)
			continue
		}
		live.files[h] = name
		return h, nil
	}
}

// claim locks a file that was just made, unless another program took it for one that was left
// behind. Where there are no locks nothing is cleaned up, either.
func claim(h *os.File, name string) bool {
	if err := lock(h); err != nil {
		return !errors.Is(err, errLocked)
	}
	now, err := os.Stat(name)
	mine, e := h.Stat()
	return err == nil && e == nil && os.SameFile(now, mine)
}

// discard removes a temporary file or folder.
func discard(h *os.File) {
	live.Lock()
	defer live.Unlock()
	if name, ok := live.files[h]; ok {
		delete(live.files, h)
		h.Close() // before it is removed, for systems that keep open files
		os.RemoveAll(name)
	}
}

// rename gives a temporary file its name, and closes it. The file stays locked until it has the
// name, where a system can rename what is open: another program that cleans the folder up takes
// what nobody locks for one that was left behind.
func rename(h *os.File, to string) error {
	live.Lock()
	defer live.Unlock()
	name, ok := live.files[h]
	if !ok {
		return errors.New("the program is ending")
	}
	if !movesOpen {
		if err := h.Close(); err != nil {
			return err
		}
	}
	delete(live.files, h)
	if err := os.Rename(name, to); err != nil {
		h.Close()
		os.Remove(name)
		return err
	}
	if movesOpen {
		return h.Close()
	}
	return nil
}

// Abandon removes all temporary files of this process, and keeps it from making more. It is for a
// program that ends at once.
func Abandon() {
	live.Lock() // and stays locked
	for h, name := range live.files {
		h.Close()
		os.RemoveAll(name)
	}
}

// clean removes from dir the temporary files of programs that are no more.
func clean(dir string) {
	d, err := os.Open(dir)
	if err != nil {
		return
	}
	names, _ := d.Readdirnames(-1)
	d.Close()
	for _, name := range names {
		if isTemporaryName(name) {
			removeStale(filepath.Join(dir, name))
		}
	}
}

// between reports whether a file of that time may be one whose program lives, though nobody locks
// it: where no open file can be renamed, what is whole is closed first and gets its name then.
func between(written time.Time, movesOpen bool) bool {
	return !movesOpen && time.Since(written) < time.Minute
}

// removeStale removes a temporary file or folder, unless the program that made it lives.
func removeStale(path string) {
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() && !info.IsDir() {
		return
	}
	if between(info.ModTime(), movesOpen) {
		return
	}
	held := path
	if info.IsDir() {
		held = filepath.Join(path, lockName)
	}
	h, err := os.OpenFile(held, os.O_RDWR, 0)
	if err != nil {
		return
	}
	defer h.Close()
	if lock(h) != nil {
		return
	}
	if info.IsDir() {
		os.RemoveAll(path)
		return
	}
	if !movesOpen {
		h.Close()
	}
	os.Remove(path) // while it is locked: its program may be about to lock it
}
