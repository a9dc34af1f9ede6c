package lower

import (
	"encoding/binary"
	"math"

	"github.com/kvgen/kvgen/gen/ir"
)

// count is a word that starts at n, to be consumed by a loop.
func count(b *ir.Builder, n int) *ir.Value {
	w := b.ZeroWord("count")
	b.AddImm(w, n)
	return w
}

// table is the address of the words of v.
func table(b *ir.Builder, v []float32, name string) *ir.Value {
	return b.Table(floatBytes(v), name)
}

func floatBytes(v []float32) []byte {
	var c []byte
	for _, x := range v {
		c = binary.LittleEndian.AppendUint32(c, math.Float32bits(x))
	}
	return c
}

// An operation of a value and a second operand, of any builder and of one.
type (
	operation func(b *ir.Builder, x *ir.Value, y ir.Operand) *ir.Value
	second    func(x *ir.Value, y ir.Operand) *ir.Value
)

// A load reads memory as vectors of a type.
type load func(t ir.Type, m ir.Mem, name string) *ir.Value

// as is the bits of x as another type.
func as(b *ir.Builder, t ir.Type, x *ir.Value) *ir.Value {
	if x.Type == t {
		return x
	}
	return b.As(t, x)
}

// compare is the mask of x rel y, floats or integers as x is.
func compare(b *ir.Builder, x *ir.Value, rel ir.Relation, y ir.Operand) *ir.Value {
	if x.Type.Elem == ir.I32 {
		return b.CompareI(x, rel, y)
	}
	return b.CompareF(x, rel, y)
}

const (
	signBit   = 1 << 31
	magnitude = 1<<31 - 1
	infinity  = 0x7F800000
	quietNaN  = 0x7FC00000
)
