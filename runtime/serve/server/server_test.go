package server_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kvgen/kvgen/runtime/serve/host"
	"github.com/kvgen/kvgen/runtime/serve/internal/served"
	"github.com/kvgen/kvgen/runtime/serve/server"
	"github.com/kvgen/kvgen/runtime/serve/wire"
)

const hello = `{"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 3}`

// send is one request to a handler.
func send(t *testing.T, h http.Handler, method, path, body string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, "http://localhost"+path, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
			continue
		}
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// TestKeys lets those in who know a key, and says to others no more than that.
func TestKeys(t *testing.T) {
	var logged bytes.Buffer
	o := server.Options{Keys: server.NewKeys("the first key", "the second key"), Log: func(r server.Request) { fmt.Fprintln(&logged, r) }}
	h := server.Handler(served.Host(t, served.Options{}), o)
	for _, c := range []struct {
		path   string
		header []string
		code   int
	}{
		{"/v1/models", nil, 401},
		{"/v1/models", []string{"Authorization", "Bearer the first"}, 401},
		{"/v1/models", []string{"Authorization", "Bearer "}, 401},
		{"/v1/models", []string{"Authorization", "Basic the first key"}, 401},
		{"/v1/models", []string{"Authorization", "Bearer the first key"}, 200},
		{"/v1/models", []string{"Authorization", "bearer the second key"}, 200},
		{"/v1/models", []string{"X-Api-Key", "the second key"}, 200},
		{"/metrics", nil, 401},
		{"/slots", nil, 401},
		{"/health", nil, 200},
		{"//", nil, 401},
		{"/index.html", nil, 401},
		{"/v1/no/health", nil, 401},
	} {
		w := send(t, h, "GET", c.path, "", c.header...)
		if w.Code != c.code || strings.Contains(w.Body.String(), "first") {
			t.Errorf("%s %q: %d %s", c.path, c.header, w.Code, w.Body)
		}
	}
	if strings.Contains(logged.String(), "key") || !strings.Contains(logged.String(), "/v1/models") {
		t.Errorf("the log has %s", logged.String())
	}
}

// TestNames: a page of a stranger reaches a server without a key by no name and from no origin.
func TestNames(t *testing.T) {
	h := server.Handler(served.Host(t, served.Options{}), server.Options{Loopback: true})
	for host, code := range map[string]int{"localhost:8080": 200, "127.0.0.1": 200, "[::1]:80": 200, "a.localhost": 200, "evil.example": 403, "192.168.0.1:8080": 403, "localhost.evil.example": 403, "": 403} {
		if w := send(t, h, "GET", "/v1/models", "", "Host", host); w.Code != code {
			t.Errorf("%q: %d, want %d", host, w.Code, code)
		}
	}
	for origin, code := range map[string]int{"": 200, "http://localhost": 200, "http://evil.example": 403, "null": 403} {
		if w := send(t, h, "POST", "/v1/chat/completions", hello, "Origin", origin); w.Code != code {
			t.Errorf("origin %q: %d %s, want %d", origin, w.Code, w.Body, code)
		}
	}
}

// TestBodies refuses what is too large, too deep or no JSON before anything is done with it.
func TestBodies(t *testing.T) {
	h := server.Handler(served.Host(t, served.Options{Stopped: true}), server.Options{Limits: wire.Limits{Body: 4096, Depth: 16}})
	deep := strings.Repeat("[", 100) + strings.Repeat("]", 100)
	for body, code := range map[string]int{
		"": 400, "{": 400, "[]": 400, "null": 400, `"text"`: 400, "{} {}": 400, "{}x": 400,
		`{"messages": "` + strings.Repeat("a", 5000) + `"}`: 413,
		`{"messages": ` + deep + `}`:                        400,
		"{\"messages\": \"\xff\xfe\"}":                      400,
		`{"messages": "\ud800"}`:                            400,
		`{"model": "a", "model": "b"}`:                      400,
		`{"temperature": 1e999}`:                            400,
		`{"max_tokens": 99999999999999999999}`:              400,
		`{"max_tokens": 1.5}`:                               400,
		`{"seed": -9223372036854775809}`:                    400,
	} {
		for _, path := range []string{"/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/messages", "/completion", "/tokenize", "/api/chat", "/api/generate"} {
			w := send(t, h, "POST", path, body)
			if w.Code != code || !strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") || w.Body.Len() > 600 {
				t.Errorf("%s %.40q: %d %s, want %d", path, body, w.Code, w.Body, code)
			}
		}
	}
	if w := send(t, h, "POST", "/v1/chat/completions", hello, "Content-Encoding", "gzip"); w.Code != 415 {
		t.Errorf("an encoding: %d", w.Code)
	}
	for _, path := range []string{"/nope", "/v1/chat", "/../etc/passwd", "/v1/models/../../x"} {
		if w := send(t, h, "GET", path, ""); w.Code != 404 && w.Code/100 != 3 {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	if w := send(t, h, "DELETE", "/v1/chat/completions", ""); w.Code != 404 && w.Code != 405 {
		t.Errorf("DELETE: %d", w.Code)
	}
}

// eventually waits for something that others do.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it never came to this: %s", what)
		}
	}
}

// slow is a model whose longest answer takes a minute, however fast the machine is: what a test
// does in the meantime finds it at work.
func slow() { time.Sleep(10 * time.Millisecond) }

// TestBusy tells the one who finds the queue full when to come again.
func TestBusy(t *testing.T) {
	m := served.Host(t, served.Options{Size: 1024, Sequences: 1, Queue: 1, Pace: slow})
	h := server.Handler(m, server.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	var others sync.WaitGroup
	defer others.Wait()
	defer cancel()
	for range 2 {
		others.Go(func() {
			r := httptest.NewRequestWithContext(ctx, "POST", "/v1/completions", strings.NewReader(endless))
			h.ServeHTTP(httptest.NewRecorder(), r)
		})
		eventually(t, "a text runs", func() bool { return m.Scheduler.Stats().Running == 1 })
	}
	eventually(t, "a text waits", func() bool { return m.Scheduler.Stats().Waiting == 1 })
	for path, body := range map[string]string{"/v1/chat/completions": hello, "/v1/messages": hello, "/completion": `{"prompt": "a"}`, "/v1/responses": `{"input": "a"}`} {
		w := send(t, h, "POST", path, body)
		if w.Code != 429 || w.Header().Get("Retry-After") == "" || w.Header().Get("Retry-After") == "0" {
			t.Errorf("%s: %d %s, Retry-After %q", path, w.Code, w.Body, w.Header().Get("Retry-After"))
		}
	}
}

// listen serves a model on a port, until the test ends or stop is called.
func listen(t *testing.T, m *host.Host, o server.Options) (address string, stop func() error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx, l, server.Handler(m, o), o) }()
	var once sync.Once
	stop = func() (err error) {
		once.Do(func() {
			cancel()
			err = <-done
		})
		return err
	}
	t.Cleanup(func() { stop() })
	return l.Addr().String(), stop
}

// dial sends a request and leaves the connection open.
func dial(t *testing.T, address, text string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	return c
}

func post(path, body string) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body)
}

// endless is an answer that takes all positions of a text.
const endless = `{"prompt": "KING", "max_tokens": 100000, "ignore_eos": true, "stream": true}`

// TestDisconnect: a client that goes away, or closes its side, has its text given up, and the
// place is another's.
func TestDisconnect(t *testing.T) {
	m := served.Host(t, served.Options{Size: 1024, Sequences: 1, Pace: slow})
	address, _ := listen(t, m, server.Options{})
	for i, leave := range []func(c net.Conn){func(c net.Conn) { c.Close() }, func(c net.Conn) { c.(*net.TCPConn).CloseWrite() }} {
		c := dial(t, address, post("/v1/completions", endless))
		if _, err := bufio.NewReader(c).ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		before := m.Scheduler.Stats()
		if before.Running != 1 {
			t.Fatalf("%+v", before)
		}
		leave(c)
		eventually(t, "the text is given up", func() bool { return m.Scheduler.Stats().GivenUp == uint64(i+1) })
		if s := m.Scheduler.Stats(); s.Running != 0 || s.Finished != 0 {
			t.Errorf("%+v", s)
		}
	}
}

// TestSlow closes connections that do not say what they want, and leaves nothing behind.
func TestSlow(t *testing.T) {
	m := served.Host(t, served.Options{})
	address, stop := listen(t, m, server.Options{Timeout: 200 * time.Millisecond})
	before := runtime.NumGoroutine()
	for _, text := range []string{"", "POST /v1/chat/completions HTTP/1.1\r\nHost: local", "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{\"mess"} {
		c := dial(t, address, text)
		c.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := io.ReadAll(c); err != nil {
			t.Errorf("%.40q: the connection stays open: %v", text, err)
		}
	}
	large := dial(t, address, "GET /health HTTP/1.1\r\nHost: localhost\r\nX-Large: ")
	go io.WriteString(large, strings.Repeat("a", 1<<20)+"\r\n\r\n")
	large.SetReadDeadline(time.Now().Add(10 * time.Second))
	if line, err := bufio.NewReader(large).ReadString('\n'); err == nil && !strings.Contains(line, "431") {
		t.Errorf("a header of 1 MiB: %q", line)
	}
	large.Close()
	eventually(t, "all goroutines end", func() bool { return runtime.NumGoroutine() <= before+1 })
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// TestEnd: what runs may come to its end, what takes too long is told that the server stops, and
// nobody is let in.
func TestEnd(t *testing.T) {
	for name, c := range map[string]struct {
		grace time.Duration
		path  string
		body  string
		says  string
		not   string
	}{
		"in time":              {time.Minute, "/v1/completions", `{"prompt": "KING", "max_tokens": 40, "ignore_eos": true, "stream": true}`, "[DONE]", "stopping"},
		"too long":             {50 * time.Millisecond, "/v1/completions", endless, "the server is stopping", "[DONE]"},
		"too long, llama.cpp":  {50 * time.Millisecond, "/completion", `{"prompt": "KING", "n_predict": 900, "ignore_eos": true, "stream": true}`, "the server is stopping", `"stop":true`},
		"too long, a response": {50 * time.Millisecond, "/v1/responses", `{"input": "KING", "max_output_tokens": 900, "ignore_eos": true, "stream": true}`, "the server is stopping", "response.completed"},
		"too long, ollama":     {50 * time.Millisecond, "/api/generate", `{"model": "tiny", "prompt": "KING", "options": {"num_predict": 900}}`, "the server is stopping", `"done":true`},
	} {
		t.Run(name, func(t *testing.T) {
			o := served.Options{Size: 1024, Sequences: 1}
			if c.grace < time.Second {
				o.Pace = slow
			}
			m := served.Host(t, o)
			address, stop := listen(t, m, server.Options{Grace: c.grace})
			conn := dial(t, address, post(c.path, c.body))
			r := bufio.NewReader(conn)
			if _, err := r.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			if err := stop(); err != nil {
				t.Error(err)
			}
			rest, _ := io.ReadAll(r)
			if !strings.Contains(string(rest), c.says) || strings.Contains(string(rest), c.not) {
				t.Errorf("the end of the answer: %s", rest[max(0, len(rest)-600):])
			}
			if took := time.Since(start); took > 15*time.Second {
				t.Errorf("the end took %v", took)
			}
			if c, err := net.Dial("tcp", address); err == nil {
				c.Close()
				t.Error("the server still listens")
			}
		})
	}
}

// FuzzRequest gives every path that takes a body anything at all. The answer is JSON and never a
// failure of the server.
func FuzzRequest(f *testing.F) {
	paths := []string{"/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/messages", "/v1/messages/count_tokens", "/completion", "/tokenize", "/detokenize", "/apply-template", "/api/chat", "/api/generate", "/api/show"}
	for i, body := range []string{
		hello, `{"prompt": ["a", "b"], "max_tokens": 2, "n": 2, "logprobs": 1, "stream": true}`, `{"input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "a"}]}], "max_output_tokens": 2, "stream": true}`,
		`{"max_tokens": 2, "system": [{"type": "text", "text": "s"}], "messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}]}`,
		`{"messages": [{"role": "user", "content": "a"}]}`, `{"prompt": [1, 2], "n_predict": 2, "json_schema": {"type": "integer"}}`, `{"content": "a", "with_pieces": true}`, `{"tokens": [1, 2]}`,
		`{"messages": [{"role": "user", "content": "a"}], "chat_template_kwargs": {"enable_thinking": false}}`, `{"model": "tiny", "messages": [{"role": "user", "content": "a"}], "options": {"num_predict": 2}}`,
		`{"model": "tiny", "prompt": "a", "options": {"num_predict": 2, "stop": ["x"]}, "format": "json"}`, `{"model": "tiny"}`,
	} {
		f.Add(i, body)
	}
	f.Add(0, `{"messages": [{"role": "user", "content": "a"}], "max_tokens": 1, "response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "array", "items": {"enum": [1, null]}}}}}`)
	f.Add(0, `{"messages": [{"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{"}}]}, {"role": "tool", "content": "x", "tool_call_id": "a"}], "max_tokens": 1}`)
	m := served.Host(f, served.Options{Size: 48, Queue: 64})
	m.Limit = 2
	h := server.Handler(m, server.Options{Limits: wire.Limits{Body: 1 << 16, Depth: 32}})
	f.Fuzz(func(t *testing.T, path int, body string) {
		r := httptest.NewRequestWithContext(t.Context(), "POST", paths[uint(path)%uint(len(paths))], strings.NewReader(body))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code >= 500 || w.Body.Len() == 0 {
			t.Errorf("%s %q: %d %s", r.URL.Path, body, w.Code, w.Body)
		}
	})
}
