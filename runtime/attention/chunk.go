package attention

import (
	"math"

	"github.com/kvgen/kvgen/runtime/cpu"
)

var none = float32(math.Inf(-1))

func (p *partial) reset() {
	for i := range p.max {
		p.max[i], p.sum[i] = none, 0
	}
	clear(p.out)
}

// attend adds to p, which is fresh, what tile u sees in one chunk of a segment. It reports whether it saw anything.
func (d *Driver) attend(w int, p *partial, u int, g *segment, s *span) bool {
	b, x := d.b, &d.workers[w]
	kvHead, t0, t1 := d.tileOf(u)
	all := g.K.Cells.Pos()
	first, last := d.visible(all, s, b.Pos[t0], b.Pos[t1-1])
	if first >= last {
		return false
	}
	k, v, l := g.K, g.V, b.Layer
	m, rows := (t1-t0)*d.group, last-first
	keys := k.Head(kvHead)[first*k.RowBytes:]
	row := kvHead*d.rows + t0*d.group
	q := g.q[row*k.Stored:][:m*k.Stored]
	if g.fast {
		x.act = g.acts[kvHead].From(t0 * d.group)
		k.Impl.MatmulQ8(x.scores, chunk, &x.act, m, keys, k.RowBytes, rows, k.Stored, &x.ws)
	} else {
		k.Impl.Matmul(x.scores, chunk, q, k.Stored, m, keys, k.RowBytes, rows, k.Stored, &x.ws)
	}
	pos := all[first:last]
	if b.Offset != nil {
		n := 2 * b.Offset.Turn.pairs
		b.Offset.add(x, d.coef[row*n:][:m*n], m, pos)
	}
	for j := range m {
		sc, scale := x.scores[j*chunk:][:rows], l.Scale
		if l.SoftCap > 0 {
			cpu.Scale(sc, scale)
			cpu.SoftCap(sc, l.SoftCap)
			scale = 1
		}
		d.mask(sc, s, pos, b.Pos[t0+j/d.group])
		top := cpu.Max(sc) * scale
		if p.max[j] = top; top == none {
			clear(sc)
			continue
		}
		p.sum[j] = cpu.ExpSum(sc, scale, top)
	}
	mix := v.Impl.Mix
	if b.Fast && v.Impl.MixQ8 != nil {
		mix = v.Impl.MixQ8
	}
	mix(p.out, d.stride, x.scores, chunk, m, v.Head(kvHead)[first*v.RowBytes:], v.RowBytes, rows, v.Stored, &x.ws)
	return true
}

// visible narrows a chunk to the cells between the first and the last that a query at lo..hi sees.
func (d *Driver) visible(pos []int32, s *span, lo, hi int32) (first, last int) {
	window := int32(d.b.Layer.Window)
	first, last = s.lo, s.hi
	if s.max < 0 || s.min > hi || (window > 0 && lo-s.max >= window) {
		return first, first
	}
	if s.max <= hi && !s.incomplete && (window == 0 || lo-s.min < window) {
		return first, last
	}
	hidden := func(p int32) bool { return p < 0 || p > hi || (window > 0 && lo-p >= window) }
	for first < last && hidden(pos[first]) {
		first++
	}
	for first < last && hidden(pos[last-1]) {
		last--
	}
	return first, last
}

// mask hides the scores of cells that a query at position p does not see.
func (d *Driver) mask(sc []float32, s *span, pos []int32, p int32) {
	window := int32(d.b.Layer.Window)
	if s.max <= p && !s.incomplete && (window == 0 || p-s.min < window) {
		return
	}
	for t, at := range pos {
		if at < 0 || at > p || (window > 0 && p-at >= window) {
			sc[t] = none
		}
	}
}

// merge adds what b has seen to p: the first n values of rows that are stride apart.
func (p *partial) merge(b *partial, n, stride int) {
	for j, m := range b.max {
		if m == none {
			continue
		}
		top := max(p.max[j], m)
		a, c := cpu.Exp(p.max[j]-top), cpu.Exp(m-top)
		p.max[j], p.sum[j] = top, p.sum[j]*a+b.sum[j]*c
		cpu.Blend(p.out[j*stride:][:n], b.out[j*stride:][:n], a, c)
	}
}

// bring turns the rows of p from how the segment stores values to how the model computes them.
func (d *Driver) bring(p *partial, g *segment) {
	for j, m := range p.max {
		if m != none {
			o := p.out[j*d.stride:][:g.V.Stored]
			g.V.Output(o, o)
		}
	}
}

// finish divides by the sums, the sinks included, and writes the tile's outputs.
func (d *Driver) finish(p *partial, u int) {
	b := d.b
	l, v := b.Layer, d.segs[0].V
	kvHead, t0, t1 := d.tileOf(u)
	for j := range (t1 - t0) * d.group {
		h := kvHead*d.group + j%d.group
		sum := p.sum[j]
		o := p.out[j*d.stride:][:d.stride]
		if l.Sinks != nil {
			// The sink takes part in the maximum only to keep exp within range, which it does without moving p.max here.
			top := max(p.max[j], l.Sinks[h])
			shrink := cpu.Exp(p.max[j] - top)
			sum = sum*shrink + cpu.Exp(l.Sinks[h]-top)
			cpu.Scale(o, shrink)
		}
		if sum > 0 {
			cpu.Scale(o, 1/sum)
		}
		to := b.Out[((t0+j/d.group)*l.Heads+h)*l.ValueDim:][:l.ValueDim]
		if len(d.segs) > 1 {
			copy(to, o) // brought already
		} else {
			v.Output(to, o)
		}
	}
}
