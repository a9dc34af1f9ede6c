package lower

import (
	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/spec"
)

// gatherWords reads the codes of a vector of values, index(lane), as i32 lanes. It works for
// every layout: each lane gets a window of bytes, shifted and masked by its own amounts.
func gatherWords(b *ir.Builder, block ir.Mem, t *spec.Type, c *spec.Code, index func(lane int) int) *ir.Value {
	const lanes = ir.VectorLanes
	most := 0
	for l := range lanes {
		most = max(most, len(c.Parts[index(l)]))
	}
	var sum *ir.Value
	for k := range most {
		v := componentWords(b, block, t, k, func(l int) (spec.Part, bool) {
			parts := c.Parts[index(l)]
			if k >= len(parts) {
				return spec.Part{}, false
			}
			return parts[k], true
		})
		if sum != nil {
			v = b.Or(sum, v)
		}
		sum = v
	}
	if c.Signed {
		sum = b.Shl(sum, 32-c.Bits)
		sum = b.Sar(sum, 32-c.Bits)
	}
	return sum
}

func componentWords(b *ir.Builder, block ir.Mem, t *spec.Type, k int, part func(int) (spec.Part, bool)) *ir.Value {
	const lanes = ir.VectorLanes
	shift, mask, up := make([]uint32, lanes), make([]uint32, lanes), make([]uint32, lanes)
	index := make([]byte, 4*lanes)
	var start, end [2]int
	for h := range 2 {
		start[h] = t.Bytes
		for l := 4 * h; l < 4*h+4; l++ {
			if p, ok := part(l); ok {
				start[h] = min(start[h], p.Bit/8)
				end[h] = max(end[h], (p.Bit+p.Width-1)/8)
			}
		}
		start[h] = max(0, min(start[h], t.Bytes-16))
		if end[h]-start[h] > 15 {
			return scatteredWords(b, block, t, part)
		}
	}
	shifted, moved := false, false
	for l := range lanes {
		p, ok := part(l)
		for j := range 4 {
			index[4*l+j] = 0x80
			if at := p.Bit/8 + j; ok && at <= (p.Bit+p.Width-1)/8 {
				index[4*l+j] = byte(at - start[l/4])
			}
		}
		if ok {
			if p.Bit%8+p.Width > 32 {
				giveUp("a part of %d bits", p.Width)
			}
			shift[l], mask[l], up[l] = uint32(p.Bit%8), 1<<p.Width-1, uint32(p.Shift)
			shifted, moved = shifted || shift[l] != 0, moved || up[l] != 0
		}
	}
	v := b.Shuffle(loadWindow(b, block, t, start), index)
	v = b.As(i32s(lanes), v)
	if shifted {
		v = b.ShrVar(v, dwordConst(shift))
	}
	v = b.And(v, dwordConst(mask))
	if moved {
		v = b.ShlVar(v, dwordConst(up))
	}
	return v
}

// scatteredWords serves parts that lie more than 16 bytes apart: each lane loads its
// own dword, moved back where it would reach past the block.
func scatteredWords(b *ir.Builder, block ir.Mem, t *spec.Type, part func(int) (spec.Part, bool)) *ir.Value {
	const lanes = ir.VectorLanes
	offs, shift, mask, up := make([]uint32, lanes), make([]uint32, lanes), make([]uint32, lanes), make([]uint32, lanes)
	for l := range lanes {
		p, ok := part(l)
		if !ok {
			continue
		}
		from := min(p.Bit/8, t.Bytes-4)
		if p.Bit-8*from+p.Width > 32 {
			giveUp("a part of %d bits", p.Width)
		}
		offs[l], shift[l], mask[l], up[l] = uint32(from), uint32(p.Bit-8*from), 1<<p.Width-1, uint32(p.Shift)
	}
	v := b.Gather(i32s(lanes), block, dwordConst(offs), "window")
	v = b.ShrVar(v, dwordConst(shift))
	v = b.And(v, dwordConst(mask))
	return b.ShlVar(v, dwordConst(up))
}

// packWords is gatherBytes by way of four gathers of words.
func packWords(b *ir.Builder, block ir.Mem, t *spec.Type, c *spec.Code, values []int) *ir.Value {
	var w [4]*ir.Value
	for q := range w {
		w[q] = gatherWords(b, block, t, unsigned(c), func(l int) int { return values[ir.VectorLanes*q+l] })
	}
	return b.Pack4(w[:]...)
}

// unsigned is c without its sign extension.
func unsigned(c *spec.Code) *spec.Code {
	u := *c
	u.Signed = false
	return &u
}
