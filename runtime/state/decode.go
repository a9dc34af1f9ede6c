package state

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Mistake is an error in a text, with its place.
type Mistake struct {
	Line, Column int    // from 1
	Keys         string // the keys that lead there; empty for none
	Err          error
}

func (m *Mistake) Error() string {
	if m.Keys != "" {
		return fmt.Sprintf("line %d, column %d: %s: %v", m.Line, m.Column, m.Keys, m.Err)
	}
	return fmt.Sprintf("line %d, column %d: %v", m.Line, m.Column, m.Err)
}

func (m *Mistake) Unwrap() error { return m.Err }

// Decode reads text, one JSON value in UTF-8, into v. It is an error, a *Mistake, if a key is not
// in v or is there twice, or if a value is null or of another kind. The values of the keys nullable
// may be null.
func Decode(text []byte, v any, nullable ...string) error {
	if at, ok := invalid(text); ok {
		return place(text, int64(at), "", errors.New("this is not UTF-8"))
	}
	d := jsontext.NewDecoder(bytes.NewReader(text))
	for first := true; ; first = false {
		t, err := d.ReadToken()
		switch {
		case errors.Is(err, io.EOF) && first:
			return place(text, int64(len(text)), "", errors.New("there is nothing here"))
		case errors.Is(err, io.EOF):
			return decode(text, v)
		case err != nil:
			return syntax(text, err)
		case t.Kind() == 'n' && !slices.Contains(nullable, d.StackPointer().LastToken()):
			return place(text, d.InputOffset()-4, d.StackPointer(), errors.New("it is null; leave the key out"))
		}
	}
}

// invalid finds the first byte that is not UTF-8.
func invalid(text []byte) (at int, ok bool) {
	for at < len(text) {
		r, n := utf8.DecodeRune(text[at:])
		if r == utf8.RuneError && n == 1 {
			return at, true
		}
		at += n
	}
	return 0, false
}

func decode(text []byte, v any) error {
	err := json.Unmarshal(text, v, json.RejectUnknownMembers(true))
	var meaning *json.SemanticError
	if !errors.As(err, &meaning) {
		return syntax(text, err)
	}
	if errors.Is(err, json.ErrUnknownName) {
		return place(text, meaning.ByteOffset, meaning.JSONPointer, errors.New("there is no such key"))
	}
	return place(text, meaning.ByteOffset, meaning.JSONPointer, fmt.Errorf("want %s, not %s", wanted(meaning.GoType), given(meaning)))
}

// syntax puts an error of the syntax in words.
func syntax(text []byte, err error) error {
	var s *jsontext.SyntacticError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &s):
		return place(text, 0, "", fmt.Errorf("no JSON: %.100s", err.Error()))
	case errors.Is(s.Err, jsontext.ErrDuplicateName):
		return place(text, s.ByteOffset, s.JSONPointer, errors.New("the key is there twice"))
	case strings.Contains(s.Err.Error(), "after top-level value"):
		return place(text, s.ByteOffset, "", errors.New("something follows the value"))
	case errors.Is(s.Err, io.ErrUnexpectedEOF):
		return place(text, int64(len(text)), "", errors.New("it ends before its value does"))
	}
	return place(text, s.ByteOffset, s.JSONPointer, fmt.Errorf("no JSON: %.100s", s.Err.Error()))
}

// place makes a Mistake with line, column and the keys that lead there.
func place(text []byte, offset int64, at jsontext.Pointer, err error) error {
	before := text[:min(max(0, int(offset)), len(text))]
	line := 1 + bytes.Count(before, []byte("\n"))
	column := 1 + utf8.RuneCount(before[1+bytes.LastIndexByte(before, '\n'):])
	var keys []string
	for key := range at.Tokens() {
		if len(keys) == 8 {
			keys = append(keys, "...")
			break
		}
		keys = append(keys, Short(key))
	}
	return &Mistake{line, column, strings.Join(keys, "."), err}
}

// Short is a text for a message: quoted where it holds more than letters, digits and the like, and
// cut where it is long.
func Short(s string) string {
	const most = 40
	if len(s) > most {
		return fmt.Sprintf("%.40q... (%d bytes)", s, len(s))
	}
	for _, r := range s {
		if !(r == '_' || r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z') {
			return fmt.Sprintf("%q", s)
		}
	}
	return s
}

// wanted names the kind of value that a type takes.
func wanted(t reflect.Type) string {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil {
		return "another value"
	}
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return "base64"
		}
		return "an array"
	case reflect.Float32, reflect.Float64:
		return "a number in its range"
	}
	return "an integer in its range"
}

// given names the kind of value that was there.
func given(e *json.SemanticError) string {
	if len(e.JSONValue) > 0 {
		return fmt.Sprintf("%.40s", e.JSONValue)
	}
	switch e.JSONKind {
	case '"':
		return "a string"
	case '0':
		return "a number"
	case '{':
		return "an object"
	case '[':
		return "an array"
	case 't', 'f':
		return "true or false"
	}
	return "this"
}
