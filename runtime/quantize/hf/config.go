package hf

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/kvgen/kvgen/runtime/safetensors"
)

// object is a JSON object whose keys are read one by one. The first error sticks.
type object struct {
	name string // for errors
	keys map[string]jsontext.Value
	err  error
}

// maxConfig is the size of a configuration in bytes. Chat templates are in some.
const maxConfig = 4 << 20

// readObject reads a file of a folder. One that is missing has no keys, if it may be missing.
func readObject(dir, name string, optional bool) (*object, error) {
	text, err := safetensors.ReadText(filepath.Join(dir, name), maxConfig)
	if optional && errors.Is(err, os.ErrNotExist) {
		return &object{name: name}, nil
	}
	if err != nil {
		return nil, err
	}
	return newObject(filepath.Join(dir, name), text)
}

func newObject(name string, text []byte) (*object, error) {
	o := &object{name: name}
	if err := json.Unmarshal(text, &o.keys); err != nil {
		return nil, fmt.Errorf("%s: %.200s", name, err.Error())
	}
	return o, nil
}

func (o *object) fail(format string, args ...any) {
	if o.err == nil {
		o.err = fmt.Errorf(o.name+": "+format, args...)
	}
}

// has reports whether there is a value, and not null.
func (o *object) has(key string) bool {
	text, found := o.keys[key]
	return found && text.Kind() != 'n'
}

// read reads a value, def where there is none.
func read[T any](o *object, key string, def T) T {
	if !o.has(key) {
		return def
	}
	var v T
	if err := json.Unmarshal(o.keys[key], &v); err != nil {
		o.fail("%s is %.40s, want %s", key, o.keys[key], kindOf(v))
		return def
	}
	return v
}

func kindOf(v any) string {
	switch v.(type) {
	case bool:
		return "true or false"
	case string:
		return "a string"
	case int64, float64:
		return "a number"
	}
	return "a list or an object"
}

// inner is an object inside, without keys where there is none.
func (o *object) inner(key string) *object {
	return &object{name: o.name + ": " + key, keys: read(o, key, map[string]jsontext.Value(nil))}
}

// size reads a positive number, def where there is none; without def it is an error.
func (o *object) size(key string, def int64) int64 {
	if !o.has(key) && def == 0 {
		o.fail("%s is missing", key)
	}
	n := read(o, key, def)
	if n < 1 || n > math.MaxInt32 {
		o.fail("%s = %d, allowed: 1 to %d", key, n, math.MaxInt32)
		return 1
	}
	return n
}

// real reads a positive number, as size does.
func (o *object) real(key string, def float64) float64 {
	if !o.has(key) && def == 0 {
		o.fail("%s is missing", key)
	}
	x := read(o, key, def)
	if !(x > 0 && x < math.MaxFloat32) {
		o.fail("%s = %v, want more than 0", key, x)
		return 1
	}
	return x
}

// neutral refuses values of settings that families here do not have.
func (o *object) neutral(values map[string][]string) {
	for _, key := range slices.Sorted(maps.Keys(values)) {
		allowed := values[key]
		if o.has(key) && !slices.Contains(allowed, string(o.keys[key])) {
			o.fail("%s = %.80s is not supported, only %s", key, o.keys[key], allowed[0])
		}
	}
}

// only refuses keys that nobody reads.
func (o *object) only(keys ...string) {
	for _, key := range slices.Sorted(maps.Keys(o.keys)) {
		if o.has(key) && !slices.Contains(keys, key) {
			o.fail("%.40q is not supported", key)
		}
	}
}
