package gguf

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
)

// kindsEntries has every Go type that Set takes.
var kindsEntries = []struct {
	key   string
	value any
}{
	{"u8", uint8(200)}, {"i8", int8(-100)}, {"u16", uint16(60000)}, {"i16", int16(-30000)}, {"u32", uint32(4e9)}, {"i32", int32(-2e9)},
	{"u64", uint64(math.MaxUint64)}, {"i64", int64(math.MinInt64)}, {"f32", float32(1.5)}, {"f64", 2.5}, {"true", true}, {"false", false},
	{"string", "héllo\x00\xff"}, {"empty", ""},
	{"u8s", []uint8{0, 255}}, {"i8s", []int8{-128, 127}}, {"u16s", []uint16{0, 65535}}, {"i16s", []int16{-32768, 32767}},
	{"u32s", []uint32{0, math.MaxUint32}}, {"i32s", []int32{math.MinInt32, math.MaxInt32}}, {"u64s", []uint64{0, math.MaxUint64}},
	{"i64s", []int64{math.MinInt64, math.MaxInt64}}, {"f32s", []float32{-1, 0.5}}, {"f64s", []float64{-1, 0.5}},
	{"bools", []bool{true, false, true}}, {"strings", []string{"", "a", strings.Repeat("b", 1000)}}, {"none", []uint32{}},
}

func writeKinds(w *Writer) error {
	for _, e := range kindsEntries {
		w.Set(e.key, e.value)
	}
	w.Tensor("a", f32, []int64{3}, 12)
	w.Tensor("b", q8_0, []int64{32, 2}, 68)
	w.Data("a", []byte("aaaaaaaaaaaa"))
	w.Data("b", bytes.Repeat([]byte{'b'}, 60))
	return w.Data("b", []byte("cccccccc"))
}

// copyFile writes f again.
func copyFile(w *Writer, f *File) error {
	for _, k := range f.Keys() {
		v, err := goValue(f, k)
		if err != nil {
			return err
		}
		w.Set(k, v)
	}
	for _, ts := range f.Tensors() {
		w.Tensor(ts.Name, ts.Type, ts.Dims, ts.Size)
	}
	for _, ts := range f.Tensors() {
		b, err := f.Data(&ts)
		if err != nil {
			return err
		}
		w.Data(ts.Name, b)
	}
	return nil
}

// goValue reads the value of key with the Go type that makes Set write its kind again.
func goValue(f *File, key string) (any, error) {
	elem, n, _ := f.Kind(key)
	var v any
	var err error
	switch elem {
	case KindString:
		v, _, err = f.Strs(key)
	case KindBool:
		v, _, err = f.Bools(key)
	case KindF32:
		v, _, err = f.F32s(key)
	case KindF64:
		v, err = convert[float64](f.F32s(key))
	case KindU8:
		v, err = convert[uint8](f.U32s(key))
	case KindU16:
		v, err = convert[uint16](f.U32s(key))
	case KindU32:
		v, _, err = f.U32s(key)
	case KindU64:
		v, _, err = f.U64s(key)
	case KindI8:
		v, err = convert[int8](f.I32s(key))
	case KindI16:
		v, err = convert[int16](f.I32s(key))
	case KindI32:
		v, _, err = f.I32s(key)
	case KindI64:
		v, _, err = f.I64s(key)
	}
	if err == nil && n < 0 {
		v = reflect.ValueOf(v).Index(0).Interface()
	}
	return v, err
}

func convert[T, U uint8 | uint16 | uint32 | int8 | int16 | int32 | float32 | float64](v []U, _ bool, err error) ([]T, error) {
	out := make([]T, len(v))
	for i := range v {
		out[i] = T(v[i])
	}
	return out, err
}

func TestWriterRoundTrip(t *testing.T) {
	var buf bytes.Buffer
	w := NewWriter(&buf)
	if err := writeKinds(w); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	f := mustParse(t, buf.Bytes())
	for _, e := range kindsEntries {
		if got, err := goValue(f, e.key); err != nil || !reflect.DeepEqual(got, e.value) {
			t.Errorf("%s = %#v, %v; want %#v", e.key, got, err, e.value)
		}
	}
	for name, want := range map[string]string{"a": "aaaaaaaaaaaa", "b": strings.Repeat("b", 60) + "cccccccc"} {
		ts, ok := f.Tensor(name)
		if !ok {
			t.Fatalf("no tensor %s", name)
		}
		if got, err := f.Data(ts); err != nil || string(got) != want {
			t.Errorf("tensor %s = %q, %v", name, got, err)
		}
	}
	if buf.Len()%32 != 0 {
		t.Errorf("%d bytes, want a multiple of 32", buf.Len())
	}
}

// TestWriterCopies writes real files again: the writer's layout is gguf-py's, byte for byte.
func TestWriterCopies(t *testing.T) {
	for _, name := range models {
		want := readModel(t, name)
		var got bytes.Buffer
		w := NewWriter(&got)
		if err := copyFile(w, mustParse(t, want)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Bytes(), want) {
			t.Errorf("%s: the copy differs from the original: %d and %d bytes", name, got.Len(), len(want))
		}
	}
}

func TestWriterAlignment(t *testing.T) {
	var buf bytes.Buffer
	w := NewWriter(&buf)
	w.Set(alignmentKey, uint32(256))
	w.Tensor("a", f32, []int64{1}, 4)
	w.Tensor("b", f32, []int64{1}, 4)
	w.Data("a", []byte("aaaa"))
	w.Data("b", []byte("bbbb"))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	f := mustParse(t, buf.Bytes())
	b, _ := f.Tensor("b")
	if data, err := f.Data(b); b.Offset != 512 || string(data) != "bbbb" || err != nil {
		t.Errorf("b = %q at %d, %v", data, b.Offset, err)
	}
}

func TestWriterRefuses(t *testing.T) {
	one := []int64{1}
	for _, c := range []struct {
		name string
		fill func(w *Writer)
		want string
	}{
		{"key twice", func(w *Writer) { w.Set("k", true); w.Set("k", true) }, `"k" set twice`},
		{"key empty", func(w *Writer) { w.Set("", true) }, "1 to 65535"},
		{"key long", func(w *Writer) { w.Set(strings.Repeat("k", maxKey+1), true) }, "1 to 65535"},
		{"no kind", func(w *Writer) { w.Set("k", 1) }, `"k": a int has no kind`},
		{"alignment", func(w *Writer) { w.Set(alignmentKey, uint32(24)) }, "24, allowed: a power of two"},
		{"alignment kind", func(w *Writer) { w.Set(alignmentKey, int32(32)) }, "uint32"},
		{"alignment late", func(w *Writer) { w.Tensor("t", f32, one, 4); w.Set(alignmentKey, uint32(64)) }, "before the first tensor"},
		{"name twice", func(w *Writer) { w.Tensor("t", f32, one, 4); w.Tensor("t", f32, one, 4) }, `"t" described twice`},
		{"name long", func(w *Writer) { w.Tensor(strings.Repeat("t", 65), f32, one, 4) }, "1 to 64"},
		{"no dimensions", func(w *Writer) { w.Tensor("t", f32, nil, 4) }, "0 dimensions"},
		{"dimension -1", func(w *Writer) { w.Tensor("t", f32, []int64{-1}, 4) }, "[-1]"},
		{"overflow", func(w *Writer) { w.Tensor("t", f32, []int64{1 << 32, 1 << 31}, 4) }, "2^63-1"},
		{"no bytes", func(w *Writer) { w.Tensor("t", f32, one, 0) }, "0 bytes"},
		{"no data", func(w *Writer) { w.Tensor("t", f32, one, 4) }, `"t" has no data`},
		{"short data", func(w *Writer) { w.Tensor("t", f32, one, 4); w.Data("t", []byte("123")) }, `"t" lacks 1 bytes`},
		{"long data", func(w *Writer) { w.Tensor("t", f32, one, 4); w.Data("t", []byte("12345")) }, "5 bytes for tensor"},
		{"wrong order", func(w *Writer) { w.Tensor("t", f32, one, 4); w.Tensor("u", f32, one, 4); w.Data("u", nil) }, `where 4 bytes of "t" are due`},
		{"too much data", func(w *Writer) { w.Data("t", []byte("1")) }, "after the last"},
		{"late entry", func(w *Writer) {
			w.Tensor("t", f32, one, 4)
			w.Data("t", []byte("1234"))
			w.Set("k", true)
		}, "after the first data"},
		{"late tensor", func(w *Writer) {
			w.Tensor("t", f32, one, 4)
			w.Data("t", []byte("1234"))
			w.Tensor("u", f32, one, 4)
		}, "after the first data"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := NewWriter(&bytes.Buffer{})
			c.fill(w)
			if err := w.Close(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// full is a disk with room bytes left.
type full struct{ room int }

var errFull = errors.New("no space left on device")

func (f *full) Write(p []byte) (int, error) {
	n := min(len(p), f.room)
	if f.room -= n; n < len(p) {
		return n, errFull
	}
	return n, nil
}

// However little room there is, the write fails as a full disk does, and only then.
func TestWriterFull(t *testing.T) {
	var whole bytes.Buffer
	w := NewWriter(&whole)
	writeKinds(w)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for room := range whole.Len() + 1 {
		w := NewWriter(&full{room})
		writeKinds(w)
		if err := w.Close(); errors.Is(err, errFull) != (room < whole.Len()) {
			t.Fatalf("room for %d of %d bytes: %v", room, whole.Len(), err)
		}
	}
}
