package state

import (
	"strings"
	"testing"
)

type shape struct {
	Name  string           `json:"name"`
	Count *int             `json:"count"`
	Parts map[string]shape `json:"parts"`
	List  []float32        `json:"list"`
	Data  []byte           `json:"data"`
}

func TestDecode(t *testing.T) {
	var s shape
	if err := Decode([]byte(` {"name": "é", "parts": {"a": {"count": 3, "data": "AAE="}}, "list": [1, 2.5]} `+"\n"), &s); err != nil || s.Name != "é" || *s.Parts["a"].Count != 3 {
		t.Fatal(s, err)
	}
	for text, says := range map[string]string{
		``:                                       "line 1, column 1: there is nothing here",
		`null`:                                   "line 1, column 1: it is null",
		"{\n \"parts\": {\"a\": null}}":          "line 2, column 17: parts.a: it is null",
		`{"name": "a", "name": "b"}`:             "name: the key is there twice",
		`{"parts": {"0": {}, "0": {}}}`:          "parts.0: the key is there twice",
		"{\"name\": \"a\xff\"}":                  "line 1, column 12: this is not UTF-8",
		`{"Name": "a"}`:                          "Name: there is no such key",
		`{"other": 1}`:                           "other: there is no such key",
		`{"name": 7}`:                            "name: want a string, not a number",
		`{"name": {}}`:                           "name: want a string, not an object",
		`{"count": "x"}`:                         `count: want an integer in its range, not a string`,
		`{"count": 1.5}`:                         "count: want an integer in its range, not 1.5",
		`{"count": 1e99}`:                        "count: want an integer in its range, not 1e99",
		`{"list": [1, 1e99]}`:                    "list.1: want a number in its range, not 1e99",
		`{"list": {}}`:                           "list: want an array, not an object",
		`{"data": "!"}`:                          "data: want base64",
		`{"data": [1]}`:                          "data: want base64, not an array",
		`[]`:                                     "want an object, not an array",
		`{"name": "a"`:                           "it ends before its value does",
		`{"name": "a"} {}`:                       "column 15: something follows",
		`{"name": "a"}x`:                         "column 14: no JSON: ",
		`{name: 1}`:                              "no JSON: ",
		"{\n\n  \"name\": nil}":                  "line 3, column ",
		strings.Repeat("[", 1000):                "it ends",
		`{"a` + strings.Repeat("b", 90) + `":1}`: "bbbb\"... (91 bytes): there is no such key",
		"{\"a\x1b\": 1}":                         "no JSON: ",
		`{"a\u001b": 1}`:                         `"a\x1b": there is no such key`,
	} {
		var s shape
		err := Decode([]byte(text), &s)
		if err == nil || !strings.Contains(err.Error(), says) || len(err.Error()) > 300 || strings.Contains(err.Error(), "Go ") || strings.ContainsAny(err.Error(), "\x1b\n") {
			t.Errorf("%.60q: %v, want %q", text, err, says)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"name": "a", "parts": {"x": {"list": [1]}}}`))
	f.Add([]byte(`{"data": "AAE=", "count": -1}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var s shape
		if err := Decode(text, &s); err != nil && (len(err.Error()) > 1000 || !strings.HasPrefix(err.Error(), "line ")) {
			t.Errorf("%q", err)
		}
	})
}

func TestSum(t *testing.T) {
	a, err := Sum(map[string]int{"a": 1, "b": 2})
	if err != nil || len(a) != 32 || a != SumOf([]byte(`{"a":1`), []byte(`,"b":2}`)) {
		t.Error(a, err)
	}
}
