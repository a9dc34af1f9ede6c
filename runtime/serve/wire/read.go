package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Limits bound what a request may be.
type Limits struct {
	Body  int64 // bytes
	Depth int   // of nested arrays and objects
}

// Default are limits that leave room for a long conversation.
var Default = Limits{Body: 16 << 20, Depth: 64}

// Fields are the members of an object that its struct does not have. A struct embeds it as
//
//	Rest Fields `json:",embed"`
type Fields = map[string]jsontext.Value

// A Field is a member that is known and honoured by doing nothing.
type Field struct {
	Name string
	Only []string // the JSON values that ask for nothing, besides null; nil for any
	Why  string   // other values are refused
}

// Read reads the body of a request, one JSON object, into v. Errors are an *Error.
func (l Limits) Read(w http.ResponseWriter, r *http.Request, v any) error {
	if e := r.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return &Error{Status: http.StatusUnsupportedMediaType, Message: fmt.Sprintf("the body is encoded as %.32q: want plain JSON", e)}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, l.Body))
	var large *http.MaxBytesError
	var refused *Error // by a Budget
	switch {
	case errors.As(err, &refused):
		return refused
	case errors.As(err, &large):
		return &Error{Status: http.StatusRequestEntityTooLarge, Message: fmt.Sprintf("the body has more than %d bytes", l.Body)}
	case err != nil:
		return &Error{Status: http.StatusBadRequest, Message: "the body ended early"}
	}
	return l.Decode(body, v)
}

// Decode is Read of a body that is there.
func (l Limits) Decode(body []byte, v any) error {
	if err := l.check(body); err != nil {
		return err
	}
	err := json.Unmarshal(body, v)
	var meaning *json.SemanticError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &meaning):
		param := Place(meaning.JSONPointer)
		return Invalid(param, "%s: want %s", or(param, "the body"), wanted(meaning.GoType))
	}
	return syntax(err)
}

// check looks at the syntax alone: UTF-8, no name twice in an object, and the depth.
func (l Limits) check(body []byte) error {
	d := jsontext.NewDecoder(bytes.NewReader(body))
	for n := 0; ; n++ {
		t, err := d.ReadToken()
		switch {
		case errors.Is(err, io.EOF) && n > 0:
			return nil
		case errors.Is(err, io.EOF):
			return Invalid("", "the body is empty: want a JSON object")
		case err != nil:
			return syntax(err)
		case n == 0 && t.Kind() != '{':
			return Invalid("", "the body is no JSON object")
		case n > 0 && d.StackDepth() == 0 && t.Kind() != '}', n > 0 && d.StackDepth() == 1 && t.Kind() == '{' && d.StackPointer() == "":
			return Invalid("", "something follows the JSON object")
		case d.StackDepth() > l.Depth:
			return Invalid("", "the body is nested deeper than %d levels", l.Depth)
		}
	}
}

func syntax(err error) error {
	var s *jsontext.SyntacticError
	if !errors.As(err, &s) {
		return Invalid("", "the body is no JSON")
	}
	why := s.Err.Error()
	switch {
	case errors.Is(s.Err, jsontext.ErrDuplicateName):
		why = "the name is there twice"
	case errors.Is(s.Err, io.ErrUnexpectedEOF):
		why = "it ends early"
	}
	return Invalid(Place(s.JSONPointer), "the body is no JSON: byte %d: %.100s", s.ByteOffset, why)
}

// Place is where a value stands, as messages.0.content; long names are cut.
func Place(p jsontext.Pointer) string {
	var keys []string
	for key := range p.Tokens() {
		if len(keys) == 8 {
			break
		}
		keys = append(keys, short(key))
	}
	return strings.Join(keys, ".")
}

// short is a name from a request for a message.
func short(s string) string {
	if len(s) > 64 {
		s = s[:64]
	}
	return strings.Trim(fmt.Sprintf("%+q", s), `"`)
}

func or(s, other string) string {
	if s == "" {
		return other
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
		return "an array"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Int, reflect.Int64, reflect.Int32:
		return "a whole number"
	}
	return "another value"
}

// Check refuses members that are in no list of known, or that ask for something. Prefix is where
// the object stands, "" for the body.
func Check(rest Fields, prefix string, known ...[]Field) error {
	names := make([]string, 0, len(rest))
	for name := range rest {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		f, ok := find(name, known)
		param := prefix + short(name)
		if !ok {
			return &Error{Status: http.StatusBadRequest, Param: param, Code: "unknown_parameter", Message: fmt.Sprintf("%s: this server knows no such field", param)}
		}
		value := string(compact(rest[name]))
		if f.Only == nil || value == "null" || slices.Contains(f.Only, value) {
			continue
		}
		return &Error{Status: http.StatusBadRequest, Param: param, Code: "unsupported_parameter", Message: fmt.Sprintf("%s: %s", param, or(f.Why, "it is not supported here"))}
	}
	return nil
}

func find(name string, known [][]Field) (Field, bool) {
	for _, list := range known {
		for _, f := range list {
			if f.Name == name {
				return f, true
			}
		}
	}
	return Field{}, false
}

func compact(v jsontext.Value) jsontext.Value {
	v = v.Clone()
	if v.Compact() != nil {
		return nil
	}
	return v
}
