package engine

import (
	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/cpu"
	"github.com/kvgen/kvgen/runtime/program"
)

// experts computes y from x.
func (p *pass) experts(e *program.ExpertsStep, y, x []float32) error {
	r := &p.route
	r.e, r.p = e, p
	if r.biases() {
		r.biased = grow(r.biased, p.n*(e.Count+e.Routing.Groups))
	}
	r.logits, r.chosen, r.weights = grow(r.logits, p.n*e.Count), grow(r.chosen, p.n*e.Used), grow(r.weights, p.n*e.Used)
	routed, err := p.normed.run(p, e.RouterNorm, x)
	if err != nil {
		return err
	}
	if err := p.matmul(e.Router, routed, r.logits); err != nil {
		return err
	}
	if err := p.each(r, p.n); err != nil {
		return err
	}
	r.group()
	if x, err = p.normed.run(p, e.Norm, x); err != nil {
		return err
	}
	return p.mixture.run(e, y, x)
}

// mixture multiplies the slots of a routing by the matrices of their experts, in three steps over
// the pool. The inputs are gathered by slot, transformed and rounded. The hidden values are
// computed and prepared in turn. The outputs are computed and added up by token. Only the matrices
// of experts with a slot are read.
type mixture struct {
	p *pass
	e *program.ExpertsStep

	rows     []float32 // [slots][width] gathered input
	gate, up []float32 // [slots][inner]
	y        []float32 // [n][width]
	whole    [1]expertSlots
	one      bool // row of whole is the input of all experts

	prep   slotTask
	shares cpu.Shares // blocks of hidden rows by expertSlots, then output rows
	in     hiddenTask
	out    outputTask
}

func (m *mixture) run(e *program.ExpertsStep, y, x []float32) error {
	p, r := m.p, &m.p.route
	m.e, m.y = e, y
	in := p.productOf(e.Gate.Products)
	m.gate, m.up = grow(m.gate, r.rows*e.Inner), grow(m.up, r.rows*e.Inner)
	if m.one = p.n == 1 && !e.Routing.OnInput; m.one { // all experts share the one row
		m.whole[0] = expertSlots{m: 1}
		m.prep = slotTask{p: p, g: in, rows: x, segments: m.whole[:], count: 1}
	} else {
		m.rows = grow(m.rows, r.rows*in.n)
		m.prep = slotTask{p: p, g: in, rows: m.rows, x: x, segments: r.segments, count: r.rows}
	}
	if err := m.prep.run(); err != nil {
		return err
	}
	m.shares.Reset(len(r.segments)*blocks(e), 1, p.pool.Workers())
	if err := p.pool.Run(&m.in); err != nil {
		return err
	}
	m.prep = slotTask{p: p, g: p.productOf(e.Down.Products), rows: m.gate, segments: r.segments, count: r.rows}
	if err := m.prep.run(); err != nil {
		return err
	}
	m.shares.Reset(p.width, rowUnit, p.pool.Workers())
	return p.pool.Run(&m.out)
}

// blocks is the blocks of rows of Gate and of Up of an expert.
func blocks(e *program.ExpertsStep) int { return (e.Inner + rowBlock - 1) / rowBlock }

// slotTask prepares rows of slots for the matrices of a group.
type slotTask struct {
	p    *pass
	g    *product
	rows []float32 // [count][g.n]
	// [n][g.n] to gather the rows from by token, nil where they are there already
	x        []float32
	segments []expertSlots
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

// panel prepares the slots j..j+m-1 of an expertSlots.
func (t *slotTask) panel(w int, s expertSlots, j, m int) {
	p, n, at := t.p, t.g.n, s.first+j
	if t.x != nil {
		for i := at; i < at+m; i++ {
			copy(t.rows[i*n:(i+1)*n], t.x[int(p.route.token[i])*n:])
			if p.route.e.Routing.OnInput {
				p.vec.Scale(t.rows[i*n:(i+1)*n], p.route.weight[i])
			}
		}
	}
	for k, r := range t.g.preps {
		x := t.rows[at*n : (at+m)*n]
		if r.domain != nil {
			transformed := p.prep.transformed[k][at*n : (at+m)*n]
			copy(transformed, x)
			r.domain.Best().Forward(transformed)
			x = transformed
		}
		if p.fast && r.group > 0 {
			act := &p.workers[w].act
			p.prep.slots(act, k, s, j)
			p.table.QuantiseAct(act, x, n, m)
		}
	}
}

// slots makes act the rounded rows of an expertSlots from its slot j on. A expertSlots starts where
// activations may be cut, and is laid out as if it were alone.
func (t *prepTask) slots(act *kernels.Act, k int, s expertSlots, j int) {
	*act = t.acts[k].From(s.first)
	act.Rows = s.m
	*act = act.From(j)
}

// product is y[j*ldy+r] = row lo+r of an expert's matrix times slot j of s, with bias and scale; x
// is the prepared rows.
func (m *mixture) product(w int, k *program.ExpertStack, s expertSlots, x []float32, lo, rows int, y []float32, ldy int) {
	g := m.p.productOf(k.Products)
	p, q, worker := m.p, &g.parts[k.Part], &m.p.workers[w]
	first := s.expert*k.Stride + k.First + lo
	data := q.span(first, rows)
	need := g.preps[q.prep]
	if need.domain != nil {
		x = p.prep.transformed[q.prep]
	}
	for j := 0; j < s.m; j += tokenTile {
		n := min(tokenTile, s.m-j)
		if p.fast && need.group > 0 {
			p.prep.slots(&worker.act, q.prep, s, j)
			q.impl.MatmulQ8(y[j*ldy:], ldy, &worker.act, n, data, q.stride, rows, q.N, &worker.ws)
		} else {
			q.impl.Matmul(y[j*ldy:], ldy, x[(s.first+j)*q.N:], q.N, n, data, q.stride, rows, q.N, &worker.ws)
		}
	}
	for j := range s.m {
		out := y[j*ldy:][:rows]
		if q.Bias != nil {
			p.vec.Add(out, q.Bias[first:])
		}
		if k.Scale != nil {
			p.vec.Scale(out, k.Scale[s.expert])
		}
	}
}

// hiddenTask computes act(gate) * up of every slot.
type hiddenTask struct{ *mixture }

func (t hiddenTask) Do(w, _ int) {
	n := blocks(t.e)
	for at, end, ok := t.shares.Next(); ok; at, end, ok = t.shares.Next() {
		for ; at < end; at++ {
			lo := at % n * rowBlock
			t.block(w, t.p.route.segments[at/n], lo, min(rowBlock, t.e.Inner-lo))
		}
	}
}

// block computes some hidden values of the slots of an expertSlots.
func (t hiddenTask) block(w int, s expertSlots, lo, rows int) {
	e, n := t.e, t.e.Inner
	gate, up := t.gate[s.first*n+lo:], t.up[s.first*n+lo:]
	if t.one {
		s.first = 0
	}
	t.product(w, &e.Gate, s, t.prep.rows, lo, rows, gate, n)
	if e.Gateless {
		for j := range s.m {
			activate(t.p.vec, e.Act, gate[j*n:][:rows])
		}
		return
	}
	t.product(w, &e.Up, s, t.prep.rows, lo, rows, up, n)
	for j := range s.m {
		activateGated(t.p.vec, e.Act, gate[j*n:][:rows], up[j*n:][:rows])
	}
}

// outputTask adds the outputs of the experts up; a share of rows is computed for all slots, expert
// by expert.
type outputTask struct{ *mixture }

func (t outputTask) Do(w, _ int) {
	for lo, hi, ok := t.shares.Next(); ok; lo, hi, ok = t.shares.Next() {
		n := t.p.width
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

// add adds some output rows of the slots of an expertSlots to those of their tokens.
func (t outputTask) add(w int, s expertSlots, at, rows int) {
	r := &t.p.route
	out := grow(t.p.workers[w].out, s.m*rows)
	t.p.workers[w].out = out
	t.product(w, &t.e.Down, s, t.gate, at, rows, out, rows)
	for j := range s.m {
		slot := s.first + j
		weight := r.weight[slot]
		if t.e.Routing.OnInput {
			weight = 1
		}
		t.p.vec.Blend(t.y[int(r.token[slot])*t.p.width+at:][:rows], out[j*rows:][:rows], 1, weight)
	}
}
