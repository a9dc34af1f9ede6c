package kv

import "github.com/kvgen/kvgen/kernels"

// Pair holds the two sides of a layer, whose rows lie in the same cells.
type Pair struct{ K, V *Side }

// Rows holds all rows of one layer, in segments: the packed rows, and the exact ones where the
// policy keeps some. A position is in exactly one segment.
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

// Segments returns the packed rows and, if Exact, the exact ones.
func (r *Rows) Segments() []Pair { return r.segments }

// Exact reports whether some rows are kept exact. Then a batch is stored and seen in steps:
//
//	for lo := 0; lo < n; lo = hi {
//		hi = lo + r.Next()
//		r.Store(...)  // tokens lo..hi-1
//		              // attention of tokens lo..hi-1 over the segments
//	}
func (r *Rows) Exact() bool { return r.group.exact != nil }

// Next gives cells to the next tokens of the last Place, as many as can be stored before one of
// them attends, and returns their number.
func (r *Rows) Next() int { return r.group.advance() }

// Target is the index of the segment that Store puts the tokens of the last Next into; Batch of its
// cells says where. Where nothing is kept exact it is 0, also after Place.
func (r *Rows) Target() int {
	if r.group.exact == nil || r.group.direct {
		return 0
	}
	return 1
}

// Evictions returns the rows that Store evicts: exact cells, and the packed cells that they go to.
// Both are valid until the next Next.
func (r *Rows) Evictions() (exact, packed []int32) {
	g := r.group
	if len(g.evicting) == 0 {
		return nil, nil
	}
	return g.evicting, g.packed.batch
}

// Shares is how many parts Store can be divided into: a head of a side each.
func (r *Rows) Shares() int { return 2 * r.segments[0].K.Heads }

// Store packs the evicted rows and stores the tokens of the last Next, for shares lo..hi-1 of
// Shares. k and v begin with the first of these tokens; a token follows every ldk and ldv values.
// Several goroutines may store different shares, each with its own workspace.
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
		if len(g.evicting) > 0 {
			p.storeFrom(ws, from, g.evicting, h)
		}
		s.storeHead(ws, x, ld, h)
	}
}

func (r *Rows) sides() (all []*Side) {
	for _, p := range r.segments {
		all = append(all, p.K, p.V)
	}
	return all
}
