package hub

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// blob is a GGUF file as far as this package looks.
func blob(size int) []byte {
	b := make([]byte, size)
	copy(b, "GGUF\x03\x00\x00\x00")
	for i := 8; i < size; i++ {
		b[i] = byte(i*7 + i>>8)
	}
	return b
}

func sumOf(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

const commitOf = "0123456789abcdef0123456789abcdef01234567"

// A fake is a hub, a registry and the host of their files.
type fake struct {
	t     *testing.T
	files map[string][]byte // of the repository
	// What it does instead of the right thing; n counts the requests for files from 1 on. It
	// reports whether it answered.
	list func(w http.ResponseWriter, r *http.Request) bool
	send func(w http.ResponseWriter, r *http.Request, n int) bool

	mu       sync.Mutex
	sent     int
	ranges   []string
	tokens   []string // that reached the host of the files
	hub, cdn *httptest.Server
}

func newFake(t *testing.T, files map[string][]byte) *fake {
	f := &fake{t: t, files: files}
	f.cdn = httptest.NewServer(http.HandlerFunc(f.file))
	f.hub = httptest.NewServer(http.HandlerFunc(f.answer))
	t.Cleanup(func() { f.hub.Close(); f.cdn.Close() })
	return f
}

func (f *fake) answer(w http.ResponseWriter, r *http.Request) {
	if f.list != nil && f.list(w, r) {
		return
	}
	switch {
	case strings.HasPrefix(r.URL.Path, "/api/models/o/m/revision/"):
		type lfs struct {
			SHA256 string `json:"sha256"`
			Size   int    `json:"size"`
		}
		type sibling struct {
			Name string `json:"rfilename"`
			LFS  *lfs   `json:"lfs,omitempty"`
		}
		out := struct {
			SHA      string    `json:"sha"`
			Siblings []sibling `json:"siblings"`
		}{SHA: commitOf, Siblings: []sibling{{Name: "README.md"}}}
		for name, b := range f.files {
			out.Siblings = append(out.Siblings, sibling{name, &lfs{sumOf(b), len(b)}})
		}
		json.NewEncoder(w).Encode(out)
	case strings.HasPrefix(r.URL.Path, "/o/m/resolve/"+commitOf+"/"):
		http.Redirect(w, r, f.cdn.URL+"/"+strings.TrimPrefix(r.URL.Path, "/o/m/resolve/"+commitOf+"/")+"?signature=secret", http.StatusFound)
	default:
		http.NotFound(w, r)
	}
}

func (f *fake) file(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.sent++
	n := f.sent
	f.ranges = append(f.ranges, r.Header.Get("Range"))
	f.tokens = append(f.tokens, r.Header.Get("Authorization"))
	f.mu.Unlock()
	if f.send != nil && f.send(w, r, n) {
		return
	}
	b, ok := f.files[strings.TrimPrefix(r.URL.Path, "/")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("ETag", `"`+sumOf(b)[:8]+`"`)
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(string(b)))
}

// client is a client of the fake whose waits take no time.
func (f *fake) client() (*Client, *[]string) {
	c, err := New(func(name string) string {
		return map[string]string{"HF_ENDPOINT": f.hub.URL, "HF_TOKEN": "hf_secret", "KVRUN_MODELS": f.t.TempDir(), "HF_HOME": f.t.TempDir(), "OLLAMA_MODELS": f.t.TempDir()}[name]
	})
	if err != nil {
		f.t.Fatal(err)
	}
	var said []string
	c.Prefer = []string{"Q4_K_M", "Q8_0"}
	c.Registry, c.Stall = f.hub.URL, 300*time.Millisecond
	c.Say = func(line string) { said = append(said, line) }
	c.wait = func(ctx context.Context, d time.Duration) error {
		said = append(said, fmt.Sprintf("waits %v", d.Round(time.Second)))
		return ctx.Err()
	}
	return c, &said
}

// bring resolves and fetches.
func bring(c *Client, name string) (string, error) {
	n, err := Parse(name)
	if err != nil {
		return "", err
	}
	p, err := c.Resolve(context.Background(), n)
	if err != nil {
		return "", err
	}
	return c.Fetch(context.Background(), p)
}

// whole fails unless a file is what was published, with nothing unfinished beside it.
func whole(t *testing.T, path string, want []byte) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil || string(got) != string(want) {
		t.Fatalf("%s: %d bytes, %v; want %d", path, len(got), err, len(want))
	}
	left, _ := filepath.Glob(path + partSuffix + "*")
	if len(left) > 0 {
		t.Errorf("left beside it: %q", left)
	}
}
