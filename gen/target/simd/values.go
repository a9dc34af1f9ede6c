package simd

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/kvgen/kvgen/gen/ir"
)

// The words of a constant stand in DATA lines, eight bytes backwards. A comment says what
// they are: numbers in the order of the lanes.

// lanesOf is the element whose lanes the constant of an instruction has, as a reader sees it.
func lanesOf(in *ir.Instr) ir.Elem {
	switch in.Op {
	case ir.OpTable, ir.OpTableF32:
		return ir.F32
	case ir.OpTable16:
		return ir.I8
	case ir.OpShrVar, ir.OpShlVar, ir.OpGather, ir.OpOrder, ir.OpPack4, ir.OpPackS4:
		return ir.I32
	case ir.OpDotU8S8, ir.OpDotAcc, ir.OpDotS8, ir.OpDotS8Acc, ir.OpWidenPairs:
		return ir.I16
	}
	if in.Dst == nil {
		return ir.I32
	}
	return in.Dst.Type.Elem
}

// comment names a constant and lists its lanes, or the one that fills them all.
func comment(name string, c []byte, role string, elem ir.Elem) string {
	size, kind, value := 4, "int32", func(c []byte) string { return whole(int32(binary.LittleEndian.Uint32(c))) }
	switch {
	case role == roles[ir.OpShuffle]:
		size, kind, value = 1, "bytes", index
	case elem == ir.I8:
		size, kind, value = 1, "int8", func(c []byte) string { return fmt.Sprint(int8(c[0])) }
	case elem == ir.I16:
		size, kind, value = 2, "int16", func(c []byte) string { return fmt.Sprint(int16(binary.LittleEndian.Uint16(c))) }
	case elem == ir.F32:
		kind, value = "float32", float
	}
	if len(c) > longTable {
		return fmt.Sprintf("// %s: %d bytes\n", name, len(c))
	}
	var list []string
	for lane := range slices.Chunk(c, size) {
		list = append(list, value(lane))
	}
	text := fmt.Sprintf("// %s: %s", name, kind)
	if len(slices.Compact(slices.Clone(list))) == 1 {
		return fmt.Sprintf("%s, %d times %s\n", text, len(list), list[0])
	}
	var b strings.Builder
	for _, v := range list {
		if len(text)+1+len(v) > columns {
			b.WriteString(text + "\n")
			text = "//  "
		}
		text += " " + v
	}
	return b.String() + text + "\n"
}

// longTable is a constant that nobody reads value by value: a table of points.
const longTable = 1024

// columns is the width of a comment.
const columns = 100

// index is a byte of a shuffle, "-" for one that gives 0.
func index(c []byte) string {
	if c[0] >= 0x80 {
		return "-"
	}
	return fmt.Sprint(c[0])
}

// whole is a number, in hexadecimal where it is large, as masks and bits of floats are.
func whole(n int32) string {
	if n > -1<<16 && n < 1<<16 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%#x", uint32(n))
}

// float is an f32 with as many digits as tell it apart; bits of none are shown as bits.
func float(c []byte) string {
	bits := binary.LittleEndian.Uint32(c)
	if x := math.Float32frombits(bits); x == x && (x == 0 || math.Abs(float64(x)) > 1e-30 && math.Abs(float64(x)) < 1e30) && bits != 1<<31 {
		return fmt.Sprint(x)
	}
	return fmt.Sprintf("%#x", bits)
}
