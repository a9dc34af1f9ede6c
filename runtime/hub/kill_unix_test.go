//go:build unix

package hub

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestKill ends a process that downloads by kill -9, three times, and goes on each time where it
// was.
func TestKill(t *testing.T) {
	if folder := os.Getenv("HUB_TEST_FOLDER"); folder != "" { // the process that is killed
		c, err := New(os.Getenv)
		if err != nil {
			t.Fatal(err)
		}
		c.Folder = folder
		_, err = bring(c, "o/m")
		t.Fatal("the download ended: ", err)
	}
	data := blob(8 << 20)
	f := newFake(t, map[string][]byte{"x.gguf": data})
	c, _ := f.client()
	reached := make(chan bool, 1)
	f.send = func(w http.ResponseWriter, r *http.Request, n int) bool {
		if n > 3 {
			return false
		}
		defer func() { recover() }()
		time.AfterFunc(100*time.Millisecond, func() { reached <- true })
		w.Header().Set("Content-Length", "8388608")
		from := (n - 1) << 20
		if n > 1 {
			if got := r.Header.Get("Range"); got != "bytes="+[]string{"", "", "1048576", "2097152"}[n]+"-" {
				t.Errorf("process %d asks for %q", n, got)
			}
			w.Header().Set("Content-Length", []string{"", "", "7340032", "6291456"}[n])
			w.Header().Set("Content-Range", "bytes "+[]string{"", "", "1048576", "2097152"}[n]+"-8388607/8388608")
			w.WriteHeader(http.StatusPartialContent)
		}
		w.Write(data[from : from+1<<20])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		return true
	}
	for range 3 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKill$")
		cmd.Env = append(os.Environ(), "HUB_TEST_FOLDER="+c.Folder, "HF_ENDPOINT="+f.hub.URL)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		<-reached
		part := filepath.Join(c.Folder, "hf", "o", "m", "x.gguf"+partSuffix)
		want := int64(f.sent) << 20
		for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			if info, err := os.Stat(part); err == nil && info.Size() == want {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("the part does not reach %d bytes", want)
			}
		}
		cmd.Process.Kill()
		cmd.Wait()
	}
	path, err := bring(c, "o/m")
	if err != nil {
		t.Fatal(err)
	}
	whole(t, path, data)
	if got := f.ranges[len(f.ranges)-1]; got != "bytes=3145728-" {
		t.Errorf("the last asks for %q", got)
	}
	if strings.Contains(strings.Join(f.tokens, ""), "secret") {
		t.Error("a token was sent")
	}
}
