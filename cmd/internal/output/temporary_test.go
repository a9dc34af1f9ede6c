package output

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// TestClean removes what a killed program left, and nothing else: no file of a program that lives,
// of another one, or that only looks like it.
func TestClean(t *testing.T) {
	dir := t.TempDir()
	stale := nameFor("base")
	if !isTemporaryName(stale) {
		t.Fatalf("%s is no temporary name", stale)
	}
	forged := []byte(stale)
	forged[len(forged)-len(".part")-1] ^= 1
	folder := nameFor("folder")
	keep := []string{string(forged), ".base.3477674656", "base.part", ".x.1-00000000-00000000.part", folder}
	for _, name := range append([]string{stale}, keep[:4]...) {
		put(t, filepath.Join(dir, name), "x")
	}
	// of a program that is just about to lock it
	if err := os.Mkdir(filepath.Join(dir, folder), 0o777); err != nil {
		t.Fatal(err)
	}
	link := nameFor("link")
	target := filepath.Join(t.TempDir(), "target")
	put(t, target, "x")
	if os.Symlink(target, filepath.Join(dir, link)) == nil {
		keep = append(keep, link)
	}
	live, err := temporary(dir, "live", 0o666)
	if err != nil {
		t.Fatal(err)
	}
	defer discard(live)
	keep = append(keep, filepath.Base(live.Name()))
	clean(dir)
	var left []string
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		left = append(left, e.Name())
	}
	slices.Sort(keep)
	slices.Sort(left)
	if !slices.Equal(left, keep) {
		t.Errorf("left are %q, want %q", left, keep)
	}
	if get(t, target) != "x" {
		t.Error("a link was followed")
	}
}

// TestFolder removes a folder whose program was killed, and keeps one whose program lives.
func TestFolder(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	t.Setenv("TMP", tmp)
	killed := filepath.Join(tmp, nameFor("x"))
	if err := os.Mkdir(killed, 0o700); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(killed, lockName), "")
	put(t, filepath.Join(killed, "big"), "x")
	dir, remove, err := Folder("y")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(killed); err == nil {
		t.Error("the folder of a killed program is still there")
	}
	clean(tmp)
	if _, err := os.Stat(dir); err != nil {
		t.Error("the folder of a living program is gone")
	}
	remove()
	if _, err := os.Stat(dir); err == nil {
		t.Error("the folder was not removed")
	}
}

// TestBetween leaves what was written lately where a whole file is unlocked for a moment before it
// gets its name.
func TestBetween(t *testing.T) {
	for _, c := range []struct {
		age       time.Duration
		movesOpen bool
		want      bool
	}{{0, true, false}, {0, false, true}, {time.Hour, false, false}} {
		if got := between(time.Now().Add(-c.age), c.movesOpen); got != c.want {
			t.Errorf("%v old, moves open %v: %v", c.age, c.movesOpen, got)
		}
	}
}
