package quantize

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestForeign leaves files alone that have the names of a part and a journal and are neither.
func TestForeign(t *testing.T) {
	source := small(t)
	model, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Type: table.ByName("q4_0")}
	thesis := []byte("years of work\n")
	for name, c := range map[string]struct {
		at      func(string) string
		content []byte
		link    bool
	}{
		"a text as part":        {Part, thesis, false},
		"a model as part":       {Part, model, false},
		"a text as journal":     {Journal, thesis, false},
		"a part that is a link": {Part, thesis, true},
		"a journal of a link":   {Journal, []byte(journalBegin + "1}\n"), true},
	} {
		t.Run(name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out.gguf")
			file := c.at(out)
			if c.link {
				file = filepath.Join(t.TempDir(), "elsewhere")
				if err := os.Symlink(file, c.at(out)); err != nil {
					t.Skip(err)
				}
			}
			create(t, file, c.content)
			if err := plan(t, source, o).Write(context.Background(), out, 1, Progress{}); !errors.Is(err, ErrForeign) {
				t.Errorf("got %v", err)
			}
			if is, _ := os.ReadFile(file); !bytes.Equal(is, c.content) {
				t.Errorf("it is %d other bytes now", len(is))
			}
			if err := os.Remove(c.at(out)); err != nil {
				t.Fatal(err)
			}
			if err := plan(t, source, o).Write(context.Background(), out, 1, Progress{}); err != nil {
				t.Errorf("once it is moved: %v", err)
			}
		})
	}
}

// TestFirstMoment goes on after a run that ended before it had written anything but a piece of its
// journal.
func TestFirstMoment(t *testing.T) {
	source := small(t)
	for _, journal := range []string{"", journalBegin[:5], journalBegin, journalBegin + `1,"plan":"`} {
		out := filepath.Join(t.TempDir(), "out.gguf")
		create(t, Part(out), nil)
		create(t, Journal(out), []byte(journal))
		if err := plan(t, source, Options{Type: table.ByName("q4_0")}).Write(context.Background(), out, 1, Progress{}); err != nil {
			t.Errorf("%q: %v", journal, err)
		}
	}
}

func create(t *testing.T, path string, data []byte) {
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}
