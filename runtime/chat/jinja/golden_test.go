package jinja

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// moment is the time of testdata/golden.py.
var moment = time.Date(2025, 3, 9, 14, 5, 0, 0, time.UTC)

func read(t *testing.T, name string, into any) {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func readVars(t *testing.T, data []byte) *Dict {
	t.Helper()
	v, err := FromJSON(data)
	if err != nil {
		t.Fatal(err)
	}
	return v.(*Dict)
}

// rendered is what a template gives, in the form of the golden files.
func rendered(source string, vars *Dict) (string, error) {
	tmpl, err := Parse(source)
	text := ""
	if err == nil {
		text, err = tmpl.Render(vars, moment)
	}
	switch e, _ := err.(*Error); {
	case err == nil:
		return "=" + text, nil
	case e.Raised:
		return "!" + e.Message, err
	}
	return "?", err
}

// TestExpressions compares expressions and constructs with Python's jinja2.
func TestExpressions(t *testing.T) {
	var want map[string]string
	read(t, "expressions.json", &want)
	if len(want) < 1000 {
		t.Fatalf("%d expressions", len(want))
	}
	data, err := os.ReadFile("testdata/variables.json")
	if err != nil {
		t.Fatal(err)
	}
	for source, w := range want {
		if got, err := rendered(source, readVars(t, data)); got != w {
			t.Errorf("%s\n got %q, %v\nwant %q", source, got, err, w)
		}
	}
}

// TestTemplates compares published templates in conversations with Python's jinja2.
func TestTemplates(t *testing.T) {
	var want map[string]map[string]string
	read(t, "templates.json", &want)
	var conversations map[string]json.RawMessage
	read(t, "conversations.json", &conversations)
	paths, err := filepath.Glob("testdata/templates/*.jinja")
	more, err2 := filepath.Glob("../../../testdata/chat/*.jinja")
	if paths = append(paths, more...); err != nil || err2 != nil || len(paths) < 40 || len(conversations) < 12 {
		t.Fatalf("%d templates, %d conversations, %v, %v", len(paths), len(conversations), err, err2)
	}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".jinja")
		source, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for c, data := range conversations {
			got, err := rendered(string(source), readVars(t, data))
			w, ok := want[name][c]
			if !ok {
				t.Fatalf("%s: what jinja2 gives is missing", name)
			}
			text := got
			if got[0] == '=' {
				sum := sha256.Sum256([]byte(got[1:]))
				got = "=" + hex.EncodeToString(sum[:16])
			}
			if got != w {
				t.Errorf("%s, %s: %q (%v), jinja2 gives another text or error", name, c, text, err)
			}
		}
	}
}
