package arm64

import (
	"bytes"

	"github.com/kvgen/kvgen/gen/ir"
)

// bits are those that any byte of a value may have set, as far as the operations that made it tell.
func (s selector) bits(v *ir.Value) byte { return or(s.byteBits(v)) }

// byteBits are those of each byte.
func (s selector) byteBits(v *ir.Value) []byte {
	in := s.Made(v)
	if in == nil {
		return all(0xff)
	}
	switch in.Op {
	case ir.OpAnd:
		return bytewise(s.byteBits(in.Args[0]), s.secondBits(in), func(x, y byte) byte { return x & y })
	case ir.OpOr, ir.OpXor:
		return bytewise(s.byteBits(in.Args[0]), s.secondBits(in), func(x, y byte) byte { return x | y })
	case ir.OpConst:
		return in.Const[:16]
	case ir.OpTable16:
		return all(or(in.Const))
	case ir.OpZero:
		return all(0)
	case ir.OpShuffle:
		return all(s.bits(in.Args[0]))
	case ir.OpAs:
		return s.byteBits(in.Args[0])
	case ir.OpSelectBit:
		return bytewise(s.byteBits(in.Args[1]), s.byteBits(in.Args[2]), func(x, y byte) byte { return x | y })
	}
	return all(0xff)
}

// secondBits are those of the second argument, which may be a constant.
func (s selector) secondBits(in *ir.Instr) []byte {
	if in.Const != nil {
		return in.Const
	}
	return s.byteBits(in.Args[1])
}

func all(b byte) []byte { return bytes.Repeat([]byte{b}, 16) }

func bytewise(x, y []byte, f func(x, y byte) byte) []byte {
	out := make([]byte, 16)
	for k := range out {
		out[k] = f(x[k], y[k])
	}
	return out
}

func or(c []byte) (all byte) {
	for _, b := range c {
		all |= b
	}
	return all
}
