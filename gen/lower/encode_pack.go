package lower

import (
	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/spec"
)

// bitRun is a run of bits of one 32-bit word of a field of bytes: it takes width bits of
// a code from bit down on and stands at bit up.
type bitRun struct {
	v               variable
	i               int // the value of the block whose code it is
	down, width, up int
}

// store writes fields and codes in the order of the layout.
func (e *encoder) store() {
	for _, f := range e.t.Fields {
		if f.Kind == spec.U8 {
			e.b.Note(f.Name + ": codes to bits, then words to blocks")
			e.storeBytes(f)
			continue
		}
		e.b.Note(f.Name)
		e.storeFloat(f)
	}
}

// storeFloat rounds a scalar to its field.
func (e *encoder) storeFloat(f *spec.Field) {
	b, to := e.b, ir.At(e.dst, f.Offset)
	v, ok := e.vars[f.Name]
	if !ok {
		giveUp("encode does not assign %s", f.Name)
	}
	x := e.get(v, cursor{}, f.Name)
	switch f.Kind {
	case spec.F16, spec.BF16:
		half := b.ToF16
		if f.Kind == spec.BF16 {
			half = b.ToBF16
		}
		x = half(x).Named(f.Name)
		if e.t.Block == 1 {
			b.StoreHalves(x, to)
			return
		}
		b.ScatterHalf(to, e.t.Bytes, x)
	case spec.F32:
		if e.t.Block == 1 {
			b.Store(x, to)
			return
		}
		b.Scatter(to, e.t.Bytes, x)
	case spec.E8M0:
		b.ScatterByte(to, e.t.Bytes, b.Shr(as(b, i32s(e.n), x), 23))
	}
}

// words inverts the codes: the runs of bits of each word of the field.
func (e *encoder) words(f *spec.Field) [][]bitRun {
	words := make([][]bitRun, (f.Bytes+3)/4)
	for _, c := range e.t.Codes {
		v, ok := e.vars[c.Name]
		if !ok {
			continue
		}
		seen := map[spec.Part]bool{} // bits that several entries name keep the last
		for i := len(c.Parts) - c.Group; i >= 0; i -= c.Group {
			for _, p := range c.Parts[i] {
				if p.Field != f || seen[p] {
					continue
				}
				seen[p] = true
				for bit := p.Bit; bit < p.Bit+p.Width; {
					at := bit - 8*f.Offset
					width := min(p.Bit+p.Width-bit, 32-at%32)
					words[at/32] = append(words[at/32], bitRun{v, i, p.Shift + bit - p.Bit, width, at % 32})
					bit += width
				}
			}
		}
	}
	return words
}

// quad is the number of words that are stored together.
const quad = 4

// storeBytes packs a field of bytes: four words at a time, alike ones in a loop, then
// what is left by pieces of 8, 4, 2 and 1 bytes.
func (e *encoder) storeBytes(f *spec.Field) {
	words := e.words(f)
	full := f.Bytes / 4
	k := 0
	for k+quad <= full {
		unit, n, step := alike(words[k : full/quad*quad])
		to := ir.At(e.dst, f.Offset+4*k)
		if n > 1 {
			e.storeLoop(words[k:k+unit], to, n, step)
		} else {
			unit = quad
			e.b.Scatter(to, e.t.Bytes, e.pack(words[k:k+quad], nil)...)
		}
		k += n * unit
	}
	for _, n := range []int{2, 1} {
		if full-k >= n {
			e.b.Scatter(ir.At(e.dst, f.Offset+4*k), e.t.Bytes, e.pack(words[k:k+n], nil)...)
			k += n
		}
	}
	if f.Bytes%4 == 0 {
		return
	}
	rest, to := e.pack(words[k:], nil)[0], ir.At(e.dst, f.Offset+4*k)
	if f.Bytes%4 >= 2 {
		e.b.ScatterHalf(to, e.t.Bytes, rest)
		rest, to = e.b.Shr(rest, 16), to.Plus(2)
	}
	if f.Bytes%2 == 1 {
		e.b.ScatterByte(to, e.t.Bytes, rest)
	}
}

// alike finds units of words at the beginning that differ from each other in nothing but
// their values, each step values after the one before: n of them, worth a loop, or n is 1.
// A unit is a quad, or several where the values of a field are interleaved more widely.
func alike(words [][]bitRun) (unit, n, step int) {
	for unit = quad; 2*unit <= len(words) && unit <= 4*quad; unit *= 2 {
		least := 2
		if unit == quad {
			least = 3
		}
		if n, step = repeated(words, unit); n >= least && step > 0 {
			return unit, n, step
		}
	}
	return quad, 1, 0
}

// repeated counts the units at the beginning of words that are alike.
func repeated(words [][]bitRun, unit int) (n, step int) {
	n = 1
	for (n+1)*unit <= len(words) {
		for w := range unit {
			a, b := words[(n-1)*unit+w], words[n*unit+w]
			if len(a) != len(b) || len(a) == 0 {
				return n, step
			}
			for j := range a {
				shifted := a[j]
				if step == 0 {
					step = b[j].i - a[j].i
				}
				shifted.i += step
				if shifted != b[j] || a[j].v.group != 1 {
					return n, step
				}
			}
		}
		n++
	}
	return n, step
}

// storeLoop packs n units of words that are alike, a quad at a time.
func (e *encoder) storeLoop(unit [][]bitRun, to ir.Mem, n, step int) {
	b := e.b
	dst := b.Copy(e.dst, "to")
	index, left := b.ZeroWord("index"), count(b, n)
	b.Loop(left, 1, func() {
		for k := 0; k < len(unit); k += quad {
			b.Scatter(ir.At(dst, to.Off+4*k), e.t.Bytes, e.pack(unit[k:k+quad], index)...)
		}
		b.AddImm(dst, 4*len(unit))
		b.AddImm(index, 4*step)
	})
}

// pack is each word with its runs of bits in place, the rest 0.
func (e *encoder) pack(words [][]bitRun, index *ir.Value) []*ir.Value {
	b := e.b
	var out []*ir.Value
	for _, runs := range words {
		var word *ir.Value
		for _, r := range runs {
			x := e.get(r.v, cursor{index: index, first: r.i}, "code")
			if r.down > 0 {
				x = b.Shr(x, r.down)
			}
			if r.up+r.width < 32 && (r.v.below == 0 || r.v.below > 1<<(r.down+r.width)) {
				x = b.And(x, ir.Splat(1<<r.width-1))
			}
			if r.up > 0 {
				x = b.Shl(x, r.up)
			}
			if word != nil {
				x = b.Or(word, x)
			}
			word = x
		}
		if word == nil {
			word = b.Zero(i32s(e.n), "word")
		}
		out = append(out, word)
	}
	return out
}
