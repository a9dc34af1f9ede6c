package kv

import "github.com/kvgen/kvgen/kernels"

// Side holds the keys or the values of one layer.
type Side struct {
	Type     *kernels.Type
	Impl     *kernels.Impl
	Rotation *kernels.Rotation // nil for none
	Heads    int               // KV heads
	Dim      int               // values of a head, as the model computes it
	Stored   int               // values of a packed row, Dim or Dim padded to whole blocks
	RowBytes int
	Cells    *Cells

	table          *kernels.Table         // of the plan, for types that errors name
	rotate, domain *kernels.TransformImpl // nil for none
	slab           []byte                 // [Heads][capacity][RowBytes], so that one head streams
	// rows up to this sum of squares are known to fit the type
	safe  float64
	found found
}

func newSide(table *kernels.Table, c Choice, heads, dim int, cells *Cells) *Side {
	t := c.Type
	s := &Side{
		table: table, Type: t, Impl: t.Best(), Rotation: c.Rotation, Cells: cells,
		Heads: heads, Dim: dim, Stored: t.HeadDim(dim), RowBytes: t.RowBytes(t.HeadDim(dim)),
	}
	if t.Domain != nil {
		s.domain = t.Domain.Best()
	}
	if s.Rotation != nil {
		s.rotate = s.Rotation.Transform.Best()
	}
	s.learn()
	return s
}

// Bytes is the memory that the rows take.
func (s *Side) Bytes() int { return s.Heads * len(s.Cells.pos) * s.RowBytes }

// Head returns the packed rows of one head, one per cell.
func (s *Side) Head(h int) []byte {
	n := len(s.Cells.pos) * s.RowBytes
	return s.slab[h*n : (h+1)*n : (h+1)*n]
}

// row returns the packed row of one head in one cell.
func (s *Side) row(h, cell int) []byte { return s.Head(h)[cell*s.RowBytes:][:s.RowBytes] }

// rotateAndPad copies one head into a row of Stored values as Encode takes it.
func (s *Side) rotateAndPad(dst, x []float32) {
	copy(dst, x[:s.Dim])
	if s.rotate != nil {
		s.rotate.Forward(dst[:s.Dim])
	}
	clear(dst[s.Dim:])
}

// Store encodes tokens lo..hi-1 of the last batch, for all heads. x holds a token every ld values,
// its heads one after another. Several goroutines may store different tokens, each with its own
// workspace. Rows.Err reports rows that are no numbers, or that the type cannot hold.
func (s *Side) Store(ws *kernels.Workspace, x []float32, ld, lo, hi int) {
	cells := s.Cells.batch
	if hi-lo == 1 { // one call for all heads
		rows, packed := ws.Floats(s.Heads*s.Stored), ws.Raw(s.Heads*s.RowBytes)
		for h := range s.Heads {
			s.rotateAndPad(rows[h*s.Stored:(h+1)*s.Stored], x[lo*ld+h*s.Dim:])
		}
		s.Impl.Encode(packed, rows)
		for h := range s.Heads {
			copy(s.row(h, int(cells[lo])), packed[h*s.RowBytes:])
		}
		if !(sumSquares(rows) <= s.safe) {
			for h := range s.Heads {
				s.proveRow(rows[h*s.Stored:(h+1)*s.Stored], s.row(h, int(cells[lo])), h, int(cells[lo]))
			}
		}
		return
	}
	for lo < hi {
		n := s.run(lo, hi)
		for h := range s.Heads {
			s.encode(ws, x, ld, h, lo, n)
		}
		lo += n
	}
}

// run counts how many of the tokens lo..hi-1 have consecutive cells and can be encoded at once. A
// batch has two such runs at most, where the ring closes.
func (s *Side) run(lo, hi int) int {
	cells, n := s.Cells.batch, 1
	for lo+n < hi && cells[lo+n] == cells[lo]+int32(n) {
		n++
	}
	return n
}

// encode packs head h of a run of n tokens from lo on.
func (s *Side) encode(ws *kernels.Workspace, x []float32, ld, h, lo, n int) {
	rows := ws.Floats(n * s.Stored)
	for t := range n {
		s.rotateAndPad(rows[t*s.Stored:(t+1)*s.Stored], x[(lo+t)*ld+h*s.Dim:])
	}
	cell := int(s.Cells.batch[lo])
	packed := s.Head(h)[cell*s.RowBytes:][:n*s.RowBytes]
	s.Impl.Encode(packed, rows)
	s.prove(rows, packed, h, cell)
}

// storeHead stores all tokens of the batch, for head h.
func (s *Side) storeHead(ws *kernels.Workspace, x []float32, ld, h int) {
	for lo, hi := 0, len(s.Cells.batch); lo < hi; {
		n := s.run(lo, hi)
		s.encode(ws, x, ld, h, lo, n)
		lo += n
	}
}

// storeFrom stores head h of cells of another side as the batch. The other side stores heads as the
// model computes them.
func (s *Side) storeFrom(ws *kernels.Workspace, from *Side, cells []int32, h int) {
	n := len(cells)
	all := ws.Floats(n * (s.Dim + s.Stored))
	x := all[n*s.Stored:]
	for lo := 0; lo < n; {
		run := s.run(lo, n)
		for t := lo; t < lo+run; t++ {
			from.Impl.Decode(x[t*s.Dim:][:s.Dim], from.row(h, int(cells[t])))
			s.rotateAndPad(all[t*s.Stored:(t+1)*s.Stored], x[t*s.Dim:])
		}
		rows, cell := all[lo*s.Stored:(lo+run)*s.Stored], int(s.Cells.batch[lo])
		packed := s.Head(h)[cell*s.RowBytes:][:run*s.RowBytes]
		s.Impl.Encode(packed, rows)
		s.prove(rows, packed, h, cell)
		lo += run
	}
}

// Query brings a query head into the form of the packed rows: dst of Stored values from q of Dim.
// Scores of dst with packed rows are the scores of q with the keys.
func (s *Side) Query(dst, q []float32) {
	s.rotateAndPad(dst, q)
	if s.domain != nil {
		s.domain.Forward(dst)
	}
}

// Output undoes what Store did: dst of Dim values from o, a weighted sum of Stored values of packed
// rows. o is overwritten.
func (s *Side) Output(dst, o []float32) {
	if s.domain != nil {
		s.domain.Inverse(o)
	}
	copy(dst[:s.Dim], o)
	if s.rotate != nil {
		s.rotate.Inverse(dst[:s.Dim])
	}
}

// Read decodes one head of one cell to dst of Dim values: what the model computed, but for the
// error of the type.
func (s *Side) Read(ws *kernels.Workspace, dst []float32, h, cell int) {
	o := ws.Floats(s.Stored)
	s.Impl.Decode(o, s.row(h, cell))
	s.Output(dst, o)
}
