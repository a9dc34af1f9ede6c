package gguf

import (
	"errors"
	"fmt"
	"io"
)

// Every getter returns found = false without an error when the key is absent, and an *Error naming
// the key when its value is of another kind or does not fit. Getters of numbers take every kind of
// number, since converters disagree on which to write, as long as the value is exactly the same; an
// f64 is rounded to F32.

// Keys returns the metadata keys in the order of the file.
func (f *File) Keys() []string {
	keys := make([]string, len(f.entries))
	for i := range f.entries {
		keys[i] = f.entries[i].key
	}
	return keys
}

// Kind describes the value of key: the kind of its elements, and how many an array has; -1 for a
// scalar.
func (f *File) Kind(key string) (elem Kind, n int, found bool) {
	i, ok := f.byKey[key]
	switch {
	case !ok:
		return 0, 0, false
	case !f.entries[i].array:
		return f.entries[i].elem, -1, true
	}
	return f.entries[i].elem, int(f.entries[i].n), true
}

// U32 returns an integer in 0..2^32-1.
func (f *File) U32(key string) (v uint32, found bool, err error) {
	return one(f, key, integers[uint32])
}

// U64 returns an integer in 0..2^64-1.
func (f *File) U64(key string) (v uint64, found bool, err error) {
	return one(f, key, integers[uint64])
}

// I32 returns an integer in -2^31..2^31-1.
func (f *File) I32(key string) (v int32, found bool, err error) { return one(f, key, integers[int32]) }

// I64 returns an integer in -2^63..2^63-1.
func (f *File) I64(key string) (v int64, found bool, err error) { return one(f, key, integers[int64]) }

// F32 returns a float; an f64 is rounded.
func (f *File) F32(key string) (v float32, found bool, err error) { return one(f, key, floats) }

// Bool returns a truth value.
func (f *File) Bool(key string) (v, found bool, err error) { return one(f, key, bools) }

// Str returns a string, which need not be UTF-8.
func (f *File) Str(key string) (v string, found bool, err error) { return one(f, key, texts) }

// U32s returns an array of integers. Like all array getters it gives a scalar as an array of one,
// since some keys (feed_forward_length, head_count_kv) are one number or one per layer.
func (f *File) U32s(key string) (v []uint32, found bool, err error) {
	return many(f, key, integers[uint32])
}

// I32s returns an array of integers.
func (f *File) I32s(key string) (v []int32, found bool, err error) {
	return many(f, key, integers[int32])
}

// U64s returns an array of integers.
func (f *File) U64s(key string) (v []uint64, found bool, err error) {
	return many(f, key, integers[uint64])
}

// I64s returns an array of integers.
func (f *File) I64s(key string) (v []int64, found bool, err error) {
	return many(f, key, integers[int64])
}

// F32s returns an array of floats.
func (f *File) F32s(key string) (v []float32, found bool, err error) { return many(f, key, floats) }

// Bools returns an array of truth values.
func (f *File) Bools(key string) (v []bool, found bool, err error) { return many(f, key, bools) }

// Strs returns an array of strings that share one backing copy.
func (f *File) Strs(key string) (v []string, found bool, err error) { return many(f, key, texts) }

// decode turns the raw bytes of an entry into its elements.
type decode[T any] func(e *entry, raw []byte) ([]T, error)

func one[T any](f *File, key string, dec decode[T]) (v T, found bool, err error) {
	i, ok := f.byKey[key]
	if !ok {
		return v, false, nil
	}
	if e := &f.entries[i]; e.array {
		return v, true, e.bad("one value", e.kind())
	}
	vs, found, err := many(f, key, dec)
	if err != nil {
		return v, found, err
	}
	return vs[0], true, nil
}

func many[T any](f *File, key string, dec decode[T]) ([]T, bool, error) {
	i, ok := f.byKey[key]
	if !ok {
		return nil, false, nil
	}
	e := &f.entries[i]
	if e.own != nil {
		v, err := dec(e, e.own)
		return v, true, err
	}
	raw := make([]byte, e.size) // parse proved it to be within maxHeader and the file
	if n, err := f.r.ReadAt(raw, e.off); n < len(raw) {
		if err == nil || errors.Is(err, io.EOF) {
			return nil, true, e.bad(fmt.Sprintf("the file of %d bytes that was opened", f.Size), "the end of the file")
		}
		return nil, true, fmt.Errorf("gguf: reading %s: %w", quoted(key), err)
	}
	v, err := dec(e, raw)
	return v, true, err
}

func (e *entry) bad(limit, got string) error {
	if e.own != nil {
		return &Error{Plain: fmt.Sprintf("value of %s, which was overridden, is %s; allowed: %s", quoted(e.key), got, limit)}
	}
	return &Error{Offset: e.off, Field: "value of " + quoted(e.key), Got: got, Limit: limit}
}

func (e *entry) kind() string {
	if e.array {
		return fmt.Sprintf("an array of %d %s", e.n, e.elem)
	}
	return e.elem.String()
}

// Raw returns the bytes of the value of key as they lie in the file, with what Kind says of it.
func (f *File) Raw(key string) (raw []byte, found bool, err error) {
	return many(f, key, func(_ *entry, raw []byte) ([]byte, error) { return raw, nil })
}
