//go:build unix

package main

import (
	"bufio"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestServe runs the program as people do: it listens soon, outlives a client that goes away while
// it is written to, and comes to its end by a signal.
func TestServe(t *testing.T) {
	cmd := exec.Command(buildProgram(t), "serve", "--port", "0", "-n", "20", "--alias", "mine", "-ctk", "q8_0", "-ctv", "q8_0")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	lines, url := bufio.NewScanner(stderr), ""
	for url == "" && lines.Scan() {
		if _, after, ok := strings.Cut(lines.Text(), "listening on "); ok {
			url = after
		}
	}
	t.Logf("listening after %v", time.Since(start))
	go io.Copy(io.Discard, stderr)
	body := func(r *http.Response, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		text, _ := io.ReadAll(r.Body)
		return r.Status + " " + string(text)
	}
	if got := body(http.Get(url + "/v1/models")); !strings.Contains(got, `"mine"`) {
		t.Errorf("models: %s", got)
	}
	ask := func(text string) string {
		return body(http.Post(url+"/v1/completions", "application/json", strings.NewReader(text)))
	}
	for range 10 { // closed while events come
		r, err := http.Post(url+"/v1/completions", "application/json", strings.NewReader(`{"prompt": "KING", "max_tokens": 900, "ignore_eos": true, "stream": true}`))
		if err != nil {
			t.Fatal(err)
		}
		io.ReadFull(r.Body, make([]byte, 100))
		r.Body.Close()
	}
	if got := ask(`{"prompt": "KING", "max_tokens": 4, "model": "mine"}`); !strings.HasPrefix(got, "200 ") || !strings.Contains(got, `"completion_tokens":4`) {
		t.Errorf("after clients went away: %s", got)
	}
	if got := body(http.Get(url + "/v1/kv")); !strings.Contains(got, `"effective":"q8_0"`) || !strings.Contains(got, `"share_of_f16":0.53125`) {
		t.Errorf("kv: %s", got)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 143 {
		t.Errorf("exit %d after SIGTERM, want 143", code)
	}
}

// TestServeRefused: a server that others reach needs keys that cannot be guessed.
func TestServeRefused(t *testing.T) {
	t.Setenv("LLAMA_API_KEY", "")
	t.Setenv("LLAMA_ARG_HOST", "192.0.2.7") // where the line says nothing
	short, none := write(t, "short", "abc\n"), write(t, "none", "\n\n")
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"--host", "0.0.0.0"}, 1, "needs a key"},
		{[]string{"--host", "192.0.2.1"}, 1, "needs a key"},
		{[]string{"--api-key", "abc"}, 2, "want 8 or more"},
		{[]string{"--api-key-file", short}, 2, "want 8 or more"},
		{[]string{"--api-key-file", none}, 2, "no key in it"},
		{[]string{"--port", "70000"}, 2, "want 0 to 65535"},
		{[]string{"-np", "0"}, 2, "--parallel 0"},
		{[]string{"--queue", "0"}, 2, "--queue 0"},
		{nil, 1, "--host 192.0.2.7: others than this machine"},
		{[]string{"--max-body", "1"}, 2, "--max-body 1"},
		{[]string{"--max-bodies", "4096"}, 2, "--max-bodies 4096: want 0, or --max-body, which is 16777216"},
		{[]string{"--tls-key", none}, 2, "--tls-cert and --tls-key go together"},
		{[]string{"--tls-cert", none, "--tls-key", "/dev/zero"}, 2, "--tls-key /dev/zero: more than"},
		{[]string{"--ssl-cert-file", short, "--ssl-key-file", none}, 2, "--tls-cert " + short},
	} {
		code, _, stderr := kvrun("", append([]string{"serve"}, c.args...)...)
		if code != c.code || !strings.Contains(stderr, c.says) || strings.Contains(stderr, "abc") {
			t.Errorf("%q: exit %d, want %d with %q: %s", c.args, code, c.code, c.says, stderr)
		}
	}
}
