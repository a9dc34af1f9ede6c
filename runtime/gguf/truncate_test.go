package gguf

import (
	"errors"
	"math"
	"testing"
)

// refused wants a typed error that points into data.
func refused(t *testing.T, what string, n int, data []byte) {
	t.Helper()
	_, err := Parse(data, testSizes)
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("%s %d: got %v, want an *Error", what, n, err)
	}
	if e.Offset < 0 || e.Offset > int64(len(data)) {
		t.Fatalf("%s %d: offset outside the %d bytes: %v", what, n, len(data), e)
	}
}

// A real file cut at every byte of its header, at every byte of its last tensor, and at steps
// through its data.
func TestTruncated(t *testing.T) {
	for _, name := range models {
		t.Run(name, func(t *testing.T) {
			data := readModel(t, name)
			f := mustParse(t, data)
			end := int64(0)
			for _, ts := range f.Tensors() {
				end = max(end, ts.Offset+ts.Size)
			}
			for n := range f.DataOffset {
				refused(t, "cut at", int(n), data[:n])
			}
			for n := f.DataOffset; n < end; n += 997 {
				refused(t, "cut at", int(n), data[:n])
			}
			refused(t, "cut at", int(end-1), data[:end-1])
			if _, err := Parse(data[:end], testSizes); err != nil {
				t.Errorf("without the last padding: %v", err)
			}
		})
	}
}

// Every byte of a small header replaced by every extreme: refused with a typed error, or consistent
// in what it returns.
func TestCorrupted(t *testing.T) {
	whole := small()
	for i := range mustParse(t, whole).DataOffset {
		for _, v := range []byte{0, 1, 0x7f, 0x80, 0xff, whole[i] ^ 1, whole[i] + 1} {
			data := append([]byte(nil), whole...)
			data[i] = v
			f, err := Parse(data, testSizes)
			var e *Error
			switch {
			case err == nil:
				checkConsistent(t, f)
			case !errors.As(err, &e):
				t.Fatalf("byte %d = %#x: %v is no *Error", i, v, err)
			}
		}
	}
}

// small is a file with one of everything.
func small() []byte {
	return *file().head(3, 3, 6).
		kv(alignmentKey, KindU32).u32(32).
		kv("name", KindString).str("tiny").
		kv("tokens", KindArray).u32(uint32(KindString)).u64(3).str("a").str("").str("\xff\xfe").
		kv("scores", KindArray).u32(uint32(KindF32)).u64(2).u32(math.Float32bits(1.5), math.Float32bits(-2)).
		kv("big", KindU64).u64(math.MaxUint64).
		kv("eps", KindF64).u64(math.Float64bits(1e-5)).
		tensor("a", f32, 0, 4, 2).
		tensor("b", q8_0, 32, 32, 2).
		tensor("c", none, 128, 7).
		data(160)
}

// checkConsistent asks an accepted file for everything it has: nothing may panic, and all data lies
// inside.
func checkConsistent(t *testing.T, f *File) {
	t.Helper()
	for _, k := range f.Keys() {
		if _, _, ok := f.Kind(k); !ok {
			t.Fatalf("key %q is listed and not found", k)
		}
		found := 0
		for _, err := range []error{
			last(f.U32(k)), last(f.U64(k)), last(f.I32(k)), last(f.I64(k)), last(f.F32(k)), last(f.Bool(k)), last(f.Str(k)),
			last(f.U32s(k)), last(f.I32s(k)), last(f.F32s(k)), last(f.Bools(k)), last(f.Strs(k)),
		} {
			var e *Error
			if err == nil {
				found++
			} else if !errors.As(err, &e) {
				t.Fatalf("key %q: %v is no *Error", k, err)
			}
		}
		if elem, _, _ := f.Kind(k); found == 0 && elem != KindBool && elem != KindU64 && elem != KindI64 {
			t.Fatalf("key %q of kind %v: no getter takes it", k, elem)
		}
	}
	for i := range f.Tensors() {
		ts := &f.Tensors()[i]
		if same, ok := f.Tensor(ts.Name); !ok || same != ts {
			t.Fatalf("tensor %q is listed and not found", ts.Name)
		}
		b, err := f.Data(ts)
		var e *Error
		switch {
		case err == nil && (int64(len(b)) != ts.Size || ts.Offset%f.Alignment != f.DataOffset%f.Alignment):
			t.Fatalf("tensor %q: %d bytes at %d, want %d", ts.Name, len(b), ts.Offset, ts.Size)
		case err != nil && (!errors.As(err, &e) || ts.Size != 0):
			t.Fatalf("tensor %q: %v", ts.Name, err)
		}
	}
}

func last[T any](_ T, _ bool, err error) error { return err }
