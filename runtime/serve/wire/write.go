package wire

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// patience is how long a client may take to read what it is sent before it is given up.
const patience = 30 * time.Second

// Hurry gives a client that long from now to read what it is sent next.
func Hurry(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(patience))
}

// JSON answers with v.
func JSON(w http.ResponseWriter, status int, v any) {
	data, err := marshal(v)
	if err != nil {
		status, data = http.StatusInternalServerError, []byte(`{"error":"the answer is no JSON"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(data)+1))
	Hurry(w)
	w.WriteHeader(status)
	w.Write(append(data, '\n'))
}

// marshal is v as JSON in UTF-8: bytes of a text that are none become the replacement character.
func marshal(v any) ([]byte, error) {
	return json.Marshal(v, jsontext.AllowInvalidUTF8(true), json.Deterministic(true))
}

// RetryAfter sets the header of an Error that may be tried again.
func RetryAfter(w http.ResponseWriter, e *Error) {
	if e.Retry > 0 {
		seconds := int((e.Retry + time.Second - 1) / time.Second)
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
	}
}

// A Stream sends values as they come. It is safe for several goroutines.
type Stream struct {
	mu    sync.Mutex
	w     http.ResponseWriter
	c     *http.ResponseController
	ping  []byte
	every time.Duration
	timer *time.Timer
	begun bool
	ended bool
	err   error
}

// Events begins a stream of server-sent events. While nothing is sent for a time, a comment keeps
// the connection open. Close it.
func Events(w http.ResponseWriter, ping time.Duration) *Stream {
	return newStream(w, "text/event-stream", []byte(": ping\n\n"), ping)
}

// NamedEvents is Events whose pings are events of the name ping, as Anthropic's API has them.
func NamedEvents(w http.ResponseWriter, ping time.Duration) *Stream {
	return newStream(w, "text/event-stream", []byte("event: ping\ndata: {\"type\":\"ping\"}\n\n"), ping)
}

// Lines begins a stream of JSON values, a line each.
func Lines(w http.ResponseWriter) *Stream {
	return newStream(w, "application/x-ndjson", nil, 0)
}

func newStream(w http.ResponseWriter, kind string, ping []byte, every time.Duration) *Stream {
	s := &Stream{w: w, c: http.NewResponseController(w), ping: ping, every: every}
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // of proxies
	if every > 0 && ping != nil {
		s.timer = time.AfterFunc(every, s.keep)
	}
	return s
}

// keep sends a ping.
func (s *Stream) keep() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || s.err != nil {
		return
	}
	s.put(s.ping)
	s.timer.Reset(s.every)
}

// Event sends v as an event of a name, "" for none.
func (s *Stream) Event(name string, v any) error {
	data, err := marshal(v)
	if err != nil {
		return err
	}
	return s.raw(name, data)
}

// Text sends an event whose data is a text.
func (s *Stream) Text(text string) error { return s.raw("", []byte(text)) }

func (s *Stream) raw(name string, data []byte) error {
	var b []byte
	if name != "" {
		b = append(append(append(b, "event: "...), name...), '\n')
	}
	b = append(append(append(b, "data: "...), data...), "\n\n"...)
	return s.send(b)
}

// Line sends v as a line.
func (s *Stream) Line(v any) error {
	data, err := marshal(v)
	if err != nil {
		return err
	}
	return s.send(append(data, '\n'))
}

func (s *Stream) send(b []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return http.ErrHandlerTimeout
	}
	if s.timer != nil {
		s.timer.Reset(s.every)
	}
	s.put(b)
	return s.err
}

func (s *Stream) put(b []byte) {
	if s.err != nil {
		return
	}
	if !s.begun {
		s.begun = true
		s.w.WriteHeader(http.StatusOK)
	}
	_ = s.c.SetWriteDeadline(time.Now().Add(patience))
	if _, s.err = s.w.Write(b); s.err == nil {
		s.err = s.c.Flush()
	}
}

// Begun says whether anything was sent, so that no other status can be.
func (s *Stream) Begun() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.begun
}

// Close ends the stream.
func (s *Stream) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	if s.timer != nil {
		s.timer.Stop()
	}
}
