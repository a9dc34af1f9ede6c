package gguf

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
)

// entries encodes a header of metadata alone.
func entries(t *testing.T, kv ...any) *File {
	t.Helper()
	r := file().head(3, 0, uint64(len(kv)/2))
	for i := 0; i < len(kv); i += 2 {
		b, err := appendValue(appendString(*r, kv[i].(string)), kv[i+1])
		if err != nil {
			t.Fatal(err)
		}
		*r = b
	}
	return mustParse(t, *r)
}

func TestGetters(t *testing.T) {
	f := entries(t, "u8", uint8(7), "i16", int16(-3), "u64", uint64(1<<40), "top", uint64(math.MaxUint64), "f", float32(1.5),
		"d", 0.1, "b", true, "s", "text", "per layer", []int32{4, 0, 2}, "neg", []int64{-1, 1}, "strs", []string{"a", ""}, "fs", []float64{1, 2},
		"whole", float32(10000), "minus", -2.0, "beyond", float32(1e30), "nan", math.NaN())
	type result struct {
		v     any
		found bool
		err   error
	}
	got := func(v any, found bool, err error) result { return result{v, found, err} }
	u32 := func(k string) result { v, ok, err := f.U32(k); return got(v, ok, err) }
	i32 := func(k string) result { v, ok, err := f.I32(k); return got(v, ok, err) }
	u64 := func(k string) result { v, ok, err := f.U64(k); return got(v, ok, err) }
	i64 := func(k string) result { v, ok, err := f.I64(k); return got(v, ok, err) }
	fl := func(k string) result { v, ok, err := f.F32(k); return got(v, ok, err) }
	bo := func(k string) result { v, ok, err := f.Bool(k); return got(v, ok, err) }
	st := func(k string) result { v, ok, err := f.Str(k); return got(v, ok, err) }
	u32s := func(k string) result { v, ok, err := f.U32s(k); return got(v, ok, err) }
	i32s := func(k string) result { v, ok, err := f.I32s(k); return got(v, ok, err) }
	strs := func(k string) result { v, ok, err := f.Strs(k); return got(v, ok, err) }
	fs := func(k string) result { v, ok, err := f.F32s(k); return got(v, ok, err) }
	for _, c := range []struct {
		name string
		got  result
		want any
		err  string // what the error says of got and allowed
	}{
		{"u32 of u8", u32("u8"), uint32(7), ""},
		{"i32 of i16", i32("i16"), int32(-3), ""},
		{"u64", u64("top"), uint64(math.MaxUint64), ""},
		{"f32", fl("f"), float32(1.5), ""},
		{"f32 of f64", fl("d"), float32(0.1), ""},
		{"bool", bo("b"), true, ""},
		{"string", st("s"), "text", ""},
		{"u32s of i32", u32s("per layer"), []uint32{4, 0, 2}, ""},
		{"i32s of i64", i32s("neg"), []int32{-1, 1}, ""},
		{"u32s of one", u32s("u8"), []uint32{7}, ""},
		{"strings", strs("strs"), []string{"a", ""}, ""},
		{"strings of one", strs("s"), []string{"text"}, ""},
		{"f32s of f64", fs("fs"), []float32{1, 2}, ""},

		{"u32 of u64 too large", u32("u64"), nil, "got 1099511627776, allowed: the range of uint32"},
		{"u32 of negative", u32("i16"), nil, "got -3, allowed: the range of uint32"},
		{"u64 of negative", u64("i16"), nil, "got -3, allowed: the range of uint64"},
		{"i64 of u64 too large", i64("top"), nil, "got 18446744073709551615, allowed: the range of int64"},
		{"u32s of negative", u32s("neg"), nil, "got -1, allowed: the range of uint32"},
		{"u32 of string", u32("s"), nil, "got string, allowed: an integer"},
		{"u32 of a fraction", u32("f"), nil, "got 1.5, allowed: an integer"},
		{"u32 of array", u32("per layer"), nil, "got an array of 3 i32, allowed: one value"},
		{"f32 of integer", fl("u8"), float32(7), ""},
		{"f32 of a negative integer", fl("i16"), float32(-3), ""},
		{"f32 of a power of two", fl("u64"), float32(1 << 40), ""},
		{"f32 of an integer that it does not hold", fl("top"), nil, "got 18446744073709551615, allowed: a number that a float holds exactly"},
		{"f32 of bool", fl("b"), nil, "got bool, allowed: a number"},
		{"f32s of integers", fs("neg"), []float32{-1, 1}, ""},
		{"u32 of a whole float", u32("whole"), uint32(10000), ""},
		{"i32 of a negative float", i32("minus"), int32(-2), ""},
		{"u32 of a negative float", u32("minus"), nil, "got -2, allowed: the range of uint32"},
		{"u64 of a float beyond", u64("beyond"), nil, "allowed: an integer"},
		{"i64 of NaN", i64("nan"), nil, "got NaN, allowed: an integer"},
		{"u32s of floats", u32s("fs"), []uint32{1, 2}, ""},
		{"bool of u8", bo("u8"), nil, "got u8, allowed: a bool"},
		{"string of bool", st("b"), nil, "got bool, allowed: a string"},
		{"strings of i32", strs("per layer"), nil, "got an array of 3 i32, allowed: a string"},
	} {
		var e *Error
		switch {
		case !c.got.found:
			t.Errorf("%s: not found", c.name)
		case c.err == "" && (c.got.err != nil || !reflect.DeepEqual(c.got.v, c.want)):
			t.Errorf("%s = %v, %v; want %v", c.name, c.got.v, c.got.err, c.want)
		case c.err != "" && (!errors.As(c.got.err, &e) || !strings.Contains(e.Error(), c.err) || !strings.Contains(e.Field, `value of "`)):
			t.Errorf("%s: got %v, want %q", c.name, c.got.err, c.err)
		}
	}
	if _, found, err := f.U32("absent"); found || err != nil {
		t.Errorf("absent: %v, %v", found, err)
	}
	if _, found, err := f.Strs("absent"); found || err != nil {
		t.Errorf("absent: %v, %v", found, err)
	}
}

func TestKind(t *testing.T) {
	f := entries(t, "b", true, "a", []string{"x", "y"}, "none", []float32{})
	for _, c := range []struct {
		key   string
		elem  Kind
		n     int
		found bool
	}{{"b", KindBool, -1, true}, {"a", KindString, 2, true}, {"none", KindF32, 0, true}, {"absent", 0, 0, false}} {
		if elem, n, found := f.Kind(c.key); elem != c.elem || n != c.n || found != c.found {
			t.Errorf("%s: %v, %d, %v; want %v, %d, %v", c.key, elem, n, found, c.elem, c.n, c.found)
		}
	}
}

// The format has two truth values; another byte is refused where it is asked for, since llama.cpp
// takes it for true.
func TestBoolByte(t *testing.T) {
	r := file().head(3, 0, 1).kv("b", KindBool)
	f := mustParse(t, append(*r, 2))
	var e *Error
	if _, _, err := f.Bool("b"); !errors.As(err, &e) || e.Got != "2" || e.Limit != "0 or 1" {
		t.Errorf("got %v", err)
	}
}

// A vocabulary of 2^18 strings costs its own bytes and a slice of string headers, and nothing
// before it is asked for.
func TestLargeVocabulary(t *testing.T) {
	tokens := make([]string, 1<<18)
	for i := range tokens {
		tokens[i] = strings.Repeat("t", i%16)
	}
	f := entries(t, "tokenizer.ggml.tokens", tokens)
	parsing := testing.AllocsPerRun(1, func() { mustParse(t, f.data) })
	var got []string
	reading := testing.AllocsPerRun(1, func() { got, _, _ = f.Strs("tokenizer.ggml.tokens") })
	if parsing > 50 || reading > 10 {
		t.Errorf("%v allocations to parse and %v to read, allowed: 50 and 10", parsing, reading)
	}
	if !reflect.DeepEqual(got, tokens) {
		t.Error("the strings differ")
	}
}
