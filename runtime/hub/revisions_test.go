package hub

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A history is a repository of which each revision has other files. The hub says no SHA-256 where
// plain is set.
type history struct {
	commits map[string]string            // by revision
	files   map[string]map[string][]byte // by commit
	plain   bool
}

func (h *history) list(w http.ResponseWriter, r *http.Request) bool {
	revision, ok := strings.CutPrefix(r.URL.Path, "/api/models/o/m/revision/")
	at := h.commits[revision]
	if !ok {
		at, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/o/m/resolve/"), "/")
		w.Write(h.files[at][name])
		return true
	}
	var all []string
	for name, b := range h.files[at] {
		if h.plain {
			all = append(all, fmt.Sprintf(`{"rfilename":%q,"size":%d}`, name, len(b)))
		} else {
			all = append(all, fmt.Sprintf(`{"rfilename":%q,"lfs":{"sha256":%q,"size":%d}}`, name, sumOf(b), len(b)))
		}
	}
	fmt.Fprintf(w, `{"sha":%q,"siblings":[%s]}`, at, strings.Join(all, ","))
	return true
}

// variant is a file of the same length with another byte.
func variant(b []byte, with byte) []byte {
	b = append([]byte(nil), b...)
	b[len(b)-1] = with
	return b
}

func holds(t *testing.T, c *Client, name string, want []byte) {
	t.Helper()
	path, err := bring(c, name)
	if err != nil {
		t.Errorf("offline %v: %s: %v", c.Offline, name, err)
		return
	}
	if got, _ := os.ReadFile(path); string(got) != string(want) {
		t.Errorf("offline %v: %s: %s has other bytes", c.Offline, name, path)
	}
}

// TestRevisions brings a file of two revisions: neither takes the place of the other, and offline
// one that was not brought is not there.
func TestRevisions(t *testing.T) {
	a, b := strings.Repeat("a", 40), strings.Repeat("b", 40)
	first, second := blob(500), variant(blob(500), 'b')
	h := &history{commits: map[string]string{"main": a, "v2": b, "v3": b}, files: map[string]map[string][]byte{a: {"x.gguf": first}, b: {"x.gguf": second}}}
	f := newFake(t, nil)
	f.list = h.list
	c, _ := f.client()
	page := "https://huggingface.co/o/m/blob/%s/x.gguf"
	for _, c.Offline = range []bool{false, true} {
		holds(t, c, "o/m", first)
		holds(t, c, fmt.Sprintf(page, "v2"), second)
		holds(t, c, "o/m", first)
	}
	if path, err := bring(c, fmt.Sprintf(page, "v3")); err == nil {
		t.Errorf("offline a revision that was not brought is %s", path)
	}
}

// TestNewCommit has the hub publish other files under the same names: what is there is of the old
// commit, also where the hub says nothing but a length, and the parts of two commits are no model.
func TestNewCommit(t *testing.T) {
	a, b := strings.Repeat("a", 40), strings.Repeat("b", 40)
	const part1, part2 = "x-00001-of-00002.gguf", "x-00002-of-00002.gguf"
	for _, plain := range []bool{false, true} {
		h := &history{plain: plain, commits: map[string]string{"main": a}, files: map[string]map[string][]byte{
			a: {part1: blob(500), part2: blob(600)},
			b: {part1: variant(blob(500), 'b'), part2: variant(blob(600), 'b')},
		}}
		f := newFake(t, nil)
		broken := false
		f.list = func(w http.ResponseWriter, r *http.Request) bool {
			if broken && strings.HasSuffix(r.URL.Path, part2) {
				panic(http.ErrAbortHandler)
			}
			return h.list(w, r)
		}
		c, _ := f.client()
		holds(t, c, "o/m", blob(500))
		h.commits["main"], broken = b, true
		if path, err := bring(c, "o/m"); err == nil {
			t.Errorf("%s comes from a server that does not send all of it", path)
		}
		c.Offline = true
		if path, err := bring(c, "o/m"); err == nil {
			t.Errorf("offline the parts of two commits are a model, %s", path)
		}
		c.Offline, broken = false, false
		holds(t, c, "o/m", h.files[b][part1])
		// A commit that changes one part alone.
		third := strings.Repeat("c", 40)
		h.files[third] = map[string][]byte{part1: h.files[b][part1], part2: blob(700)}
		h.commits["main"] = third
		for _, c.Offline = range []bool{false, true} {
			holds(t, c, "o/m", h.files[b][part1])
		}
	}
}

// TestLinkedFolder finds offline what lies on another disk by a link.
func TestLinkedFolder(t *testing.T) {
	f := newFake(t, map[string][]byte{"Q8_0/x.gguf": blob(500)})
	c, _ := f.client()
	if _, err := bring(c, "o/m"); err != nil {
		t.Fatal(err)
	}
	folder, other := filepath.Join(c.Folder, "hf", "o", "m"), filepath.Join(t.TempDir(), "m")
	if err := os.Rename(folder, other); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(other, folder); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	c.Offline = true
	holds(t, c, "o/m", blob(500))
}
