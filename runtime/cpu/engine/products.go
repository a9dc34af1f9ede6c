package engine

import (
	"slices"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/cpu"
	"github.com/kvgen/kvgen/runtime/program"
)

const (
	// rowUnit is the unit in which rows are shared out. Kernels work on tiles of rows that divide
	// it, so that the bits of an output do not depend on where the shares were cut.
	rowUnit = 16
	// rowBlock rows meet all tokens before the next ones: unpacked once, they stay in the
	// first-level cache.
	rowBlock = 64
	// tokenTile tokens meet a block of rows at a time, so that their activations stay in the
	// second-level cache; a multiple of cpu.ActStep.
	tokenTile = 128
)

// product is a Products with the kernels of this processor, which multiply all its matrices in one
// pass over the pool.
type product struct {
	*program.Products
	n     int // inputs
	parts []part
	preps []prep
	rows  int // of all parts, each rounded up to whole units
	rank  int // of all that is added to its matrices
}

// part is one matrix of a product.
type part struct {
	*program.Weight
	impl   *kernels.Impl
	stride int    // bytes of a row
	data   []byte // [Rows][stride], nil where it is in several pieces
	prep   int    // of preps
	first  int    // row in the product
	low    []low  // what is added to the matrix
}

// prep is what a type wants its input to be: transformed into the type's domain, rounded to int8 in
// groups.
type prep struct {
	domain *kernels.Transform // nil for none
	group  int                // 0 for f32
}

// prepOf is the preparation of a matrix's input.
func prepOf(w *program.Weight, impl *kernels.Impl) prep {
	p := prep{domain: w.Type.Domain}
	if impl.MatmulQ8 != nil && w.Type.ActGroup > 0 && w.N%w.Type.ActGroup == 0 {
		p.group = w.Type.ActGroup
	}
	return p
}

// Kernel is what multiplies a matrix on this processor.
type Kernel struct {
	ISA         string // instruction set
	Int8        bool   // the fast form multiplies by int8 activations; else they stay in f32
	Transformed bool   // the input is first transformed into the type's domain
}

// KernelOf is the kernel of a matrix.
func KernelOf(w *program.Weight) Kernel {
	impl := w.Type.Best()
	p := prepOf(w, impl)
	return Kernel{ISA: impl.ISA, Int8: p.group > 0, Transformed: p.domain != nil}
}

// newProduct chooses the kernels.
func newProduct(s *program.Products) product {
	g := product{Products: s, n: s.Parts[0].N}
	for _, w := range s.Parts {
		impl := w.Type.Best()
		p := prepOf(w, impl)
		k := slices.Index(g.preps, p)
		if k < 0 {
			k = len(g.preps)
			g.preps = append(g.preps, p)
		}
		q := part{Weight: w, impl: impl, stride: w.Type.RowBytes(w.N), prep: k, first: g.rows}
		if len(w.Data) == 1 {
			q.data = w.Data[0]
		}
		for _, l := range w.Low {
			q.low = append(q.low, low{l, g.rank})
			g.rank += l.A.Rows
		}
		g.parts = append(g.parts, q)
		g.rows += (w.Rows + rowUnit - 1) / rowUnit * rowUnit
	}
	return g
}

// span is some rows, which no two pieces share.
func (q *part) span(first, rows int) []byte {
	data := q.data
	if data == nil {
		share := q.Rows / len(q.Data)
		data, first = q.Data[first/share], first%share
	}
	return data[first*q.stride : (first+rows)*q.stride]
}

// productOf is a Products of the program.
func (p *pass) productOf(s *program.Products) *product { return &p.products[s.Number] }

// lookup decodes rows of a matrix, such as the vectors of tokens.
type lookup struct {
	data   []byte
	stride int
	impl   *kernels.Impl
	domain *kernels.TransformImpl // nil for none
}

func newLookup(w *program.Weight) lookup {
	l := lookup{data: w.Data[0], stride: w.Type.RowBytes(w.N), impl: w.Type.Best()}
	if d := w.Type.Domain; d != nil {
		l.domain = d.Best()
	}
	return l
}

// row decodes row i into x, of a row's values.
func (l *lookup) row(x []float32, i int) {
	l.impl.Decode(x, l.data[i*l.stride:][:l.stride])
	if l.domain != nil {
		l.domain.Inverse(x)
	}
}

// maxParts is the most matrices of a product.
const maxParts = 4

// matmul computes y[i] = x W_i^T + bias_i for the parts of s, at most maxParts; x is [n][inputs],
// y[i] is [n][rows of part i].
func (p *pass) matmul(s *program.Products, x []float32, y ...[]float32) error {
	g := p.productOf(s)
	p.prep.g, p.prep.x = g, x
	if p.prep.reserve(g, p.n) {
		if err := p.each(&p.prep, p.n); err != nil {
			return err
		}
	}
	p.mul.g, p.mul.x = g, x
	copy(p.mul.y[:], y)
	rows := g.rows
	if g.Gated {
		rows = g.parts[0].Rows
	}
	p.mul.shares.Reset(rows, rowUnit, p.pool.Workers())
	return p.pool.Run(&p.mul)
}

// prepTask transforms and rounds the input of a product.
type prepTask struct {
	p *pass
	g *product
	x []float32

	transformed [][]float32   // [prep][n][g.n]
	acts        []kernels.Act // [prep]
	low         []float32     // [n][g.rank] inputs times what is added to the matrices
}

// reserve makes room for rows of inputs of g and says whether there is anything to do.
func (t *prepTask) reserve(g *product, rows int) bool {
	needed := g.rank > 0
	t.low = grow(t.low, rows*g.rank)
	for k, r := range g.preps {
		if r.domain != nil {
			t.transformed[k] = grow(t.transformed[k], rows*g.n)
			needed = true
		}
		if t.p.fast && r.group > 0 {
			t.acts[k].Resize(rows, g.n, r.group)
			needed = true
		}
	}
	return needed
}

func (t *prepTask) Do(w, workers int) {
	lo, hi := cpu.Split(t.p.n, cpu.ActStep, w, workers)
	n, act := t.g.n, &t.p.workers[w].act
	for k, r := range t.g.preps {
		x := t.x[lo*n : hi*n]
		if r.domain != nil {
			transformed := t.transformed[k][lo*n : hi*n]
			copy(transformed, x)
			r.domain.Best().Forward(transformed)
			x = transformed
		}
		if t.p.fast && r.group > 0 && lo < hi {
			*act = t.acts[k].From(lo)
			t.p.table.QuantiseAct(act, x, n, hi-lo)
		}
	}
	if t.g.rank > 0 && lo < hi {
		t.lowRank(w, lo, hi)
	}
}

// mulTask multiplies; each worker takes some rows at a time, for all tokens.
type mulTask struct {
	p      *pass
	g      *product
	x      []float32
	y      [maxParts][]float32
	shares cpu.Shares // rows
}

func (t *mulTask) Do(w, _ int) {
	for lo, hi, ok := t.shares.Next(); ok; lo, hi, ok = t.shares.Next() {
		if t.g.Gated {
			t.gate(w, lo, hi)
		} else {
			t.rows(w, lo, hi)
		}
	}
}

// gate computes rows lo..hi-1 of act(first) * second.
func (t *mulTask) gate(w, lo, hi int) {
	t.part(w, 0, lo, hi)
	t.part(w, 1, lo, hi)
	rows := t.g.parts[0].Rows
	for j := range t.p.n {
		activateGated(t.p.vec, t.g.Act, t.y[0][j*rows+lo:j*rows+hi], t.y[1][j*rows+lo:j*rows+hi])
	}
}

// rows computes rows lo..hi-1 of the product.
func (t *mulTask) rows(w, lo, hi int) {
	for i, q := range t.g.parts {
		if a, b := max(lo-q.first, 0), min(hi-q.first, q.Rows); a < b {
			t.part(w, i, a, b)
		}
	}
}

// part computes rows lo..hi-1 of part i.
func (t *mulTask) part(w, i, lo, hi int) {
	q, y, n := &t.g.parts[i], t.y[i], t.p.n
	need, x := t.g.preps[q.prep], t.x
	if need.domain != nil {
		x = t.p.prep.transformed[q.prep]
	}
	s := &t.p.workers[w]
	block := rowBlock
	if n == 1 { // no second token will want the rows again
		block = hi - lo
	}
	for r := lo; r < hi; r += block {
		rows := min(block, hi-r)
		data := q.data[r*q.stride : (r+rows)*q.stride]
		for j := 0; j < n; j += tokenTile {
			m := min(tokenTile, n-j)
			if t.p.fast && need.group > 0 {
				s.act = t.p.prep.acts[q.prep].From(j)
				q.impl.MatmulQ8(y[j*q.Rows+r:], q.Rows, &s.act, m, data, q.stride, rows, q.N, &s.ws)
			} else {
				q.impl.Matmul(y[j*q.Rows+r:], q.Rows, x[j*q.N:], q.N, m, data, q.stride, rows, q.N, &s.ws)
			}
		}
	}
	if q.Scale != 0 {
		for j := range n {
			t.p.vec.Scale(y[j*q.Rows+lo:j*q.Rows+hi], q.Scale)
		}
	}
	for _, l := range q.low {
		t.add(w, q, l, y, lo, hi)
	}
	if q.Bias != nil {
		for j := range n {
			t.p.vec.Add(y[j*q.Rows+lo:j*q.Rows+hi], q.Bias[lo:])
		}
	}
	if t.g.Activated {
		for j := range n {
			activate(t.p.vec, t.g.Act, y[j*q.Rows+lo:j*q.Rows+hi])
		}
	}
}
