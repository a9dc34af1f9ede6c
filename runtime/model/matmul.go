package model

import (
	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/cpu"
)

const (
	// rowUnit is the unit in which rows are shared out. Kernels work on tiles of rows that divide it, so that the bits
	// of an output do not depend on where the shares were cut.
	rowUnit = 16
	// rowBlock rows meet all tokens before the next ones: unpacked once, they stay in the first-level cache.
	rowBlock = 64
	// tokenTile tokens meet a block of rows at a time, so that their activations stay in the second-level cache;
	// a multiple of cpu.ActStep.
	tokenTile = 128
)

// group is matrices that multiply the same input, in one pass over the pool.
type group struct {
	n     int // inputs
	parts []part
	preps []prep
	rows  int // of all parts, each rounded up to whole units

	// With gated set there are two parts of equal shape, and the first output becomes act(first) * second.
	gated bool
	bent  bool // the output becomes act(output)
	act   Activation
}

// part is one matrix of a group.
type part struct {
	*weight
	prep  int // of preps
	first int // row in the group
}

// prep is what a type wants its input to be: turned into the type's domain, rounded to int8 in groups.
type prep struct {
	domain *kernels.Transform // nil for none
	group  int                // 0 for f32
}

// together makes a group. Weights are nil after a binding error, which ends the load.
func (b *binder) together(ws ...*weight) *group {
	g := &group{}
	b.groups = append(b.groups, g)
	for _, w := range ws {
		if w == nil {
			return g
		}
		g.n = w.n
		p := prep{domain: w.typ.Domain}
		if w.impl.MatmulQ8 != nil && w.typ.ActGroup > 0 && w.n%w.typ.ActGroup == 0 {
			p.group = w.typ.ActGroup
		}
		k := 0
		for k < len(g.preps) && g.preps[k] != p {
			k++
		}
		if k == len(g.preps) {
			g.preps = append(g.preps, p)
		}
		g.parts = append(g.parts, part{weight: w, prep: k, first: g.rows})
		g.rows += (w.rows + rowUnit - 1) / rowUnit * rowUnit
		b.scratch.preps = max(b.scratch.preps, len(g.preps))
	}
	return g
}

// maxParts is the most matrices of a group.
const maxParts = 4

// matmul computes y[i] = x W_i^T + bias_i for the parts of g, at most maxParts; x is [n][g.n], y[i] is [n][rows of part i].
func (p *pass) matmul(g *group, x []float32, y ...[]float32) error {
	p.prep.g, p.prep.x = g, x
	if p.prep.reserve(g, p.n) {
		if err := p.each(&p.prep, p.n); err != nil {
			return err
		}
	}
	p.mul.g, p.mul.x = g, x
	copy(p.mul.y[:], y)
	rows := g.rows
	if g.gated {
		rows = g.parts[0].rows
	}
	p.mul.shares.Reset(rows, rowUnit, p.pool.Workers())
	return p.pool.Run(&p.mul)
}

// prepTask turns and rounds the input of a group.
type prepTask struct {
	p *pass
	g *group
	x []float32

	turned [][]float32   // [prep][n][g.n]
	acts   []kernels.Act // [prep]
}

// reserve makes room for rows of inputs of g and says whether there is anything to do.
func (t *prepTask) reserve(g *group, rows int) bool {
	needed := false
	for k, r := range g.preps {
		if r.domain != nil {
			t.turned[k] = grow(t.turned[k], rows*g.n)
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
			turned := t.turned[k][lo*n : hi*n]
			copy(turned, x)
			r.domain.Best().Forward(turned)
			x = turned
		}
		if t.p.fast && r.group > 0 && lo < hi {
			*act = t.acts[k].From(lo)
			kernels.QuantiseAct(act, x, n, hi-lo)
		}
	}
}

// mulTask multiplies; each worker takes some rows at a time, for all tokens.
type mulTask struct {
	p      *pass
	g      *group
	x      []float32
	y      [maxParts][]float32
	shares cpu.Shares // rows
}

func (t *mulTask) Do(w, _ int) {
	for lo, hi, ok := t.shares.Next(); ok; lo, hi, ok = t.shares.Next() {
		if t.g.gated {
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
	rows := t.g.parts[0].rows
	for j := range t.p.n {
		t.g.act.mul(t.y[0][j*rows+lo:j*rows+hi], t.y[1][j*rows+lo:j*rows+hi])
	}
}

// rows computes rows lo..hi-1 of the group.
func (t *mulTask) rows(w, lo, hi int) {
	for i, q := range t.g.parts {
		if a, b := max(lo-q.first, 0), min(hi-q.first, q.rows); a < b {
			t.part(w, i, a, b)
		}
	}
}

// part computes rows lo..hi-1 of part i.
func (t *mulTask) part(w, i, lo, hi int) {
	q, y, n := &t.g.parts[i], t.y[i], t.p.n
	need, x := t.g.preps[q.prep], t.x
	if need.domain != nil {
		x = t.p.prep.turned[q.prep]
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
				q.impl.MatmulQ8(y[j*q.rows+r:], q.rows, &s.act, m, data, q.stride, rows, q.n, &s.ws)
			} else {
				q.impl.Matmul(y[j*q.rows+r:], q.rows, x[j*q.n:], q.n, m, data, q.stride, rows, q.n, &s.ws)
			}
		}
	}
	if q.bias != nil {
		for j := range n {
			cpu.Add(y[j*q.rows+lo:j*q.rows+hi], q.bias[lo:])
		}
	}
	if t.g.bent {
		for j := range n {
			t.g.act.bend(y[j*q.rows+lo : j*q.rows+hi])
		}
	}
}
