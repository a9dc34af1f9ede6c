package optest

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/kvgen/kvgen/gen/ir"
)

// sample is one run of a form.
type sample struct {
	form          Form
	fn            *ir.Func
	before, after []byte // of Eval
}

// specials are floats that arithmetic treats apart, and the ends of conversions.
var specials = []float32{0, float32(math.Copysign(0, -1)), 1, -1, 0.5, 1.5, 2.5, 1e-45, -1e-40, 0x1p-14, 0x1p-25, 65504, 65520, 3e38, -3e38,
	1 << 31, -1 << 31, 2147483520, float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN())}

// draw fills memory with what the operation allows: random words, some special floats, and in some
// lanes of an argument what the one before it has there, for comparisons. Where factors of bytes
// are too large together, the first ones get 7 bits.
func (s *sample) draw(t *testing.T, r *rand.Rand) {
	t.Helper()
	var err error
	for _, mask := range []uint32{math.MaxUint32, 0x7F7F7F7F} {
		s.before = make([]byte, size)
		for at := 0; at < size; at += 4 {
			w := r.Uint32()
			if r.IntN(3) == 0 {
				w = math.Float32bits(specials[r.IntN(len(specials))])
			}
			if at >= arguments+32 && at < operand && r.IntN(4) == 0 {
				w = binary.LittleEndian.Uint32(s.before[at-32:])
			}
			if k := (at - arguments) / 32; at >= arguments && at < operand && len(s.form.Op.Args) > 0 {
				last := len(s.form.Op.Args) - 1
				if k < last {
					w &= mask
				}
				w = s.allowed(min(k, last), w)
			}
			binary.LittleEndian.PutUint32(s.before[at:], w)
		}
		s.after = append([]byte(nil), s.before...)
		if err = ir.Eval(s.fn, ir.Memory(s.after)); err == nil {
			return
		}
	}
	t.Fatalf("no arguments are allowed: %v", err)
}

// allowed makes a word of argument k one that the operation takes.
func (s *sample) allowed(k int, w uint32) uint32 {
	op, a := s.form.Op, s.form.Op.Args[k]
	switch {
	case a.Mask:
		return uint32(int32(w<<7) >> 31)
	case op == ir.OpLevels:
		return w % 200
	case op == ir.OpLevels8:
		return w % 100
	case op.Const == ir.Words:
		return w % uint32(s.form.entries)
	case a.Lo == -127: // no byte is 0x80: those get another bit
		return w | w>>7&0x01010101
	case a.Lo < a.Hi && a.Elems[0] == ir.I8:
		return w & 0x7F7F7F7F
	case a.Lo < a.Hi:
		return w % uint32(a.Hi+1)
	}
	return w
}

// differs says where a machine's memory is not that of Eval, "" where it is.
func (s *sample) differs(got []byte) string {
	for at := 0; at < size; at += 4 {
		g, w := binary.LittleEndian.Uint32(got[at:]), binary.LittleEndian.Uint32(s.after[at:])
		if g == w || s.form.Op.NaN && bothNaN(got, s.after, at) {
			continue
		}
		return fmt.Sprintf("bytes %d to %d are %#08x, want %#08x; arguments %x", at, at+3, g, w, s.before[arguments:arguments+96])
	}
	return ""
}

// bothNaN looks at f32, and at f64 where a word is a part of one.
func bothNaN(got, want []byte, at int) bool {
	nan := func(m []byte) bool {
		x := math.Float32frombits(binary.LittleEndian.Uint32(m[at:]))
		y := math.Float64frombits(binary.LittleEndian.Uint64(m[at&^7:]))
		return x != x || y != y
	}
	return nan(got) && nan(want)
}
