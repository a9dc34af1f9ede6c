package hub

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const big = 3 << 20

// broken sends the bytes from the place asked for, n of them, and breaks the connection.
func broken(w http.ResponseWriter, r *http.Request, b []byte, n int) {
	from := 0
	fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from)
	w.Header().Set("Content-Length", fmt.Sprint(len(b)-from))
	if from > 0 {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(b)-1, len(b)))
		w.WriteHeader(http.StatusPartialContent)
	}
	w.Write(b[from:min(from+n, len(b))])
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

// TestServers brings a file from servers that do what servers do: each case says what is sent
// instead of the right thing, and the error that comes of it, "" where the file comes all the same.
func TestServers(t *testing.T) {
	data := blob(big)
	other := bytes.Clone(data)
	other[big/2] ^= 1
	for _, test := range []struct {
		name string
		list func(w http.ResponseWriter, r *http.Request) bool
		send func(w http.ResponseWriter, r *http.Request, n int) bool
		want string // the error
		said string // among what the user is told
		sent int    // requests for the file, 0 for any number
	}{
		{name: "as it should be", sent: 1},
		{name: "it breaks off, three times", sent: 4, said: "attempt 2 of 8", send: func(w http.ResponseWriter, r *http.Request, n int) bool {
			if n <= 3 {
				broken(w, r, data, 500_000)
			}
			return false
		}},
		{name: "it ends early without breaking", send: func(w http.ResponseWriter, r *http.Request, n int) bool {
			if n == 1 {
				w.Write(data[:1000]) // chunked: no length is announced
				w.(http.Flusher).Flush()
			}
			return n == 1
		}, said: "ended at 1000 bytes"},
		{name: "it breaks off without a byte for ever", want: "given up after 8 attempts", sent: 8, send: func(w http.ResponseWriter, r *http.Request, n int) bool {
			panic(http.ErrAbortHandler)
		}},
		{name: "it knows no ranges", said: "from the start", send: func(w http.ResponseWriter, r *http.Request, n int) bool {
			if n == 1 {
				broken(w, r, data, 500_000)
			}
			w.Write(data)
			return true
		}},
		{name: "a range that was not asked for", said: "begins again", sent: 3, send: func(w http.ResponseWriter, r *http.Request, n int) bool {
			switch n {
			case 1:
				broken(w, r, data, 500_000)
			case 2:
				w.Header().Set("Content-Range", fmt.Sprintf("bytes 5-%d/%d", big-1, big))
				w.WriteHeader(http.StatusPartialContent)
				w.Write(data[5:])
				return true
			}
			return false
		}},
		{name: "a range of another file", want: "announced", send: func(w http.ResponseWriter, r *http.Request, n int) bool {
			w.Header().Set("Content-Length", "77")
			w.Write(append([]byte("GGUF"), make([]byte, 73)...))
			return true
		}},
		{name: "no such range", said: "begins again", send: func(w http.ResponseWriter, r *http.Request, n int) bool {
			switch n {
			case 1:
				broken(w, r, data, 500_000)
			case 2:
				w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
				return true
			}
			return false
		}},
		{name: "a wrong bit, once", said: "SHA-256", sent: 2, send: func(w http.ResponseWriter, r *http.Request, n int) bool {
			if n == 1 {
				w.Write(other)
			}
			return n == 1
		}},
		{name: "a wrong bit, always", want: "announced was " + sumOf(data), sent: 3, send: func(w http.ResponseWriter, r *http.Request, n int) bool {
			w.Write(other)
			return true
		}},
		{name: "more than was announced", want: "sends more than 3 MB", send: func(w http.ResponseWriter, r *http.Request, n int) bool {
			w.Write(data)
			w.(http.Flusher).Flush()
			w.Write(data)
			return true
		}},
		{name: "busy, with a time", said: "waits 7s", sent: 3, send: func(w http.ResponseWriter, r *http.Request, n int) bool {
			if n < 3 {
				w.Header().Set("Retry-After", "7")
				w.WriteHeader(http.StatusTooManyRequests)
			}
			return n < 3
		}},
		{name: "busy, with a date", said: "429", sent: 2, send: func(w http.ResponseWriter, r *http.Request, n int) bool {
			if n < 2 {
				w.Header().Set("Retry-After", time.Now().Add(5*time.Second).UTC().Format(http.TimeFormat))
				w.WriteHeader(http.StatusTooManyRequests)
			}
			return n < 2
		}},
		{name: "busy until tomorrow", want: "come back after 24h", sent: 1, send: func(w http.ResponseWriter, r *http.Request, n int) bool {
			w.Header().Set("Retry-After", "86400")
			w.WriteHeader(http.StatusTooManyRequests)
			return true
		}},
		{name: "out of order for a while", sent: 4, send: func(w http.ResponseWriter, r *http.Request, n int) bool {
			if n < 4 {
				w.WriteHeader(http.StatusBadGateway)
			}
			return n < 4
		}},
		{name: "it stops sending", said: "nothing came for", sent: 2, send: func(w http.ResponseWriter, r *http.Request, n int) bool {
			if n == 1 {
				w.Header().Set("Content-Length", fmt.Sprint(big))
				w.Write(data[:1000])
				w.(http.Flusher).Flush()
				<-r.Context().Done()
			}
			return n == 1
		}},
		{name: "it is slow", sent: 1, send: func(w http.ResponseWriter, r *http.Request, n int) bool {
			w.Header().Set("Content-Length", fmt.Sprint(big))
			for i := 0; i < big; i += big / 16 {
				w.Write(data[i : i+big/16])
				w.(http.Flusher).Flush()
				time.Sleep(50 * time.Millisecond) // longer in all than a connection may be silent
			}
			return true
		}},
		{name: "it points in a circle", want: "points on more than", send: func(w http.ResponseWriter, r *http.Request, n int) bool {
			http.Redirect(w, r, r.URL.Path, http.StatusFound)
			return true
		}},
		{name: "it points out of the web", want: "no web address", send: func(w http.ResponseWriter, r *http.Request, n int) bool {
			w.Header().Set("Location", "file:///etc/hostname")
			w.WriteHeader(http.StatusFound)
			return true
		}},
		{name: "a page that asks for a login", want: "sends a page for a browser", send: func(w http.ResponseWriter, r *http.Request, n int) bool {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.Write(bytes.Repeat([]byte(" "), big))
			return true
		}},
		{name: "something else", want: "it is no GGUF file", send: func(w http.ResponseWriter, r *http.Request, n int) bool {
			w.Write(bytes.Repeat([]byte("PK\x03\x04"), big/4))
			return true
		}},
		{name: "packed", want: "packed (gzip)", send: func(w http.ResponseWriter, r *http.Request, n int) bool {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write([]byte{0x1f, 0x8b})
			return true
		}},
		{name: "it forbids the file", want: "the token may not read it", send: func(w http.ResponseWriter, r *http.Request, n int) bool {
			w.WriteHeader(http.StatusForbidden)
			return true
		}, sent: 1},
		{name: "it forbids the repository", want: "the token may not read it", list: func(w http.ResponseWriter, r *http.Request) bool {
			w.WriteHeader(http.StatusForbidden)
			return true
		}},
		{name: "no such repository", want: "no such repository", list: func(w http.ResponseWriter, r *http.Request) bool {
			http.NotFound(w, r)
			return true
		}},
		{name: "a list that is none", want: "not what this service gives", list: func(w http.ResponseWriter, r *http.Request) bool {
			io.WriteString(w, "<html>")
			return true
		}},
		{name: "a list without an end", want: "more than 32 MiB", list: func(w http.ResponseWriter, r *http.Request) bool {
			page := []byte(strings.Repeat(" ", 1<<20))
			for i := 0; i < 40; i++ {
				w.Write(page)
			}
			return true
		}},
		{name: "a file outside of its folder", want: "holds no GGUF file", list: func(w http.ResponseWriter, r *http.Request) bool {
			fmt.Fprintf(w, `{"sha":%q,"siblings":[{"rfilename":"../../x.gguf","lfs":{"sha256":%q,"size":9}}]}`, commitOf, sumOf(data))
			return true
		}},
		{name: "a file as long as a disk", want: "from 1 to", list: func(w http.ResponseWriter, r *http.Request) bool {
			fmt.Fprintf(w, `{"sha":%q,"siblings":[{"rfilename":"x.gguf","lfs":{"sha256":%q,"size":9000000000000000000}}]}`, commitOf, sumOf(data))
			return true
		}},
		{name: "a checksum that is none", want: "is none", list: func(w http.ResponseWriter, r *http.Request) bool {
			fmt.Fprintf(w, `{"sha":%q,"siblings":[{"rfilename":"x.gguf","lfs":{"sha256":"../x","size":9}}]}`, commitOf)
			return true
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, map[string][]byte{"x-Q4_K_M.gguf": data})
			if f.send = test.send; test.list != nil {
				f.list = func(w http.ResponseWriter, r *http.Request) bool {
					return strings.HasPrefix(r.URL.Path, "/api/") && test.list(w, r)
				}
			}
			c, said := f.client()
			path, err := bring(c, "o/m")
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Fatalf("error %v, want %q; said %q", err, test.want, *said)
			}
			if err == nil {
				whole(t, path, data)
			} else {
				if strings.Contains(err.Error(), "secret") {
					t.Errorf("the error shows a secret: %v", err)
				}
				if found, _ := filepath.Glob(filepath.Join(c.Folder, "hf", "o", "m", "*.gguf")); len(found) > 0 {
					t.Errorf("a file has its name: %q", found)
				}
			}
			if all := strings.Join(*said, "\n"); !strings.Contains(all, test.said) || strings.Contains(all, "secret") {
				t.Errorf("said %q, want %q and no secret", all, test.said)
			}
			if test.sent > 0 && f.sent != test.sent {
				t.Errorf("%d requests for the file, want %d", f.sent, test.sent)
			}
			for _, token := range f.tokens {
				if token != "" {
					t.Errorf("the token reached another host: %q", token)
				}
			}
		})
	}
}

// TestResume ends a download after a part and goes on in another client, as after a crash.
func TestResume(t *testing.T) {
	data := blob(big)
	f := newFake(t, map[string][]byte{"x-Q4_K_M.gguf": data})
	f.send = func(w http.ResponseWriter, r *http.Request, n int) bool {
		if n == 1 {
			broken(w, r, data, 1_000_000)
		}
		return false
	}
	c, _ := f.client()
	c.Attempts = 1
	if _, err := bring(c, "o/m"); err == nil {
		t.Fatal("a broken connection is no error where one attempt is allowed")
	}
	next, said := f.client()
	next.Folder = c.Folder
	path, err := bring(next, "o/m")
	if err != nil {
		t.Fatal(err)
	}
	whole(t, path, data)
	if got := f.ranges[len(f.ranges)-1]; !strings.HasPrefix(got, "bytes=") || got == "bytes=0-" || !strings.Contains(strings.Join(*said, "\n"), "goes on at") {
		t.Errorf("asked for %q, said %q", got, *said)
	}
	if _, err := bring(next, "o/m"); err != nil || f.sent != 2 {
		t.Errorf("a file that is there is brought again: %v, %d requests", err, f.sent)
	}
	// Another file of the same name is published: what is there of the old one is of no use.
	data2 := blob(big + 9)
	f.files["x-Q4_K_M.gguf"] = data2
	if path, err = bring(next, "o/m"); err != nil {
		t.Fatal(err)
	}
	whole(t, path, data2)
}

// TestSpace refuses before the first byte where the disk is too small.
func TestSpace(t *testing.T) {
	f := newFake(t, map[string][]byte{"x.gguf": blob(big)})
	c, _ := f.client()
	c.free = func(string) (int64, error) { return spare + big - 1, nil }
	if _, err := bring(c, "o/m"); err == nil || !strings.Contains(err.Error(), "make room") || f.sent != 0 {
		t.Errorf("error %v after %d requests", err, f.sent)
	}
	c.free = func(string) (int64, error) { return spare + big, nil }
	if _, err := bring(c, "o/m"); err != nil {
		t.Error(err)
	}
}

// TestSplit brings all files of a split model beside each other.
func TestSplit(t *testing.T) {
	files := map[string][]byte{
		"Q8_0/x-00001-of-00002.gguf": blob(1000), "Q8_0/x-00002-of-00002.gguf": blob(2000),
		"mmproj-Q8_0.gguf": blob(10), "y-Q2_K-00001-of-00002.gguf": blob(10),
	}
	f := newFake(t, files)
	c, _ := f.client()
	var done, total int64
	c.Moved = func(d, t int64) { done, total = d, t }
	path, err := bring(c, "o/m:q8_0")
	if err != nil {
		t.Fatal(err)
	}
	whole(t, path, files["Q8_0/x-00001-of-00002.gguf"])
	whole(t, strings.Replace(path, "00001-of", "00002-of", 1), files["Q8_0/x-00002-of-00002.gguf"])
	if done != 3000 || total != 3000 {
		t.Errorf("%d of %d bytes were told", done, total)
	}
	if _, err := bring(c, "o/m:Q2_K"); err == nil || !strings.Contains(err.Error(), "00002-of-00002.gguf is missing") {
		t.Errorf("a split model of which a file is missing: %v", err)
	}
	if _, err := bring(c, "o/m:Q5_K_M"); err == nil || !strings.Contains(err.Error(), "the repository has Q8_0, Q2_K") {
		t.Errorf("a quantisation that is not there: %v", err)
	}
}

// TestTwoAtOnce brings a file twice at the same time: it is sent once.
func TestTwoAtOnce(t *testing.T) {
	data := blob(big)
	f := newFake(t, map[string][]byte{"x.gguf": data})
	f.send = func(w http.ResponseWriter, r *http.Request, n int) bool {
		time.Sleep(200 * time.Millisecond)
		return false
	}
	c, _ := f.client()
	other, _ := f.client()
	other.Folder, other.wait = c.Folder, sleep
	c.wait = sleep
	errs := make(chan error)
	for _, c := range []*Client{c, other} {
		go func() { _, err := bring(c, "o/m"); errs <- err }()
	}
	for range 2 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if f.sent != 1 {
		t.Errorf("%d requests for the file", f.sent)
	}
}

// TestAddress brings a file whose publisher says nothing of it, and its parts.
func TestAddress(t *testing.T) {
	data := blob(big)
	f := newFake(t, map[string][]byte{"a/x-00001-of-00002.gguf": data, "a/x-00002-of-00002.gguf": blob(500)})
	f.send = func(w http.ResponseWriter, r *http.Request, n int) bool {
		if n == 1 {
			broken(w, r, data, 1_000_000)
		}
		return false
	}
	c, said := f.client()
	path, err := bring(c, f.cdn.URL+"/a/x-00001-of-00002.gguf?token=secret")
	if err != nil {
		t.Fatal(err)
	}
	whole(t, path, data)
	if all := strings.Join(*said, "\n"); !strings.Contains(all, "nobody says its SHA-256") || strings.Contains(all, "secret") {
		t.Errorf("said %q", all)
	}
	if b, err := os.ReadFile(path + noteSuffix); err != nil || bytes.Contains(b, []byte("secret")) || !bytes.Contains(b, []byte(sumOf(data))) {
		t.Errorf("the note: %s, %v", b, err)
	}
	if n := f.sent; true {
		if _, err := bring(c, f.cdn.URL+"/a/x-00001-of-00002.gguf?token=secret"); err != nil || f.sent != n {
			t.Errorf("what is there is brought again: %v", err)
		}
	}
}
