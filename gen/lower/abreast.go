package lower

import (
	"slices"

	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/spec"
)

// Packed scales and mins of a block are codes of a few bits each. Where a machine shifts each byte
// by its own number, 16 of them are brought into bytes together, and made words afterwards.

// abreast is a code of several runs in the bytes of a register.
type abreast struct {
	bytes *ir.Value // 16, in both halves
	first int       // byte of run 0
	run   int       // values of a run
}

// codesAbreast gathers the codes of the expressions, one for each run of values: where these are
// too wide, too many, or too far apart, nothing is gathered.
func (r *reader) codesAbreast(run int, exprs ...spec.Expr) {
	var codes []*spec.Code
	for _, e := range exprs {
		if e == nil {
			continue
		}
		spec.Walk(e, func(e spec.Expr) {
			if ref, ok := e.(*spec.Ref); ok && ref.Code != nil && ref.Run() == run && !slices.Contains(codes, ref.Code) {
				codes = append(codes, ref.Code)
			}
		})
	}
	const bytes = 16
	side, n := map[*spec.Code]abreast{}, r.t.Block/run
	for len(codes) > 0 && n <= bytes {
		some := codes[:min(len(codes), bytes/n)]
		codes = codes[len(some):]
		v := r.gatherAbreast(some, n, run)
		if v == nil {
			return
		}
		for k, c := range some {
			side[c] = abreast{v, k * n, run}
		}
	}
	r.side = side
}

// gatherAbreast is n codes of each of some, as bytes; nil where a shuffle of 16 bytes does not hold
// them.
func (r *reader) gatherAbreast(some []*spec.Code, n, run int) *ir.Value {
	var lanes [][]spec.Part
	lo, hi := r.t.Bytes, 0
	for _, c := range some {
		for k := range n {
			parts := c.Parts[k*run]
			for _, p := range parts {
				if c.Bits > 8 || p.Bit%8+p.Width > 8 {
					return nil
				}
				lo, hi = min(lo, p.Bit/8), max(hi, p.Bit/8)
			}
			lanes = append(lanes, parts)
		}
	}
	if lo = max(0, min(lo, r.t.Bytes-16)); hi-lo > 15 || r.t.Bytes < 16 {
		return nil
	}
	raw := r.b.LoadDup(bytes(chunk), r.block.Plus(lo), 16, "codes")
	var sum *ir.Value
	for k := 0; slices.ContainsFunc(lanes, func(p []spec.Part) bool { return k < len(p) }); k++ {
		v := r.partAbreast(raw, lanes, k, lo)
		if sum != nil {
			v = r.b.Or(sum, v)
		}
		sum = v
	}
	return sum
}

// partAbreast is part k of the codes of all lanes.
func (r *reader) partAbreast(raw *ir.Value, lanes [][]spec.Part, k, lo int) *ir.Value {
	index, shift, mask := make([]byte, 16), make([]byte, 16), make([]byte, 16)
	for l := range index {
		if index[l] = 0x80; l < len(lanes) && k < len(lanes[l]) {
			p := lanes[l][k]
			index[l], shift[l], mask[l] = byte(p.Bit/8-lo), byte(p.Shift-p.Bit%8), byte((1<<p.Width-1)<<p.Shift)
		}
	}
	both := func(c []byte) []byte { return append(c, c...) }
	v := r.b.Shuffle(raw, both(index))
	if slices.Max(shift) != 0 {
		v = r.b.ShiftB(v, both(shift))
	}
	if slices.Min(mask) == 0xff {
		return v
	}
	return r.b.And(v, ir.Lanes(both(mask)))
}

// codeWords is a code in i32 lanes, lane l that of value index(l).
func (r *reader) codeWords(c *spec.Code, index func(l int) int) *ir.Value {
	a, ok := r.side[c]
	if !ok {
		return gatherWords(r.b, r.block, r.t, c, index)
	}
	at := 0 // of its word that a byte stands in: last for the sign
	if c.Signed {
		at = 3
	}
	order := slices.Repeat([]byte{0x80}, chunk)
	for l := range ir.VectorLanes {
		order[4*l+at] = byte(a.first + index(l)/a.run)
	}
	v := r.b.As(i32s(ir.VectorLanes), r.b.Shuffle(a.bytes, order))
	if !c.Signed {
		return v
	}
	if c.Bits < 8 {
		v = r.b.Shl(v, 8-c.Bits)
	}
	return r.b.Sar(v, 24+8-c.Bits)
}
