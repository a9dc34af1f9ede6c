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
	return b.Op(ir.OpTable, addr, name, ir.Instr{Const: floatBytes(v)})
}

func floatBytes(v []float32) []byte {
	var c []byte
	for _, x := range v {
		c = binary.LittleEndian.AppendUint32(c, math.Float32bits(x))
	}
	return c
}

// binC is an operation of a value and a constant that fills its lanes.
func binC(b *ir.Builder, op ir.Op, x *ir.Value, c uint32, name string) *ir.Value {
	return b.Op(op, x.Type, name, ir.Instr{Args: []*ir.Value{x}, Const: dwordConst(repeat(c, x.Type.Lanes))})
}

// as is the bits of x as another type.
func as(b *ir.Builder, t ir.Type, x *ir.Value) *ir.Value {
	if x.Type == t {
		return x
	}
	return b.To(ir.OpAs, t, x.Name, x)
}

// compare is the mask of x rel y, or x rel c when y is nil.
func compare(b *ir.Builder, rel ir.Relation, x, y *ir.Value, c uint32) *ir.Value {
	op := ir.OpCompareF
	if x.Type.Elem == ir.I32 {
		op = ir.OpCompareI
	}
	in := ir.Instr{Args: []*ir.Value{x}, Imm: rel}
	if y != nil {
		in.Args = append(in.Args, y)
	} else {
		in.Const = dwordConst(repeat(c, x.Type.Lanes))
	}
	return b.Op(op, i32s(x.Type.Lanes), "mask", in)
}

const (
	signBit   = 1 << 31
	magnitude = 1<<31 - 1
	infinity  = 0x7F800000
	quietNaN  = 0x7FC00000
)
