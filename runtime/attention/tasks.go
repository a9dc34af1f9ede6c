package attention

import (
	"github.com/kvgen/kvgen/runtime/cpu"
)

// layTask lays the queries as the keys of each segment are stored, and rounds them for the fast
// form.
type layTask struct{ d *Driver }

func (t *layTask) Do(w, workers int) {
	d := t.d
	lo, hi := cpu.Split(d.rows, cpu.ActStep, w, workers)
	if lo == hi {
		return
	}
	for kvh := range d.b.Layer.KVHeads {
		for i := range d.segs {
			l := d.b.Layer
			d.segs[i].keys.prepare(d, w, kvh, lo, hi, 0, l.KeyDim)
			if l.Latent {
				d.segs[i].latent.prepare(d, w, kvh, lo, hi, l.KeyDim, l.QueryDim())
			}
		}
		if o := d.b.Offset; o != nil {
			n := 2 * o.Rope.pairs
			for r := lo; r < hi; r++ {
				o.coefficients(d.coef[(kvh*d.rows+r)*n:][:n], d.query(kvh, r)[:d.b.Layer.KeyDim], kvh)
			}
		}
	}
}

// query is row r of a KV head.
func (d *Driver) query(kvh, r int) []float32 {
	l, token, head := d.b.Layer, r/d.group, kvh*d.group+r%d.group
	return d.b.Q[(token*l.Heads+head)*l.QueryDim():][:l.QueryDim()]
}

// prepare writes values from..to-1 of the query rows lo..hi-1 of a KV head in the form that the
// kernels of the side take.
func (s *laid) prepare(d *Driver, w, kvh, lo, hi, from, to int) {
	k, act := s.side, &d.workers[w].act
	rows := s.q[(kvh*d.rows+lo)*k.Stored:][:(hi-lo)*k.Stored]
	for r := lo; r < hi; r++ {
		k.Query(rows[(r-lo)*k.Stored:][:k.Stored], d.query(kvh, r)[from:to])
	}
	if s.fast {
		*act = s.acts[kvh].From(lo)
		d.table.QuantiseAct(act, rows, k.Stored, hi-lo)
	}
}

// scoreTask attends: each unit is a tile of queries of one KV head, over all chunks or over one.
type scoreTask struct {
	d            *Driver
	units, tiles int
}

func (t *scoreTask) Do(w, workers int) {
	d := t.d
	// interleaved: later tiles of a prefill see more and cost more
	for u := w; u < t.units; u += workers {
		if d.split {
			tile, c := u/d.chunks, u%d.chunks
			i := 0
			for c >= len(d.segs[i].chunks) {
				c -= len(d.segs[i].chunks)
				i++
			}
			if p, s := &d.part[u], &d.segs[i].chunks[c]; d.sees(tile, s) {
				p.reset()
				d.attend(w, p, tile, &d.segs[i], s)
			}
			continue
		}
		p := &d.part[w]
		p.reset()
		for i := range d.segs {
			d.collect(w, p, u, &d.segs[i], func(c int) *partial {
				acc := &d.workers[w].chunk
				acc.reset()
				d.attend(w, acc, u, &d.segs[i], &d.segs[i].chunks[c])
				return acc
			})
		}
		d.finish(p, u)
	}
}

// collect adds to p what tile u has seen in the chunks of a segment.
func (d *Driver) collect(w int, p *partial, u int, g *segment, seen func(c int) *partial) {
	to := p
	if len(d.segs) > 1 {
		to = &d.workers[w].seg
		to.reset()
	}
	for c := range g.chunks {
		if d.sees(u, &g.chunks[c]) {
			to.merge(d.vec, seen(c), g.V.Stored, d.stride)
		}
	}
	if to != p {
		d.toModel(to, g)
		p.merge(d.vec, to, d.b.Layer.ValueDim, d.stride)
	}
}

// mergeTask merges the chunks of each tile.
type mergeTask struct {
	d     *Driver
	units int
}

func (t *mergeTask) Do(w, workers int) {
	d := t.d
	for u := w; u < t.units; u += workers {
		acc := &d.workers[w].chunk
		acc.reset()
		parts := d.part[u*d.chunks:]
		for i := range d.segs {
			d.collect(w, acc, u, &d.segs[i], func(c int) *partial { return &parts[c] })
			parts = parts[len(d.segs[i].chunks):]
		}
		d.finish(acc, u)
	}
}

// tileOf is the KV head and the tokens of tile number u; all tiles of a KV head follow one another.
func (d *Driver) tileOf(u int) (kvHead, lo, hi int) {
	tiles := d.score.tiles
	lo = u % tiles * d.tile
	return u / tiles, lo, min(lo+d.tile, len(d.b.Pos))
}
