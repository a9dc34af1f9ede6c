package attention

import (
	"math"
	"slices"

	"github.com/kvgen/kvgen/runtime/cpu"
	"github.com/kvgen/kvgen/runtime/kv"
)

var none = float32(math.Inf(-1))

func (p *partial) reset() {
	for i := range p.max {
		p.max[i], p.sum[i] = none, 0
	}
	clear(p.out)
}

// attend adds to p, which is fresh, what tile u sees in one chunk of a segment.
func (d *Driver) attend(w int, p *partial, u int, g *segment, s *span) {
	kvHead, t0, t1 := d.tileOf(u)
	for lo, hi := t0, 0; lo < t1; lo = hi {
		part := tokenRun{tile: t0, lo: lo}
		part.hi, part.set = d.partEnd(s, lo, t1)
		if hi = part.hi; d.b.Seqs == nil || s.any&part.set != 0 {
			part.whole = lo == t0 && hi == t1
			d.attendPart(w, p, kvHead, &part, g, s)
		}
	}
}

// tokenRun is tokens of a tile that see the same cells of a chunk, but for their positions.
type tokenRun struct {
	tile   int // first token of the tile
	lo, hi int // tokens of the batch
	whole  bool
	set    kv.Set // their sequences; unused in caches of one
}

// partEnd is where the part ends that begins with token lo, and its sequences: tokens of one
// sequence, or of several that share all there is in a chunk.
func (d *Driver) partEnd(s *span, lo, end int) (hi int, set kv.Set) {
	seqs := d.b.Seqs
	if seqs == nil {
		return end, 0
	}
	set = kv.Of(int(seqs[lo]))
	for hi = lo + 1; hi < end; hi++ {
		both := set | kv.Of(int(seqs[hi]))
		if both != set && s.all&both != both {
			break
		}
		set = both
	}
	return hi, set
}

// sees says whether anything in a chunk is for tile u.
func (d *Driver) sees(u int, s *span) bool {
	if d.b.Seqs == nil {
		return true
	}
	_, t0, t1 := d.tileOf(u)
	for _, seq := range d.b.Seqs[t0:t1] {
		if s.any.Has(int(seq)) {
			return true
		}
	}
	return false
}

// attendPart adds what a part of a tile sees in one chunk.
func (d *Driver) attendPart(w int, p *partial, kvHead int, t *tokenRun, g *segment, s *span) {
	b, x := d.b, &d.workers[w]
	all := g.K.Cells.Pos()
	first, last := d.visible(g, s, t)
	if first >= last {
		return
	}
	v, l := g.V, b.Layer
	m, rows, at := (t.hi-t.lo)*d.group, last-first, (t.lo-t.tile)*d.group
	row := kvHead*d.rows + t.lo*d.group
	g.keys.score(d, x, x.scores, kvHead, t, first, rows)
	if l.Latent {
		g.latent.score(d, x, x.more, kvHead, t, first, rows)
		for j := range m {
			d.vec.Add(x.scores[j*chunk:][:rows], x.more[j*chunk:][:rows])
		}
	}
	pos := all[first:last]
	var sets []kv.Set
	if t.set != 0 && s.all&t.set != t.set {
		sets = g.K.Cells.Sets()[first:last]
		if !slices.ContainsFunc(sets, func(x kv.Set) bool { return x&t.set == 0 }) {
			sets = nil
		}
	}
	if b.Offset != nil {
		n := 2 * b.Offset.Rope.pairs
		b.Offset.add(x, d.coef[row*n:][:m*n], m, pos, s.straight)
	}
	for j := range m {
		sc, scale := x.scores[j*chunk:][:rows], l.Scale
		if l.SoftCap > 0 {
			d.vec.Scale(sc, scale)
			d.vec.SoftCap(sc, l.SoftCap)
			scale = 1
		}
		d.mask(sc, s, pos, b.Pos[t.lo+j/d.group])
		for i, set := range sets { // the part has one sequence, or sets would not be there
			if set&t.set == 0 {
				sc[i] = none
			}
		}
		top := d.vec.Max(sc) * scale
		if p.max[at+j] = top; top == none {
			clear(sc)
			continue
		}
		p.sum[at+j] = d.vec.ExpSum(sc, scale, top)
	}
	mix := v.Impl.Mix
	if b.Fast && v.Impl.MixQ8 != nil {
		mix = v.Impl.MixQ8
	}
	mix(p.out[at*d.stride:], d.stride, x.scores, chunk, m, v.Head(kvHead)[first*v.RowBytes:], v.RowBytes, rows, v.Stored, &x.ws)
}

// score multiplies the queries of a part by rows of a side from cell first on.
func (s *laid) score(d *Driver, x *worker, scores []float32, kvHead int, t *tokenRun, first, rows int) {
	k, m := s.side, (t.hi-t.lo)*d.group
	keys := k.Head(kvHead)[first*k.RowBytes:]
	q := s.q[(kvHead*d.rows+t.lo*d.group)*k.Stored:][:m*k.Stored]
	switch {
	case !s.fast:
		k.Impl.Matmul(scores, chunk, q, k.Stored, m, keys, k.RowBytes, rows, k.Stored, &x.ws)
	case t.whole:
		x.act = s.acts[kvHead].From(t.lo * d.group)
		k.Impl.MatmulQ8(scores, chunk, &x.act, m, keys, k.RowBytes, rows, k.Stored, &x.ws)
	default: // an Act can be cut in steps of cpu.ActStep only
		x.some.Resize(m, k.Stored, k.Type.ActGroup)
		d.table.QuantiseAct(&x.some, q, k.Stored, m)
		k.Impl.MatmulQ8(scores, chunk, &x.some, m, keys, k.RowBytes, rows, k.Stored, &x.ws)
	}
}

// visible narrows a chunk to the cells between the first and the last that a part of a tile sees.
func (d *Driver) visible(g *segment, s *span, t *tokenRun) (first, last int) {
	lo, hi := d.b.Pos[t.lo], d.b.Pos[t.hi-1]
	if t.set&(t.set-1) != 0 { // of several sequences
		for _, p := range d.b.Pos[t.lo:t.hi] {
			lo, hi = min(lo, p), max(hi, p)
		}
	}
	from := d.b.Layer.first(lo)
	first, last = s.lo, s.hi
	if s.max < 0 || s.min > hi || s.max < from {
		return first, first
	}
	if s.max <= hi && !s.incomplete && s.min >= from && s.all&t.set == t.set {
		return first, last
	}
	pos, sets := g.K.Cells.Pos(), g.K.Cells.Sets()
	hidden := func(cell int) bool {
		p := pos[cell]
		return p < max(0, from) || p > hi || (t.set != 0 && sets[cell]&t.set == 0)
	}
	for first < last && hidden(first) {
		first++
	}
	for first < last && hidden(last-1) {
		last--
	}
	return first, last
}

// mask hides the scores of cells that a query at position p does not see.
func (d *Driver) mask(sc []float32, s *span, pos []int32, p int32) {
	from := max(0, d.b.Layer.first(p))
	if s.max <= p && !s.incomplete && s.min >= from {
		return
	}
	for t, at := range pos {
		if at < from || at > p {
			sc[t] = none
		}
	}
}

// merge adds what b has seen to p: the first n values of rows that are stride apart.
func (p *partial) merge(v cpu.Vec, b *partial, n, stride int) {
	for j, m := range b.max {
		if m == none {
			continue
		}
		top := max(p.max[j], m)
		a, c := cpu.Exp(p.max[j]-top), cpu.Exp(m-top)
		p.max[j], p.sum[j] = top, p.sum[j]*a+b.sum[j]*c
		v.Blend(p.out[j*stride:][:n], b.out[j*stride:][:n], a, c)
	}
}

// toModel brings the rows of p from the basis in which the segment stores values to the model's.
func (d *Driver) toModel(p *partial, g *segment) {
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
			// The sink takes part in the maximum only to keep exp within range, which it does
			// without moving p.max here.
			top := max(p.max[j], l.Sinks[h])
			shrink := cpu.Exp(p.max[j] - top)
			sum = sum*shrink + cpu.Exp(l.Sinks[h]-top)
			d.vec.Scale(o, shrink)
		}
		if sum > 0 {
			d.vec.Scale(o, 1/sum)
		}
		to := b.Out[((t0+j/d.group)*l.Heads+h)*l.ValueDim:][:l.ValueDim]
		if len(d.segs) > 1 {
			copy(to, o) // brought already
		} else {
			v.Output(to, o)
		}
	}
}
