package model

import (
	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/cpu"
)

// mixture multiplies the slots of a routing by the matrices of their experts, in three steps over the pool: the inputs
// are gathered by slot, turned and rounded; the hidden values computed; and, after these were prepared in turn, the
// outputs, added up by token. Only the matrices of experts with a slot are read.
type mixture struct {
	p *pass
	e *experts

	rows     []float32 // [slots][width] gathered input
	gate, up []float32 // [slots][inner]
	y        []float32 // [n][width]
	whole    [1]segment

	prep   slotTask
	shares cpu.Shares // blocks of hidden rows by segment, then output rows
	in     hiddenTask
	out    outputTask
}

func (m *mixture) run(e *experts, y, x []float32) error {
	p, r := m.p, &m.p.route
	m.e, m.y = e, y
	m.gate, m.up = grow(m.gate, r.rows*e.inner), grow(m.up, r.rows*e.inner)
	if p.n == 1 { // all experts share the one row
		m.whole[0] = segment{m: 1}
		m.prep = slotTask{p: p, g: e.in, rows: x, segments: m.whole[:], count: 1}
	} else {
		m.rows = grow(m.rows, r.rows*e.in.n)
		m.prep = slotTask{p: p, g: e.in, rows: m.rows, x: x, segments: r.segments, count: r.rows}
	}
	if err := m.prep.run(); err != nil {
		return err
	}
	m.shares.Reset(len(r.segments)*e.blocks(), 1, p.pool.Workers())
	if err := p.pool.Run(&m.in); err != nil {
		return err
	}
	m.prep = slotTask{p: p, g: e.down, rows: m.gate, segments: r.segments, count: r.rows}
	if err := m.prep.run(); err != nil {
		return err
	}
	m.shares.Reset(p.m.Width, rowUnit, p.pool.Workers())
	return p.pool.Run(&m.out)
}

// blocks is the blocks of rows of Gate and of Up of an expert.
func (e *experts) blocks() int { return (e.inner + rowBlock - 1) / rowBlock }

// slotTask prepares rows of slots for the matrices of a group.
type slotTask struct {
	p        *pass
	g        *group
	rows     []float32 // [count][g.n]
	x        []float32 // [n][g.n] to gather the rows from by token, nil where they are there already
	segments []segment
	count    int
}

// run runs the task if there is anything to do.
func (t *slotTask) run() error {
	prep := &t.p.prep
	if !prep.reserve(t.g, t.count) && t.x == nil {
		return nil
	}
	return t.p.each(t, t.count)
}

// Do shares out panels of rows, in which activations are kept.
func (t *slotTask) Do(w, workers int) {
	panel := 0
	for _, s := range t.segments {
		for j := 0; j < s.m; j += cpu.ActStep {
			if panel%workers == w {
				t.panel(w, s, j, min(cpu.ActStep, s.m-j))
			}
			panel++
		}
	}
}

// panel prepares the slots j..j+m-1 of a segment.
func (t *slotTask) panel(w int, s segment, j, m int) {
	p, n, at := t.p, t.g.n, s.first+j
	if t.x != nil {
		for i := at; i < at+m; i++ {
			copy(t.rows[i*n:(i+1)*n], t.x[int(p.route.token[i])*n:])
		}
	}
	for k, r := range t.g.preps {
		x := t.rows[at*n : (at+m)*n]
		if r.domain != nil {
			turned := p.prep.turned[k][at*n : (at+m)*n]
			copy(turned, x)
			r.domain.Best().Forward(turned)
			x = turned
		}
		if p.fast && r.group > 0 {
			act := &p.workers[w].act
			p.prep.slots(act, k, s, j)
			kernels.QuantiseAct(act, x, n, m)
		}
	}
}

// slots makes act the rounded rows of a segment from its slot j on. A segment starts where activations may be cut, and
// is laid out as if it were alone.
func (t *prepTask) slots(act *kernels.Act, k int, s segment, j int) {
	*act = t.acts[k].From(s.first)
	act.Rows = s.m
	*act = act.From(j)
}

// product is y[j*ldy+r] = row lo+r of an expert's matrix times slot j of s, with bias and scale; x is the prepared rows.
func (m *mixture) product(w int, g *group, k *stack, s segment, x []float32, lo, rows int, y []float32, ldy int) {
	p, q, worker := m.p, &g.parts[k.part], &m.p.workers[w]
	first := s.expert*k.rows + k.first + lo
	data := q.span(first, rows)
	need := g.preps[q.prep]
	if need.domain != nil {
		x = p.prep.turned[q.prep]
	}
	for j := 0; j < s.m; j += tokenTile {
		n := min(tokenTile, s.m-j)
		if p.fast && need.group > 0 {
			p.prep.slots(&worker.act, q.prep, s, j)
			q.impl.MatmulQ8(y[j*ldy:], ldy, &worker.act, n, data, q.stride, rows, q.n, &worker.ws)
		} else {
			q.impl.Matmul(y[j*ldy:], ldy, x[(s.first+j)*q.n:], q.n, n, data, q.stride, rows, q.n, &worker.ws)
		}
	}
	for j := range s.m {
		out := y[j*ldy:][:rows]
		if q.bias != nil {
			cpu.Add(out, q.bias[first:])
		}
		if k.scale != nil {
			cpu.Scale(out, k.scale[s.expert])
		}
	}
}

// hiddenTask computes act(gate) * up of every slot.
type hiddenTask struct{ *mixture }

func (t hiddenTask) Do(w, _ int) {
	n := t.e.blocks()
	for at, end, ok := t.shares.Next(); ok; at, end, ok = t.shares.Next() {
		for ; at < end; at++ {
			lo := at % n * rowBlock
			t.block(w, t.p.route.segments[at/n], lo, min(rowBlock, t.e.inner-lo))
		}
	}
}

// block computes some hidden values of the slots of a segment.
func (t hiddenTask) block(w int, s segment, lo, rows int) {
	e, n := t.e, t.e.inner
	gate, up := t.gate[s.first*n+lo:], t.up[s.first*n+lo:]
	if t.p.n == 1 {
		s.first = 0
	}
	t.product(w, e.in, &e.gate, s, t.prep.rows, lo, rows, gate, n)
	t.product(w, e.in, &e.up, s, t.prep.rows, lo, rows, up, n)
	for j := range s.m {
		e.act.mul(gate[j*n:][:rows], up[j*n:][:rows])
	}
}

// outputTask adds the outputs of the experts up; a share of rows is computed for all slots, expert by expert.
type outputTask struct{ *mixture }

func (t outputTask) Do(w, _ int) {
	for lo, hi, ok := t.shares.Next(); ok; lo, hi, ok = t.shares.Next() {
		n := t.p.m.Width
		for j := range t.p.n {
			clear(t.y[j*n+lo : j*n+hi])
		}
		for _, s := range t.p.route.segments {
			block := rowBlock
			if s.m == 1 { // no second slot will want the rows again
				block = hi - lo
			}
			for at := lo; at < hi; at += block {
				t.add(w, s, at, min(block, hi-at))
			}
		}
	}
}

// add adds some output rows of the slots of a segment to those of their tokens.
func (t outputTask) add(w int, s segment, at, rows int) {
	r := &t.p.route
	out := grow(t.p.workers[w].out, s.m*rows)
	t.p.workers[w].out = out
	t.product(w, t.e.down, &t.e.out, s, t.gate, at, rows, out, rows)
	for j := range s.m {
		slot := s.first + j
		cpu.Blend(t.y[int(r.token[slot])*t.p.m.Width+at:][:rows], out[j*rows:][:rows], 1, r.weight[slot])
	}
}
