package attention

import (
	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/cpu"
)

// layTask lays the queries as the keys are stored, and rounds them for the fast form.
type layTask struct{ d *Driver }

func (t *layTask) Do(w, workers int) {
	d := t.d
	l, k, act := d.b.Layer, d.b.KV.K, &d.workers[w].act
	lo, hi := cpu.Split(d.rows, cpu.ActStep, w, workers)
	if lo == hi {
		return
	}
	for kvh := range l.KVHeads {
		rows := d.q[(kvh*d.rows+lo)*k.Stored:][:(hi-lo)*k.Stored]
		for r := lo; r < hi; r++ {
			token, head := r/d.group, kvh*d.group+r%d.group
			k.Query(rows[(r-lo)*k.Stored:][:k.Stored], d.b.Q[(token*l.Heads+head)*l.KeyDim:])
		}
		if d.fast {
			*act = d.acts[kvh].From(lo)
			kernels.QuantiseAct(act, rows, k.Stored, hi-lo)
		}
	}
}

// scoreTask attends: each unit is a tile of queries of one KV head, over all chunks or over one.
type scoreTask struct {
	d            *Driver
	units, tiles int
}

func (t *scoreTask) Do(w, workers int) {
	d := t.d
	for u := w; u < t.units; u += workers { // interleaved: later tiles of a prefill see more and cost more
		if d.split {
			tile := u / len(d.chunks)
			p := &d.part[u]
			p.reset()
			d.attend(w, p, tile, &d.chunks[u%len(d.chunks)])
			continue
		}
		p := &d.part[w]
		p.reset()
		for c := range d.chunks {
			acc := &d.workers[w].chunk
			acc.reset()
			if d.attend(w, acc, u, &d.chunks[c]) {
				p.merge(acc, d.b.KV.V.Stored)
			}
		}
		d.finish(w, p, u)
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
		for c := range d.chunks {
			acc.merge(&d.part[u*len(d.chunks)+c], d.b.KV.V.Stored)
		}
		d.finish(w, acc, u)
	}
}

// tileOf is the KV head and the tokens of tile number u; all tiles of a KV head follow one another.
func (d *Driver) tileOf(u int) (kvHead, lo, hi int) {
	tiles := d.score.tiles
	lo = u % tiles * d.tile
	return u / tiles, lo, min(lo+d.tile, len(d.b.Pos))
}
