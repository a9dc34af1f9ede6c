package output

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"
)

// TestCommitWhileCleaned commits results while other programs clean the folder up.
func TestCommitWhileCleaned(t *testing.T) {
	dir := t.TempDir()
	stop := make(chan bool)
	var group sync.WaitGroup
	for range 2 {
		group.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					clean(dir)
				}
			}
		})
	}
	lost := 0
	for i := range 300 {
		var s Set
		f, err := s.Create(Request{Path: filepath.Join(dir, fmt.Sprint("out", i%4)), Kind: Model, Update: true})
		if err == nil {
			err = f.Fill(hello)
		}
		if err != nil {
			if lost++; lost == 1 {
				t.Errorf("result %d: %v", i, err)
			}
		}
	}
	close(stop)
	group.Wait()
	if lost > 0 {
		t.Errorf("%d of 300 lost", lost)
	}
}

// TestWrittenInPlace keeps what another program wrote into the file that was empty, or other, when
// the output was opened.
func TestWrittenInPlace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	for _, there := range []string{"", "GGUF old"} {
		put(t, path, there)
		var s Set
		f, err := s.Create(Request{Flag: "--out", Path: path, Kind: Model, Force: true})
		if err != nil {
			t.Fatal(err)
		}
		put(t, path, "what another program wrote")
		err = f.Fill(hello)
		if get(t, path) != "what another program wrote" {
			t.Errorf("over %q: what another program wrote meanwhile was replaced: %v", there, err)
		}
	}
}
