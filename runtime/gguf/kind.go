package gguf

import "fmt"

// Kind is the type of a metadata value, numbered as the file numbers it.
type Kind uint32

// The kinds of the format.
const (
	KindU8 Kind = iota
	KindI8
	KindU16
	KindI16
	KindU32
	KindI32
	KindF32
	KindBool
	KindString
	KindArray
	KindU64
	KindI64
	KindF64
	kindCount
)

var kinds = [kindCount]struct {
	name string
	size int // bytes of one value; 0 where it varies
}{
	KindU8: {"u8", 1}, KindI8: {"i8", 1}, KindU16: {"u16", 2}, KindI16: {"i16", 2}, KindU32: {"u32", 4}, KindI32: {"i32", 4},
	KindF32: {"f32", 4}, KindBool: {"bool", 1}, KindString: {"string", 0}, KindArray: {"array", 0},
	KindU64: {"u64", 8}, KindI64: {"i64", 8}, KindF64: {"f64", 8},
}

func (k Kind) String() string {
	if k < kindCount {
		return kinds[k].name
	}
	return fmt.Sprintf("kind %d", uint32(k))
}

func (k Kind) size() int { return kinds[k].size }
