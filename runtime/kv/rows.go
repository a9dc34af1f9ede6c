package kv

import "github.com/kvgen/kvgen/kernels"

// Pair is the two sides of a layer, whose rows lie in the same cells.
type Pair struct{ K, V *Side }

// Rows is what a cache holds of one layer, in segments: the packed rows and, where the policy keeps
// some exact, those. A position is in exactly one of them.
type Rows struct {
	segments []Pair
	group    *group
	layer    int // of the model
}

func newRows(table *kernels.Table, l LayerPlan, g *group) Rows {
	r := Rows{group: g, layer: l.Layer.Index, segments: []Pair{{
		K: newSide(table, l.K.Effective, l.Layer.Heads, l.Layer.KeyDim, g.packed),
		V: newSide(table, l.V.Effective, l.Layer.Heads, l.Layer.ValueDim, g.packed),
	}}}
	if g.exact != nil {
		exact := Choice{Type: l.Ends.Type}
		r.segments = append(r.segments, Pair{
			K: newSide(table, exact, l.Layer.Heads, l.Layer.KeyDim, g.exact),
			V: newSide(table, exact, l.Layer.Heads, l.Layer.ValueDim, g.exact),
		})
	}
	return r
}

// Segments is the packed rows and, if Exact, the exact ones.
func (r *Rows) Segments() []Pair { return r.segments }

// Exact says whether some rows are kept exact. Then a batch is stored and seen in steps:
//
//	for lo := 0; lo < n; lo = hi {
//		hi = lo + r.Next()
//		r.Store(...)  // tokens lo..hi-1
//		              // attention of tokens lo..hi-1 over the segments
//	}
func (r *Rows) Exact() bool { return r.group.exact != nil }

// Next gives cells to the next tokens of the batch placed last, as many as can be stored before one
// of them must see, and returns their number.
func (r *Rows) Next() int { return r.group.advance() }

// Target is the number of the segment that Store puts the tokens of the last Next into, by Batch of
// its cells. It is that of Cache.Place too, where nothing is kept exact.
func (r *Rows) Target() int {
	if r.group.exact == nil || r.group.direct {
		return 0
	}
	return 1
}

// Moves is the rows that Store packs: exact cells, and the packed cells that they go to. They are
// valid until the next Next.
func (r *Rows) Moves() (exact, packed []int32) {
	g := r.group
	if len(g.moving) == 0 {
		return nil, nil
	}
	return g.moving, g.packed.batch
}

// Shares is the number of parts that Store can be divided into.
func (r *Rows) Shares() int { return 2 * r.segments[0].K.Heads }

// Store packs the rows that leave the exact ones and stores the tokens of the last Next, of the
// sides' heads lo..hi-1 of Shares. k and v begin with the first of these tokens and hold one every
// ldk and ldv values. Several goroutines may store different heads, each with its own workspace.
func (r *Rows) Store(ws *kernels.Workspace, k []float32, ldk int, v []float32, ldv int, lo, hi int) {
	g, packed := r.group, r.segments[0]
	to := r.segments[len(r.segments)-1]
	if g.direct {
		to = packed
	}
	for i := lo; i < hi; i++ {
		from, p, s, x, ld, h := r.segments[1].K, packed.K, to.K, k, ldk, i
		if i >= packed.K.Heads {
			from, p, s, x, ld, h = r.segments[1].V, packed.V, to.V, v, ldv, i-packed.K.Heads
		}
		if len(g.moving) > 0 {
			p.take(ws, from, g.moving, h)
		}
		s.storeHead(ws, x, ld, h)
	}
}

// sides is all sides of the segments.
func (r *Rows) sides() (all []*Side) {
	for _, p := range r.segments {
		all = append(all, p.K, p.V)
	}
	return all
}
