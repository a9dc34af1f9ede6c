//go:build unix

package hub

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestPipes has pipes and folders where files of the client are: none is waited for.
func TestPipes(t *testing.T) {
	data := blob(5000)
	for _, name := range []string{"x.gguf" + noteSuffix, "x.gguf" + partSuffix + noteSuffix, "x.gguf" + partSuffix, "x.gguf" + partSuffix + ".lock", "x.gguf"} {
		f := newFake(t, map[string][]byte{"x.gguf": data})
		c, _ := f.client()
		at := filepath.Join(c.Folder, "hf", "o", "m", name)
		if err := os.MkdirAll(filepath.Dir(at), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := unix.Mkfifo(at, 0o666); err != nil {
			t.Skip("no pipes with names here: ", err)
		}
		path, err := bring(c, "o/m")
		if strings.HasSuffix(name, noteSuffix) { // what is no note counts as none, and is replaced
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			whole(t, path, data)
		} else if err == nil || !strings.Contains(err.Error(), name+" is no regular file") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
