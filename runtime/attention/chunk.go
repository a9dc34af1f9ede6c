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

// attend adds to p, which is fresh, what tile u sees in one chunk. It reports whether it saw anything.
func (d *Driver) attend(w int, p *partial, u int, s *span) bool {
	b, x := d.b, &d.workers[w]
	kvHead, t0, t1 := d.tileOf(u)
	first, last := d.visible(s, b.Pos[t0], b.Pos[t1-1])
	if first >= last {
		return false
	}
	k, v, l := b.KV.K, b.KV.V, b.Layer
	m, rows := (t1-t0)*d.group, last-first
	keys := k.Head(kvHead)[first*k.RowBytes:]
	row := kvHead*d.rows + t0*d.group
	q := d.q[row*k.Stored:][:m*k.Stored]
	if d.fast {
		x.act = d.acts[kvHead].From(t0 * d.group)
		k.Impl.MatmulQ8(x.scores, chunk, &x.act, m, keys, k.RowBytes, rows, k.Stored, &x.ws)
	} else {
		k.Impl.Matmul(x.scores, chunk, q, k.Stored, m, keys, k.RowBytes, rows, k.Stored, &x.ws)
	}
	pos := k.Cells.Pos()[first:last]
	if b.Offset != nil {
		b.Offset.Add(x.scores, chunk, kvHead, q, b.Pos[t0:t1], pos)
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
	mix(p.out, v.Stored, x.scores, chunk, m, v.Head(kvHead)[first*v.RowBytes:], v.RowBytes, rows, v.Stored, &x.ws)
	return true
}

// visible narrows a chunk to the cells between the first and the last that a query at lo..hi sees.
func (d *Driver) visible(s *span, lo, hi int32) (first, last int) {
	pos, window := d.b.KV.K.Cells.Pos(), int32(d.b.Layer.Window)
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

// merge adds what b has seen to p; rows of out have n values.
func (p *partial) merge(b *partial, n int) {
	for j, m := range b.max {
		if m == none {
			continue
		}
		top := max(p.max[j], m)
		a, c := cpu.Exp(p.max[j]-top), cpu.Exp(m-top)
		p.max[j], p.sum[j] = top, p.sum[j]*a+b.sum[j]*c
		cpu.Blend(p.out[j*n:(j+1)*n], b.out[j*n:(j+1)*n], a, c)
	}
}

// finish divides by the sums, the sinks included, and writes the tile's outputs.
func (d *Driver) finish(w int, p *partial, u int) {
	b := d.b
	l, v := b.Layer, b.KV.V
	kvHead, t0, t1 := d.tileOf(u)
	for j := range (t1 - t0) * d.group {
		h := kvHead*d.group + j%d.group
		sum := p.sum[j]
		if l.Sinks != nil {
			// The sink takes part in the maximum only to keep exp within range, which it does without moving p.max here.
			top := max(p.max[j], l.Sinks[h])
			shrink := cpu.Exp(p.max[j] - top)
			sum = sum*shrink + cpu.Exp(l.Sinks[h]-top)
			cpu.Scale(p.out[j*v.Stored:][:v.Stored], shrink)
		}
		o := p.out[j*v.Stored:][:v.Stored]
		if sum > 0 {
			cpu.Scale(o, 1/sum)
		}
		v.Output(b.Out[((t0+j/d.group)*l.Heads+h)*l.ValueDim:][:l.ValueDim], o)
	}
}
