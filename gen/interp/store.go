package interp

import (
	"encoding/binary"
	"math"

	"github.com/kvgen/kvgen/gen/spec"
	"github.com/kvgen/kvgen/kernels/ref"
)

// store writes a scalar field at the start of b.
func store(f *spec.Field, b []byte, x float32) {
	switch f.Kind {
	case spec.F16:
		binary.LittleEndian.PutUint16(b, ref.F16(x))
	case spec.BF16:
		binary.LittleEndian.PutUint16(b, ref.BF16(x))
	case spec.F32:
		binary.LittleEndian.PutUint32(b, math.Float32bits(x))
	case spec.E8M0:
		b[0] = e8m0(x)
	}
}

// e8m0 is the exponent of |x|: the largest power of two that is not above it.
func e8m0(x float32) byte { return byte(math.Float32bits(x) >> 23) }

// fromE8M0 is 2^(e-127); e = 255 overflows to an infinity.
func fromE8M0(e byte) float32 { return float32(math.Ldexp(1, int(e)-127)) }

// load reads a scalar field from the start of b.
func load(f *spec.Field, b []byte) float32 {
	switch f.Kind {
	case spec.F16:
		return ref.FromF16(binary.LittleEndian.Uint16(b))
	case spec.BF16:
		return ref.FromBF16(binary.LittleEndian.Uint16(b))
	case spec.F32:
		return math.Float32frombits(binary.LittleEndian.Uint32(b))
	}
	return fromE8M0(b[0])
}

// storeCode writes every bit of every part of a code. block is zero where no code has been.
func storeCode(c *spec.Code, block []byte, v lanes) {
	for i, parts := range c.Parts {
		for _, p := range parts {
			for k := range p.Width {
				at := p.Bit + k
				block[at/8] &^= 1 << (at % 8)
				block[at/8] |= byte(v[i].i>>(p.Shift+k)&1) << (at % 8)
			}
		}
	}
}

// loadCode gathers a code bit by bit.
func loadCode(c *spec.Code, block []byte) lanes {
	v := make(lanes, len(c.Parts))
	for i, parts := range c.Parts {
		for _, p := range parts {
			for k := range p.Width {
				at := p.Bit + k
				v[i].i |= int32(block[at/8]>>(at%8)&1) << (p.Shift + k)
			}
		}
		if c.Signed {
			unused := 32 - c.Bits
			v[i].i = v[i].i << unused >> unused
		}
	}
	return v
}
