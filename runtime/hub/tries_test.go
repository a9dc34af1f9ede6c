package hub

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
)

// TestNoSecondAttempt asks where another attempt cannot help: there is none, and the error names
// the model once.
func TestNoSecondAttempt(t *testing.T) {
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	for _, test := range []struct{ hub, token, want string }{
		{"http://mirror.example", "hf_x", "not https"},
		{secure.URL, "a\nb", "holds spaces"},
		{secure.URL, "", "certificate"},
	} {
		f := newFake(t, nil)
		c, said := f.client()
		c.Hub, c.Token = test.hub, test.token
		_, err := bring(c, "o/m")
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Count(err.Error(), "hf:o/m") != 1 || len(*said) > 0 {
			t.Errorf("%s: %v; said %q", test.hub, err, *said)
		}
	}
	f := newFake(t, map[string][]byte{"x.gguf": blob(500)})
	c, _ := f.client()
	if _, err := bring(c, "o/m:Q9"); err == nil || strings.Count(err.Error(), "hf:o/m") != 1 {
		t.Errorf("the name is said twice: %v", err)
	}
}

// TestNetworkGone takes what is on the disk after two attempts.
func TestNetworkGone(t *testing.T) {
	f := newFake(t, map[string][]byte{"x.gguf": blob(500)})
	c, said := f.client()
	if _, err := bring(c, "o/m"); err != nil {
		t.Fatal(err)
	}
	f.hub.Close()
	holds(t, c, "o/m", blob(500))
	if waits := strings.Count(strings.Join(*said, "\n"), "waits"); waits != 1 {
		t.Errorf("%d waits for a model that is on the disk", waits)
	}
}

// TestFromTheStart brings from a server that always sends from the first byte and breaks off at
// places that go up and down: it comes no nearer, and is given up.
func TestFromTheStart(t *testing.T) {
	data := blob(big)
	f := newFake(t, map[string][]byte{"x.gguf": data})
	f.send = func(w http.ResponseWriter, r *http.Request, n int) bool {
		w.Header().Set("Content-Length", fmt.Sprint(big))
		w.Write(data[:big/4*(1+n%2)])
		w.(http.Flusher).Flush()
		if n > 100 {
			t.Error("100 requests")
			w.Write(data[big/4*(1+n%2):])
			return true
		}
		panic(http.ErrAbortHandler)
	}
	c, _ := f.client()
	if _, err := bring(c, "o/m"); err == nil || !strings.Contains(err.Error(), "given up after 8 attempts") {
		t.Errorf("%d requests: %v", f.sent, err)
	}
}

// TestShared leaves notes that whoever may read the file may read.
func TestShared(t *testing.T) {
	f := newFake(t, map[string][]byte{"x.gguf": blob(500)})
	c, _ := f.client()
	path, err := bring(c, "o/m")
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if note, err := os.Stat(path + noteSuffix); err != nil || note.Mode() != file.Mode() {
		t.Errorf("the note has mode %v, %v; the file has %v", note.Mode(), err, file.Mode())
	}
}
