package lower

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/spec"
)

// A layout is a code of a block, its parts anywhere.
type layout struct {
	typ   *spec.Type
	code  *spec.Code
	block []byte
}

// anyLayout draws one of n values, each of up to most parts of up to width bits.
func anyLayout(r *rand.Rand, bytes, n, most, width int) layout {
	l := layout{typ: &spec.Type{Name: "any", Block: n, Bytes: bytes}, code: &spec.Code{Name: "q", Group: 1, Signed: r.IntN(2) == 0}}
	first, span := r.IntN(bytes), 1+r.IntN(bytes) // most layouts do not reach all of the block
	for range n {
		var parts []spec.Part
		shift := 0
		for range 1 + r.IntN(most) {
			w := min(1+r.IntN(width), 8*bytes)
			at := min(8*first+r.IntN(8*span), 8*bytes-w)
			parts = append(parts, spec.Part{Bit: at, Width: w, Shift: shift})
			shift += w
		}
		l.code.Bits = max(l.code.Bits, shift)
		l.code.Parts = append(l.code.Parts, parts)
	}
	for range bytes {
		l.block = append(l.block, byte(r.Uint32()))
	}
	return l
}

// planes draws a code of chunk values: neighbours in neighbouring bytes, and those a plane further
// at other bits of the same bytes.
func planes(r *rand.Rand, bytes int) layout {
	l := layout{typ: &spec.Type{Name: "planes", Block: chunk, Bytes: bytes}, code: &spec.Code{Name: "q", Group: 1}}
	width := 1 << r.IntN(4)
	wide := max(chunk*width/8, 4<<r.IntN(4)) // bytes of a plane
	first := r.IntN(bytes - wide + 1)
	for i := range chunk {
		l.code.Parts = append(l.code.Parts, []spec.Part{{Bit: 8*(first+i%wide) + i/wide*width, Width: width}})
	}
	l.code.Bits = width
	for range bytes {
		l.block = append(l.block, byte(r.Uint32()))
	}
	return l
}

// value is a code by plain loops over its bits.
func (l layout) value(i int) (v uint32) {
	for _, p := range l.code.Parts[i] {
		for k := range p.Width {
			bit := p.Bit + k
			v |= uint32(l.block[bit/8]>>(bit%8)&1) << (p.Shift + k)
		}
	}
	if l.code.Signed {
		up := 32 - l.code.Bits
		return uint32(int32(v<<up) >> up)
	}
	return v
}

// run evaluates what gather makes of the layout; what it stores is returned.
func (l layout) run(t *testing.T, gather func(b *ir.Builder, block ir.Mem) *ir.Value) []byte {
	t.Helper()
	address := ir.Type{Elem: ir.Addr, Lanes: 1}
	b := ir.Build("gather", []ir.Param{{Name: "block", Type: address, Go: "*byte"}, {Name: "to", Type: address, Go: "*byte"}}, "gather reads codes.")
	b.Store(gather(b, ir.At(b.Param(0), 0)), ir.At(b.Param(1), 0))
	if err := ir.Verify(b.F); err != nil {
		t.Fatal(err)
	}
	out := make([]byte, 32)
	if err := ir.Eval(b.F, ir.Memory(l.block), ir.Memory(out)); err != nil {
		t.Fatalf("%v\n%v", err, b.F)
	}
	return out
}

// TestGather reads codes whose parts lie anywhere in blocks of many sizes, within the bytes that
// one shuffle reaches and beyond, and compares with plain loops.
func TestGather(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, bytes := range []int{16, 17, 18, 24, 32, 33, 40, 70} {
		for n := range 150 {
			words := anyLayout(r, bytes, ir.VectorLanes, 1+n%3, 8)
			got := words.run(t, func(b *ir.Builder, block ir.Mem) *ir.Value {
				return gatherWords(b, block, words.typ, words.code, func(l int) int { return l })
			})
			for i := range ir.VectorLanes {
				if v := binary.LittleEndian.Uint32(got[4*i:]); v != words.value(i) {
					t.Fatalf("blocks of %d bytes: value %d is %#x, want %#x: parts %s", bytes, i, v, words.value(i), places(words.code))
				}
			}
			narrow := anyLayout(r, bytes, chunk, 1+n%2, 4)
			if narrow.code.Signed = false; n%3 == 0 && bytes >= chunk {
				narrow = planes(r, bytes)
			}
			var values []int
			for i := range chunk {
				values = append(values, i)
			}
			got = narrow.run(t, func(b *ir.Builder, block ir.Mem) *ir.Value {
				return gatherBytes(b, block, narrow.typ, narrow.code, values)
			})
			for i := range chunk {
				if uint32(got[i]) != narrow.value(i) {
					t.Fatalf("blocks of %d bytes: byte %d is %#x, want %#x: parts %s", bytes, i, got[i], narrow.value(i), places(narrow.code))
				}
			}
		}
	}
}

// places prints where the parts of a code lie: first bit, width, shift.
func places(c *spec.Code) (s string) {
	for _, parts := range c.Parts {
		for _, p := range parts {
			s += fmt.Sprintf("%d:%d<<%d ", p.Bit, p.Width, p.Shift)
		}
		s += "; "
	}
	return s
}
