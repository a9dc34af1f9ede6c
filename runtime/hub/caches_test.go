package hub

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func put(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o666); err != nil {
		t.Fatal(err)
	}
}

// TestCacheOfTheHub finds a file that another tool brought, and does not find another that only has
// its name.
func TestCacheOfTheHub(t *testing.T) {
	data := blob(5000)
	f := newFake(t, map[string][]byte{"x-Q4_K_M.gguf": data})
	c, _ := f.client()
	dir := filepath.Join(c.Caches.Hub, "models--o--m")
	put(t, filepath.Join(dir, "refs", "main"), []byte(commitOf))
	link := filepath.Join(dir, "snapshots", commitOf, "x-Q4_K_M.gguf")
	to := func(digest string) {
		put(t, filepath.Join(dir, "blobs", digest), data)
		os.MkdirAll(filepath.Dir(link), 0o777)
		os.Remove(link)
		if err := os.Symlink(filepath.Join("..", "..", "blobs", digest), link); err != nil {
			t.Skip("no symbolic links here:", err)
		}
	}
	to(sumOf(data))
	path, err := bring(c, "o/m")
	if err != nil || path != link || f.sent != 0 {
		t.Errorf("%q, %v, %d requests for the file; want %q", path, err, f.sent, link)
	}
	// Without a network the same file is found, by the name of its revision.
	c.Offline = true
	if path, err := bring(c, "o/m"); err != nil || path != link {
		t.Errorf("offline %q, %v", path, err)
	}
	if _, err := bring(c, "o/m:Q8_0"); err == nil || !strings.Contains(err.Error(), "is not on the disk") {
		t.Errorf("offline, another quantisation: %v", err)
	}
	c.Offline = false
	to(strings.Repeat("0", 64)) // the blob of another file
	if path, err = bring(c, "o/m"); err != nil || path == link || f.sent != 1 {
		t.Errorf("another file is taken: %q, %v", path, err)
	}
	whole(t, path, data)
}

// TestRegistry brings a model of ollama, from the registry and from ollama's own folder.
func TestRegistry(t *testing.T) {
	data := blob(5000)
	media, more := weights, ""
	f := newFake(t, nil)
	f.list = func(w http.ResponseWriter, r *http.Request) bool {
		switch r.URL.Path {
		case "/v2/library/tiny/manifests/1b":
			fmt.Fprintf(w, `{"layers":[%s{"mediaType":%q,"digest":"sha256:%s","size":%d},{"mediaType":"application/vnd.ollama.image.template","digest":"sha256:0","size":9}]}`, more, media, sumOf(data), len(data))
		case "/v2/library/tiny/blobs/sha256:" + sumOf(data):
			w.Write(data)
		default:
			return false
		}
		if r.Header.Get("Authorization") == "" {
			return true
		}
		return true
	}
	c, _ := f.client()
	path, err := bring(c, "tiny:1b")
	if err != nil {
		t.Fatal(err)
	}
	whole(t, path, data)
	if want := filepath.Join(c.Folder, "ollama", "library", "tiny", "1b", "tiny-1b.gguf"); path != want {
		t.Errorf("it lies at %q, want %q", path, want)
	}
	c.Offline = true
	if again, err := bring(c, "tiny:1b"); err != nil || again != path {
		t.Errorf("offline %q, %v", again, err)
	}
	c.Offline = false
	if _, err := bring(c, "tiny:70b"); err == nil || !strings.Contains(err.Error(), "no such model or tag") {
		t.Errorf("a tag that is not there: %v", err)
	}

	other, _ := f.client()
	blobs := filepath.Join(other.Caches.Ollama[0], "blobs", "sha256-"+sumOf(data))
	put(t, blobs, data)
	if path, err := bring(other, "tiny:1b"); err != nil || path != blobs {
		t.Errorf("ollama's own file is not found: %q, %v", path, err)
	}
	put(t, filepath.Join(other.Caches.Ollama[0], "manifests", registry, "library", "tiny", "1b"), fmt.Appendf(nil, `{"layers":[{"mediaType":%q,"digest":"sha256:%s","size":5000}]}`, weights, sumOf(data)))
	other.Offline = true
	if path, err := bring(other, "tiny:1b"); err != nil || path != blobs {
		t.Errorf("offline ollama's own file is not found: %q, %v", path, err)
	}

	for _, test := range []struct{ media, more, want string }{
		{"application/vnd.ollama.image.tensor; name=x", "", "single tensors"},
		{"application/vnd.ollama.image.license", "", "no file of weights"},
		{weights, `{"mediaType":"application/vnd.ollama.image.adapter","digest":"sha256:1","size":1},`, "adapter"},
		{weights, fmt.Sprintf(`{"mediaType":%q,"digest":"sha256:%s","size":1},`, weights, sumOf(nil)), "several files"},
	} {
		media, more = test.media, test.more
		fresh, _ := f.client()
		if _, err := bring(fresh, "tiny:1b"); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s %s: %v, want %q", test.media, test.more, err, test.want)
		}
	}
}

// TestOffline takes what is there when the network is gone, and says so.
func TestOffline(t *testing.T) {
	data := blob(5000)
	f := newFake(t, map[string][]byte{"x-Q8_0.gguf": data})
	c, _ := f.client()
	path, err := bring(c, "o/m")
	if err != nil {
		t.Fatal(err)
	}
	f.hub.Close()
	n, _ := Parse("o/m")
	p, err := c.Resolve(t.Context(), n)
	if err != nil || p.Files[0].Path != path || !strings.Contains(strings.Join(p.Notes, "\n"), "cannot be reached") {
		t.Errorf("%+v, %v", p, err)
	}
	if err := os.Truncate(path, 4000); err != nil {
		t.Fatal(err)
	}
	if p, err := c.Resolve(t.Context(), n); err == nil {
		t.Errorf("a file that was cut is taken: %+v", p)
	}
}

// TestToken sends no token to a mirror without https, and reads it where Hugging Face's programs
// do.
func TestToken(t *testing.T) {
	home := t.TempDir()
	put(t, filepath.Join(home, "token"), []byte("hf_file\n"))
	c, err := New(func(n string) string {
		return map[string]string{"HF_HOME": home, "HF_ENDPOINT": "http://mirror.example", "KVRUN_MODELS": home}[n]
	})
	if err != nil || c.Token != "hf_file" {
		t.Fatalf("token %q, %v", c.Token, err)
	}
	if _, err := c.get(t.Context(), "http://mirror.example/api", nil); err == nil || !strings.Contains(err.Error(), "not https") || strings.Contains(err.Error(), "hf_file") {
		t.Errorf("the token is sent in the open: %v", err)
	}
	for _, bad := range []map[string]string{{"HF_TOKEN": "a b"}, {"HF_ENDPOINT": "mirror"}, {"HF_ENDPOINT": "https://u:p@h"}} {
		if _, err := New(func(n string) string { return bad[n] }); err == nil {
			t.Errorf("%v is taken", bad)
		}
	}
}
