package wire

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// TestCheck refuses members that are not known, and values that ask for something.
func TestCheck(t *testing.T) {
	known := []Field{{Name: "any"}, {Name: "zero", Only: []string{"0"}, Why: "only 0"}, {Name: "never", Only: []string{}}}
	for _, c := range []struct {
		name, value string
		param, code string
	}{
		{"any", `{"a": [1]}`, "", ""},
		{"zero", "0", "", ""},
		{"zero", " 0 ", "", ""},
		{"zero", "null", "", ""},
		{"never", "null", "", ""},
		{"zero", "1", "x.zero", "unsupported_parameter"},
		{"never", "0", "x.never", "unsupported_parameter"},
		{"other", "null", "x.other", "unknown_parameter"},
		{"Any", "1", "x.Any", "unknown_parameter"},
		{strings.Repeat("é", 500), "1", "x." + strings.Repeat(`\u00e9`, 32), "unknown_parameter"},
	} {
		err := Check(Fields{c.name: jsontext.Value(c.value)}, "x.", known)
		if c.code == "" {
			if err != nil {
				t.Errorf("%s %s: %v", c.name, c.value, err)
			}
			continue
		}
		if err == nil || Of(err).Param != c.param || Of(err).Code != c.code || Of(err).Status != 400 {
			t.Errorf("%s %s: %+v", c.name, c.value, err)
		}
	}
}

// TestDecode names the place of a value that is of another kind, and reads nothing that is not
// whole.
func TestDecode(t *testing.T) {
	type inner struct {
		N int `json:"n"`
	}
	var v struct {
		List []inner `json:"list"`
		Rest Fields  `json:",embed"`
	}
	l := Limits{Body: 100, Depth: 4}
	for body, says := range map[string]string{
		`{"list": [{"n": 1}, {"n": "a"}]}`: "list.1.n: want a whole number",
		`{"list": 5}`:                      "list: want an array",
		`{"a": {"b": {"c": {"d": {}}}}}`:   "nested deeper than 4",
		`{"a": 1, "a": 2}`:                 "there twice",
		`{"a": 1`:                          "ends early",
		`{} 1`:                             "follows",
		`[1]`:                              "no JSON object",
		``:                                 "empty",
	} {
		if err := l.Decode([]byte(body), &v); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", body, err, says)
		}
	}
	if err := l.Decode([]byte(`{"list": [{"n": 1}], "other": {"x": [1]}}`), &v); err != nil || v.List[0].N != 1 || string(v.Rest["other"]) != `{"x": [1]}` {
		t.Errorf("%+v, %v", v, err)
	}
}

// TestStream sends events and lines, and keeps a silent stream open.
func TestStream(t *testing.T) {
	w := httptest.NewRecorder()
	s := Events(w, time.Millisecond)
	if s.Begun() {
		t.Error("nothing was sent")
	}
	for end := time.Now().Add(10 * time.Second); !s.Begun() && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	if err := s.Event("name", map[string]string{"text": "a\n\xff"}); err != nil {
		t.Fatal(err)
	}
	s.Text("[DONE]")
	s.Close()
	got := w.Body.String()
	if err := s.Text("late"); err == nil || !strings.HasPrefix(got, ": ping\n\n") || !strings.Contains(got, "event: name\ndata: {\"text\":\"a\\n\ufffd\"}\n\n") || !strings.Contains(got, "data: [DONE]\n\n") {
		t.Errorf("%v: %q", err, got)
	}
	w = httptest.NewRecorder()
	lines := Lines(w)
	lines.Line(1)
	lines.Line("a")
	lines.Close()
	if w.Body.String() != "1\n\"a\"\n" || w.Header().Get("Content-Type") != "application/x-ndjson" {
		t.Errorf("%q", w.Body)
	}
}

// TestRetryAfter rounds up: a client that comes too early is refused again.
func TestRetryAfter(t *testing.T) {
	for wait, want := range map[time.Duration]string{0: "", time.Millisecond: "1", time.Second: "1", 1500 * time.Millisecond: "2"} {
		w := httptest.NewRecorder()
		RetryAfter(w, &Error{Retry: wait})
		if got := w.Header().Get("Retry-After"); got != want {
			t.Errorf("%v: %q, want %q", wait, got, want)
		}
	}
}

// TestClient keeps nothing of a key but that it is another one.
func TestClient(t *testing.T) {
	one := httptest.NewRequest("GET", "/", nil)
	two := httptest.NewRequest("GET", "/", nil)
	two.Header.Set("Authorization", "Bearer secret-key")
	if a, b := Client(one), Client(two); a == b || strings.Contains(b, "secret") || Client(two) != b {
		t.Errorf("%q, %q", a, b)
	}
}

// TestOneClient: a key is one client, whatever else a request says and wherever it comes from.
func TestOneClient(t *testing.T) {
	from := func(address string, header ...string) string {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = address
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		return Client(r)
	}
	want := from("10.0.0.1:1", "Authorization", "Bearer one")
	for _, got := range []string{
		from("10.0.0.2:9", "Authorization", "Bearer one"), from("10.0.0.1:1", "Authorization", "bearer  one "), from("10.0.0.1:1", "X-Api-Key", "one"),
		from("10.0.0.1:1", "Authorization", "Bearer one", "X-Api-Key", "another"), from("10.0.0.1:1", "Authorization", "Basic another", "X-Api-Key", "one"),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if a, b, c := from("10.0.0.1:1"), from("10.0.0.1:2"), from("10.0.0.2:1"); a != b || a == c || a == want {
		t.Errorf("without a key: %q, %q, %q", a, b, c)
	}
}
