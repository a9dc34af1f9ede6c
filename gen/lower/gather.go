package lower

import (
	"encoding/binary"

	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/spec"
)

// chunk is the number of codes that the byte kernels hold in one vector.
const chunk = ir.VectorBytes

// gatherBytes reads the codes of 32 values of a block as bytes, without sign extension: a signed
// code c is the byte c & (1<<Bits - 1). The arithmetic of the spec has become, for each value, a
// list of bit ranges; this looks for the cheapest loads and shifts that bring them into byte lanes.
func gatherBytes(b *ir.Builder, block ir.Mem, t *spec.Type, c *spec.Code, values []int) *ir.Value {
	lanes := make([][]spec.Part, chunk)
	for l, v := range values {
		lanes[l] = c.Parts[v]
	}
	if c.Bits > 8 {
		giveUp("codes of %d bits do not fit bytes", c.Bits)
	}
	var sum *ir.Value
	for k := range lanes[0] {
		v := componentBytes(b, block, t, lanes, k)
		if v == nil {
			return packWords(b, block, t, c, values)
		}
		if sum != nil {
			v = b.Or(sum, v)
		}
		sum = v
	}
	return sum
}

// componentBytes reads part k of 32 codes, or returns nil when no byte pattern fits.
func componentBytes(b *ir.Builder, block ir.Mem, t *spec.Type, lanes [][]spec.Part, k int) *ir.Value {
	p0 := lanes[0][k:]
	for _, parts := range lanes {
		if len(parts) != len(lanes[0]) || parts[k].Width != p0[0].Width || parts[k].Shift != p0[0].Shift {
			return nil
		}
		if parts[k].Bit%8+parts[k].Width > 8 {
			return nil
		}
	}
	width, shift := p0[0].Width, p0[0].Shift
	at := func(i int) (byteOff, bit int) { return lanes[i][k].Bit / 8, lanes[i][k].Bit % 8 }
	if v := dwordPattern(b, block, t, at, width, shift); v != nil {
		return v
	}
	return shufflePattern(b, block, t, at, width, shift)
}

// dwordPattern serves layouts in which four neighbours come from four neighbouring
// bytes at one bit position: planes. The source dwords of the lanes are a run, or
// repeat with a period of 1, 2 or 4; one shift per dword and a mask finish.
func dwordPattern(b *ir.Builder, block ir.Mem, t *spec.Type, at func(int) (int, int), width, shift int) *ir.Value {
	base, _ := at(0)
	bits := make([]int, ir.VectorLanes)
	for d := range ir.VectorLanes {
		off, bit := at(4 * d)
		bits[d] = bit
		for j := 1; j < 4; j++ {
			if o, r := at(4*d + j); o != off+j || r != bit {
				return nil
			}
		}
	}
	for _, n := range []int{32, 16, 8, 4} {
		fits := base+n <= t.Bytes
		for d := range ir.VectorLanes {
			off, _ := at(4 * d)
			fits = fits && off == base+4*d%n
		}
		if fits {
			v := b.LoadDup(bytes(chunk), block.Plus(base), n, "raw")
			return shiftMask(b, v, bits, width, shift)
		}
	}
	lo, _ := at(0)
	hi, _ := at(16)
	for d := range 4 {
		o, _ := at(4 * d)
		p, _ := at(16 + 4*d)
		if o != lo+4*d || p != hi+4*d {
			return nil
		}
	}
	v := b.LoadPair(bytes(chunk), block.Plus(lo), block.Plus(hi), "raw")
	return shiftMask(b, v, bits, width, shift)
}

// shiftMask moves the bits of each dword down to shift and masks them.
func shiftMask(b *ir.Builder, v *ir.Value, bits []int, width, shift int) *ir.Value {
	net, uniform, needs := make([]uint32, ir.VectorLanes), true, false
	for d, r := range bits {
		uniform = uniform && r == bits[0]
		needs = needs || r != shift
		net[d] = uint32(r)
	}
	switch {
	case !needs:
	case uniform && bits[0] > shift:
		v = b.Shr(v, bits[0]-shift)
	case uniform:
		v = b.Shl(v, shift-bits[0])
	default:
		v = b.ShrVar(v, dwordConst(net))
		if shift > 0 {
			v = b.And(v, splatByte(byte(1<<width-1)))
			return b.Shl(v, shift)
		}
	}
	if width == 8 {
		return v
	}
	return b.And(v, splatByte(byte((1<<width-1)<<shift)))
}

// shufflePattern picks a source byte for every lane and then treats the lanes that
// share a bit position together: a shift and a mask for each position.
func shufflePattern(b *ir.Builder, block ir.Mem, t *spec.Type, at func(int) (int, int), width, shift int) *ir.Value {
	v := windowBytes(b, block, t, func(i int) int { o, _ := at(i); return o })
	if v == nil {
		return nil
	}
	if width == 1 {
		mask, set := make([]byte, chunk), make([]byte, chunk)
		for i := range mask {
			_, r := at(i)
			mask[i], set[i] = 1<<r, 1<<shift
		}
		v = b.And(v, ir.Lanes(mask))
		v = b.EqB(v, mask)
		return b.And(v, ir.Lanes(set))
	}
	var sum *ir.Value
	for r := range 8 {
		mask, used := make([]byte, chunk), false
		for i := range mask {
			if _, ri := at(i); ri == r {
				mask[i], used = byte((1<<width-1)<<shift), true
			}
		}
		if !used {
			continue
		}
		part := v
		if r > shift {
			part = b.Shr(v, r-shift)
		} else if r < shift {
			part = b.Shl(v, shift-r)
		}
		part = b.And(part, ir.Lanes(mask))
		if sum != nil {
			part = b.Or(sum, part)
		}
		sum = part
	}
	return sum
}

// windowBytes brings the byte at off(i) into lane i by one load, or one for each 16 lanes,
// and one shuffle; nil when a half reaches further than 16 bytes.
func windowBytes(b *ir.Builder, block ir.Mem, t *spec.Type, off func(int) int) *ir.Value {
	index := make([]byte, chunk)
	if from, n := window(t, off); n > 0 {
		for i := range index {
			index[i] = byte(off(i) - from)
		}
		return b.Shuffle(b.LoadDup(bytes(chunk), block.Plus(from), n, "raw"), index)
	}
	var start [2]int
	for h := range 2 {
		lo, hi := off(16*h), off(16*h)
		for i := 16 * h; i < 16*h+16; i++ {
			lo, hi = min(lo, off(i)), max(hi, off(i))
		}
		start[h] = max(0, min(lo, t.Bytes-16))
		if hi-start[h] > 15 {
			return nil
		}
	}
	for i := range index {
		index[i] = byte(off(i) - start[i/16])
	}
	return b.Shuffle(loadWindow(b, block, t, start), index)
}

// window is the shortest window of the block, n bytes from its byte from on, that holds the
// bytes of all lanes; n is 0 when 16 bytes do not.
func window(t *spec.Type, off func(int) int) (from, n int) {
	lo, hi := off(0), off(0)
	for i := range chunk {
		lo, hi = min(lo, off(i)), max(hi, off(i))
	}
	for _, n := range []int{4, 8, 16} {
		if from := min(lo, t.Bytes-n); from >= 0 && hi-from < n {
			return from, n
		}
	}
	return 0, 0
}

// loadWindow loads 16 bytes from start[0] and start[1] into the two halves, never past the block.
func loadWindow(b *ir.Builder, block ir.Mem, t *spec.Type, start [2]int) *ir.Value {
	switch {
	case t.Bytes < 16:
		return b.LoadBytes(bytes(chunk), block, t.Bytes, "raw")
	case start[0] == start[1]:
		return b.LoadDup(bytes(chunk), block.Plus(start[0]), 16, "raw")
	}
	return b.LoadPair(bytes(chunk), block.Plus(start[0]), block.Plus(start[1]), "raw")
}

func splatByte(x byte) ir.Lanes {
	c := make([]byte, chunk)
	for i := range c {
		c[i] = x
	}
	return c
}

func dwordConst(v []uint32) ir.Lanes {
	var c []byte
	for _, x := range v {
		c = binary.LittleEndian.AppendUint32(c, x)
	}
	return c
}
