package engine

import "github.com/kvgen/kvgen/runtime/program"

// low is a matrix of low rank that is added to a part: the place of its first column among those of
// the product.
type low struct {
	program.Low
	column int
}

// lowRank computes Scale * A x of tokens lo..hi-1, for everything that is added to the product's
// matrices. The input is in f32, as it came.
func (t *prepTask) lowRank(w, lo, hi int) {
	s, n, rank := &t.p.workers[w], t.g.n, t.g.rank
	for _, q := range t.g.parts {
		for _, l := range q.low {
			y := t.low[lo*rank+l.column:]
			l.A.Type.Best().Matmul(y, rank, t.x[lo*n:], n, hi-lo, l.A.Data[0], l.A.Type.RowBytes(n), l.A.Rows, n, &s.ws)
			for j := range hi - lo {
				row := y[j*rank:][:l.A.Rows]
				for i := range row {
					row[i] *= l.Scale
				}
			}
		}
	}
}

// add adds rows lo..hi-1 of B times what lowRank computed to the same of a part.
func (t *mulTask) add(w int, q *part, l low, y []float32, lo, hi int) {
	s, rank, stride := &t.p.workers[w], t.g.rank, l.B.Type.RowBytes(l.B.N)
	for j := 0; j < t.p.n; j += tokenTile {
		m := min(tokenTile, t.p.n-j)
		s.low = grow(s.low, m*(hi-lo))
		l.B.Type.Best().Matmul(s.low, hi-lo, t.p.prep.low[j*rank+l.column:], rank, m, l.B.Data[0][lo*stride:hi*stride], stride, hi-lo, l.B.N, &s.ws)
		for i := range m {
			t.p.vec.Add(y[(j+i)*q.Rows+lo:(j+i)*q.Rows+hi], s.low[i*(hi-lo):][:hi-lo])
		}
	}
}
