package gguf

import (
	"errors"
	"math"
	"strings"
	"testing"
)

const minusOne = math.MaxUint64

// malformed has one case for each way a header can be wrong: those of llama.cpp's test-gguf.cpp,
// and those it leaves out.
var malformed = []struct {
	name   string
	file   *raw
	offset int64  // where the error must point
	field  string // what it must name
	got    string
	limit  string
}{
	{"empty", file(), 0, "magic", "4 bytes", "the 0 bytes left"},
	{"magic", &raw{'F', 'U', 'G', 'G', 3, 0, 0, 0}, 0, "magic", `"FUGG"`, `"GGUF"`},
	{"version 0", file().head(0, 0, 0), 4, "version", "0", "2 or 3"},
	{"version 1", file().head(1, 0, 0), 4, "version", "1", "2 or 3"},
	{"version 4", file().head(4, 0, 0), 4, "version", "4", "2 or 3"},
	{"big-endian", file().head(3<<24, 0, 0), 4, "version", "big-endian", "little-endian"},
	{"header cut", ptr((*file().head(3, 0, 0))[:20]), 8, "header", "16 bytes", "12 bytes left"},

	{"tensor count negative", file().head(3, minusOne, 0).data(64), 8, "tensor count", "18446744073709551615", "at most"},
	{"tensor count beyond the file", file().head(3, 3, 0).data(64), 8, "tensor count", "3", "of 33 bytes each"},
	{"metadata count negative", file().head(3, 0, minusOne).data(64), 16, "metadata count", "18446744073709551615", "at most"},
	{"metadata count beyond the file", file().head(3, 0, 6).data(64), 16, "metadata count", "6", "of 14 bytes each"},
	{"metadata count one too many", file().head(3, 0, 2).kv("k", KindU32).u32(1).data(0), 41, "key length", "0", "1 to 65535"},

	{"key length negative", file().head(3, 0, 1).u64(minusOne).data(64), 24, "key length", "18446744073709551615", "1 to 65535"},
	{"key length beyond the file", file().head(3, 0, 1).u64(999).data(64), 32, "key", "999 bytes", "bytes left"},
	{"key empty", file().head(3, 0, 1).kv("", KindU32).u32(1), 24, "key length", "0", "1 to 65535"},
	{"key too long", file().head(3, 0, 1).kv(strings.Repeat("k", maxKey+1), KindU32).u32(1), 24, "key length", "65536", "1 to 65535"},
	{"key twice", file().head(3, 0, 2).kv("k", KindU32).u32(1).kv("k", KindU32).u32(1), 41, `key of "k"`, "duplicate", "once"},
	{"kind unknown", file().head(3, 0, 1).kv("k", kindCount).data(64), 33, `kind of "k"`, "13", "0 to 12"},
	{"kind negative", file().head(3, 0, 1).kv("k", math.MaxUint32).data(64), 33, `kind of "k"`, "4294967295", "0 to 12"},
	{"value cut", file().head(3, 0, 1).kv("k", KindU64).u32(1), 37, `value of "k"`, "8 bytes", "4 bytes left"},
	{"string length negative", file().head(3, 0, 1).kv("k", KindString).u64(minusOne), 37, `string length of "k"`, "18446744073709551615", "0 bytes left"},
	{"string beyond the file", file().head(3, 0, 1).kv("k", KindString).u64(9).u64(0), 37, `string length of "k"`, "9", "8 bytes left"},

	{"array of arrays", file().head(3, 0, 1).kv("k", KindArray).u32(uint32(KindArray)).u64(1).data(64), 37, `element kind of "k"`, "array of arrays", "scalar"},
	{"array of unknown kind", file().head(3, 0, 1).kv("k", KindArray).u32(77).u64(1).data(64), 37, `element kind of "k"`, "77", "0 to 12"},
	{"array length negative", file().head(3, 0, 1).kv("k", KindArray).u32(uint32(KindU8)).u64(minusOne).data(64), 41, `array length of "k"`, "18446744073709551615", "at most"},
	{"array length times size overflows", file().head(3, 0, 1).kv("k", KindArray).u32(uint32(KindF64)).u64(1<<61 + 1).data(64), 41, `array length of "k"`, "2305843009213693953", "of 8 bytes each"},
	{"array beyond the file", file().head(3, 0, 1).kv("k", KindArray).u32(uint32(KindU32)).u64(3).u64(0), 41, `array length of "k"`, "3", "at most 2"},
	{"string array beyond the file", file().head(3, 0, 1).kv("k", KindArray).u32(uint32(KindString)).u64(3).u64(0, 0), 41, `array length of "k"`, "3", "at most 2"},
	{"string in array beyond the file", file().head(3, 0, 1).kv("k", KindArray).u32(uint32(KindString)).u64(2).str("").u64(1), 57, `string length of "k"`, "1", "0 bytes left"},

	{"alignment 0", file().head(3, 0, 1).kv(alignmentKey, KindU32).u32(0), 53, alignmentKey, "0", "power of two"},
	{"alignment 13", file().head(3, 0, 1).kv(alignmentKey, KindU32).u32(13), 53, alignmentKey, "13", "power of two"},
	{"alignment -32", file().head(3, 0, 1).kv(alignmentKey, KindI32).u32(1<<32 - 32), 53, alignmentKey, "-32", "the range of uint32"},
	{"alignment 2^32", file().head(3, 0, 1).kv(alignmentKey, KindU64).u64(1 << 32), 53, alignmentKey, "4294967296", "the range of uint32"},
	{"alignment string", file().head(3, 0, 1).kv(alignmentKey, KindString).str("32"), 53, alignmentKey, "string", "an integer"},
	{"alignment array", file().head(3, 0, 1).kv(alignmentKey, KindArray).u32(uint32(KindU32)).u64(1).u32(32), 65, alignmentKey, "an array of 1 u32", "one value"},

	{"name length negative", file().head(3, 1, 0).u64(minusOne).data(64), 24, "name length of tensor 0", "18446744073709551615", "1 to 64"},
	{"name empty", file().head(3, 1, 0).tensor("", f32, 0, 4).data(16), 24, "name length of tensor 0", "0", "1 to 64"},
	{"name too long", file().head(3, 1, 0).tensor(strings.Repeat("n", 65), f32, 0, 4).data(16), 24, "name length of tensor 0", "65", "1 to 64"},
	{"name twice", file().head(3, 2, 0).tensor("t", f32, 0, 4).tensor("t", f32, 32, 4).data(64), 57, `name of tensor "t"`, "duplicate", "once"},
	{"five dimensions", file().head(3, 1, 0).tensor("t", f32, 0, 1, 1, 1, 1, 1).data(64), 33, `dimension count of tensor "t"`, "5", "0 to 4"},
	{"elements beside a 0 overflow", file().head(3, 1, 0).tensor("t", f32, 0, 0, 1<<33, 1<<33).data(64), 53, `dimension 2 of tensor "t"`, "8589934592 times", "2^63-1"},
	{"empty tensor beyond the file", file().head(3, 1, 0).tensor("t", f32, 64, 4, 0).data(32), 57, `offset of tensor "t"`, "0 bytes at 64", "32 bytes, from 96"},
	{"dimension negative", file().head(3, 1, 0).tensor("t", f32, 0, minusOne).data(64), 37, `dimension 0 of tensor "t"`, "-1", "0 to 2^63-1"},
	{"elements overflow 64 bits", file().head(3, 1, 0).tensor("t", f32, 0, 1<<33, 1<<33).data(64), 45, `dimension 1 of tensor "t"`, "8589934592 times", "2^63-1"},
	{"elements overflow to 0", file().head(3, 1, 0).tensor("t", none, 0, 1<<32, 1<<32).data(64), 45, `dimension 1 of tensor "t"`, "4294967296 times", "2^63-1"},
	{"elements are 2^63", file().head(3, 1, 0).tensor("t", none, 0, 1<<31, 1<<31, 2).data(64), 53, `dimension 2 of tensor "t"`, "2 times", "2^63-1"},
	{"bytes overflow", file().head(3, 1, 0).tensor("t", f32, 0, 1<<61).data(64), 37, `dimensions of tensor "t"`, "2305843009213693952 elements", "2^63-1 bytes"},
	{"bytes overflow to 0", file().head(3, 1, 0).tensor("t", f32, 0, 1<<62).data(64), 37, `dimensions of tensor "t"`, "elements", "2^63-1 bytes"},
	{"row not whole blocks", file().head(3, 1, 0).tensor("t", q8_0, 0, 48, 2).data(128), 37, `dimension 0 of tensor "t"`, "48", "multiple of 32"},
	{"record cut", file().head(3, 1, 0).str("tens").u32(1).u64(4).u32(f32).u32(0), 52, `offset of tensor "tens"`, "8 bytes", "4 bytes left"},

	{"offset -1", file().head(3, 1, 0).tensor("t", f32, minusOne, 4).data(64), 49, `offset of tensor "t"`, "18446744073709551615", "a file of"},
	{"offset misaligned", file().head(3, 1, 0).tensor("t", f32, 16, 4).data(64), 49, `offset of tensor "t"`, "16", "multiple of 32"},
	{"offset beyond the file", file().head(3, 1, 0).tensor("t", f32, 64, 4).data(64), 49, `offset of tensor "t"`, "16 bytes at 64", "64 bytes, from 64"},
	{"offset plus size overflows", file().head(3, 1, 0).tensor("t", f32, 1<<63-32, 16).data(64), 49, `offset of tensor "t"`, "64 bytes at", "64 bytes, from 64"},
	{"data one byte short", file().head(3, 1, 0).tensor("t", f32, 0, 4).data(15), 49, `offset of tensor "t"`, "16 bytes at 0", "15 bytes, from 64"},
	{"no data at all", file().head(3, 1, 0).tensor("t", f32, 0, 4), 49, `offset of tensor "t"`, "16 bytes at 0", "0 bytes, from 64"},
	{"unknown type beyond the file", file().head(3, 1, 0).tensor("t", none, 64, 4).data(64), 49, `offset of tensor "t"`, "at 64", "64 bytes, from 64"},
	{"sizes sum beyond 64 bits", file().head(3, 2, 0).tensor("a", none, 0, 1<<62).tensor("b", f16, 32, 1<<62-1).data(64), 82, `offset of tensor "b"`, "9223372036854775806 bytes", "64 bytes"},
	{"overlap", file().head(3, 2, 0).tensor("a", f32, 0, 9).tensor("b", f32, 32, 4).data(64), 82, `offset of tensor "b"`, "32", `after tensor "a", 36 bytes at 0`},
	{"overlap, listed backwards", file().head(3, 2, 0).tensor("b", f32, 32, 4).tensor("a", f32, 0, 9).data(64), 49, `offset of tensor "b"`, "32", `after tensor "a", 36 bytes at 0`},
	{"same place", file().head(3, 2, 0).tensor("a", f32, 0, 4).tensor("b", f32, 0, 4).data(64), 82, `offset of tensor "b"`, "0", `after tensor "a"`},
	{"unknown type inside another", file().head(3, 2, 0).tensor("a", f32, 0, 16).tensor("b", none, 32, 4).data(64), 82, `offset of tensor "b"`, "32", `after tensor "a"`},
	{"alignment huge", file().head(3, 1, 1).kv(alignmentKey, KindU32).u32(1<<31).tensor("t", f32, 0, 4).data(64), 82, `offset of tensor "t"`, "16 bytes at 0", "0 bytes, from 2147483648"},
	{"laid out for another alignment", file().head(3, 2, 0).tensor("a", f32, 0, 4).tensor("b", f32, 16, 4).data(64), 82, `offset of tensor "b"`, "16", "multiple of 32"},
}

func ptr[T any](v T) *T { return &v }

func TestMalformed(t *testing.T) {
	for _, c := range malformed {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse(*c.file, testSizes)
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("got %v, want an *Error", err)
			}
			if e.Offset != c.offset {
				t.Errorf("offset %d, want %d: %v", e.Offset, c.offset, e)
			}
			for _, part := range [][2]string{{e.Field, c.field}, {e.Got, c.got}, {e.Limit, c.limit}} {
				if !strings.Contains(part[0], part[1]) {
					t.Errorf("%q lacks %q: %v", part[0], part[1], e)
				}
			}
		})
	}
}

// The nearest legal neighbours of the cases above.
func TestWellFormed(t *testing.T) {
	for _, c := range []struct {
		name string
		file *raw
	}{
		{"empty header", file().head(3, 0, 0)},
		{"version 2", file().head(2, 1, 0).tensor("t", f32, 0, 4).data(16)},
		{"longest key", file().head(3, 0, 1).kv(strings.Repeat("k", maxKey), KindU32).u32(1)},
		{"longest name", file().head(3, 1, 0).tensor(strings.Repeat("n", 64), f32, 0, 4).data(16)},
		{"empty arrays", file().head(3, 0, 2).kv("a", KindArray).u32(uint32(KindU8)).u64(0).kv("b", KindArray).u32(uint32(KindString)).u64(0)},
		{"alignment 1", file().head(3, 2, 1).kv(alignmentKey, KindU32).u32(1).tensor("a", f16, 0, 1).tensor("b", f16, 2, 1).u32(0)},
		{"four dimensions", file().head(3, 1, 0).tensor("t", q8_0, 0, 32, 1, 2, 1).data(68)},
		{"alignment i32", file().head(3, 0, 1).kv(alignmentKey, KindI32).u32(32)},
		{"alignment u64", file().head(3, 0, 1).kv(alignmentKey, KindU64).u64(32)},
		{"no dimensions", file().head(3, 1, 0).tensor("t", f32, 0).data(4)},
		{"empty tensors", file().head(3, 4, 0).tensor("a", f32, 0, 0).tensor("b", f32, 0, 4).tensor("c", q8_0, 32, 32, 0, 3).tensor("d", f32, 32, 0, 5).data(32)},
		{"nothing but an empty tensor", file().head(3, 1, 0).tensor("a", f32, 0, 0).data(0)},
		{"a gap", file().head(3, 2, 0).tensor("a", f32, 0, 4).tensor("b", f32, 64, 4).data(80)},
		{"any order", file().head(3, 2, 0).tensor("b", f32, 32, 4).tensor("a", f32, 0, 8).data(48)},
		{"unknown type", file().head(3, 2, 0).tensor("a", none, 0, 1<<40).tensor("b", f32, 32, 4).data(48)},
	} {
		t.Run(c.name, func(t *testing.T) { mustParse(t, *c.file) })
	}
}
