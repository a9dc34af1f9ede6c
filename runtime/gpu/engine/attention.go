package engine

import (
	"fmt"

	"github.com/kvgen/kvgen/kernels/args"
	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/gpu/attend"
	"github.com/kvgen/kvgen/runtime/gpu/cells"
	"github.com/kvgen/kvgen/runtime/gpu/qkv"
	"github.com/kvgen/kvgen/runtime/program"
)

// attention is attention with its products: heads of Q, K and V are normalised and rotated, K and V
// stored, and Q attends.
type attention struct {
	s       *program.AttentionStep
	in      *matmul
	layer   qkv.Layer   // but for the offset and the rows, which are the cache's
	rope    int         // number of the RoPE, -1 for none
	q, o    *gpu.Buffer // [batch][Heads] of KeyDim, of ValueDim
	sinks   *gpu.Buffer
	k, v    int // parts of the products
	attends map[attendKey]*attend.Kernel
	prefill map[*layerRows]*attend.Prefill // for many tokens; nil where there is none
}

// attendKey is what decides which kernel attends: rows of a cache, and query rows that share what
// is read.
type attendKey struct {
	rows   *layerRows
	shared int
}

func (e *engine) attention(s *program.AttentionStep, x, y *gpu.Buffer) ([]op, error) {
	switch {
	case s.Latent != nil:
		return nil, fmt.Errorf("gpu: no kernel attends over a latent vector: KV layer %d does", s.KV)
	case s.NormsLast:
		return nil, fmt.Errorf("gpu: no kernel normalises queries and keys after RoPE: KV layer %d wants it", s.KV)
	case s.Chunked && e.size > s.Window:
		return nil, fmt.Errorf("gpu: no kernel attends in chunks of %d positions: KV layer %d does in contexts beyond that, and this one has %d", s.Window, s.KV, e.size)
	}
	a := &attention{s: s, rope: s.Rope, k: 1, v: 2, attends: map[attendKey]*attend.Kernel{}, prefill: map[*layerRows]*attend.Prefill{}}
	var err error
	if a.in, err = e.matmul(s.QKV, x, nil, "qkv"); err != nil {
		return nil, err
	}
	if a.q, err = e.room("q", s.Heads*s.KeyDim); err != nil {
		return nil, err
	}
	if a.o, err = e.room("o", s.Heads*s.ValueDim); err != nil {
		return nil, err
	}
	if a.sinks, err = e.w.vector(s.Sinks); err != nil {
		return nil, err
	}
	if s.VIsK {
		a.v = a.k
	}
	a.layer = qkv.Layer{Heads: s.Heads, Gated: s.Gated}
	if s.Rope >= 0 {
		a.layer.Pairing = e.ropes[s.Rope].pairing
	}
	if t := s.Temperature; t != nil && t.Ahead {
		if e.size >= t.Every {
			return nil, fmt.Errorf("gpu: no kernel scales queries from position %d on, where KV layer %d does: this context has %d positions", t.Every-1, s.KV, e.size)
		}
	} else if t != nil {
		a.layer.AttnScale, a.layer.AttnScaleEvery = s.Temperature.Scale, s.Temperature.Every
	}
	for _, n := range []struct {
		to   **qkv.Norm
		from *program.NormWeights
	}{{&a.layer.QNorm, s.QNorm}, {&a.layer.KNorm, s.KNorm}, {&a.layer.VNorm, s.VNorm}} {
		if n.from == nil || s.Whole && n.from != s.VNorm {
			continue
		}
		if n.from.Kind != program.RMS {
			return nil, fmt.Errorf("gpu: norms of heads must be RMS norms on a GPU: KV layer %d has one by mean and variance", s.KV)
		}
		w, err := e.w.vector(n.from.W)
		if err != nil {
			return nil, err
		}
		*n.to = &qkv.Norm{Weights: w, Eps: n.from.Eps}
	}
	whole, err := e.wholeNorms(s, a.in)
	if err != nil {
		return nil, err
	}
	out, err := e.matmul(s.Out, a.o, y, "")
	return append(append([]op{a.in}, whole...), a, out), err
}

// wholeNorm normalises the rows of a product, all heads together.
type wholeNorm struct {
	f     gpu.Kernel
	args  args.NormRows
	width int
}

func (o *wholeNorm) run(_ *engine, _ *cache, n int) error {
	return o.f.Launch(gpu.Grid{X: n, Threads: stepThreads(o.width)}, &o.args)
}

// wholeNorms are the norms of queries and keys over all heads together; none in other layers.
func (e *engine) wholeNorms(s *program.AttentionStep, in *matmul) (all []op, err error) {
	for i, n := range []*program.NormWeights{s.QNorm, s.KNorm} {
		if n == nil || !s.Whole {
			continue
		}
		o := &wholeNorm{width: in.f.products[in.f.parts[i].product].out}
		if o.f, err = e.b.Frame("normal", "step", StepDefines(o.width)...); err != nil {
			return nil, err
		}
		if o.args.Norm, err = e.w.norm(n); err != nil {
			return nil, err
		}
		o.args.X, _ = in.part(i)
		o.args.Y = o.args.X
		all = append(all, o)
	}
	return all, nil
}

// run attends. Where rows are kept exact the batch goes in steps, so that each token sees as exact
// what it would see if it came alone; those of a steady batch have been placed before.
func (a *attention) run(e *engine, c *cache, n int) error {
	r := c.layers[a.s.KV-e.span.KV.Lo]
	exact := r.host.Exact() && !c.steady
	for lo, hi := 0, n; lo < n; lo, hi = hi, n {
		if exact {
			if hi = a.nextStep(r, lo, n); a.s.Reads && !c.lists.Several() {
				hi = n // what it reads is still there
			} else if err := c.step(r, n, lo, hi); err != nil {
				return err
			}
		}
		if err := a.runTokens(e, c, r, n, lo, hi); err != nil {
			return err
		}
	}
	if !a.s.Gated {
		return nil
	}
	return e.gate.Run(a.o, a.place(0, 0), n, a.s.Heads, a.s.ValueDim)
}

// nextStep is where the step ends that begins with token lo of a batch of n. A layer that reads
// another's rows has them all.
func (a *attention) nextStep(r *layerRows, lo, n int) int {
	switch {
	case a.s.Reads:
		return n
	case lo == 0 && r.given > 0:
		return r.given
	}
	return lo + r.host.Next()
}

// runTokens is run of tokens lo..hi-1 of a batch of n.
func (a *attention) runTokens(e *engine, c *cache, r *layerRows, n, lo, hi int) error {
	s, l, p := a.s, a.layer, c.lists.PartOf(n)
	target := r.host.Target()
	b := qkv.Batch{Tokens: hi - lo, Q: a.place(0, lo), Positions: c.lists.At(p.Position()+lo, hi-lo), Queries: rowsFrom(a.q, s.Heads*s.KeyDim, lo)}
	if !s.Reads {
		if from, _ := r.host.Evictions(); len(from) > 0 {
			most := cells.MostEvicted * len(c.part(lo, hi))
			if err := r.evict.Run(&r.rows[0], &r.rows[1], c.lists.At(p.From(r.cells[0]), most), c.lists.At(p.To(r.cells[0]), most), most); err != nil {
				return err
			}
		}
		b.K, b.V, b.Cells = a.place(a.k, lo), a.place(a.v, lo), c.lists.At(p.Cell(r.cells[target])+lo, hi-lo)
		l.Keys, l.Values = r.rows[target].Keys, r.rows[target].Values
		if r.offset != nil {
			l.Mu = r.offset.Mu
		}
	}
	if a.rope >= 0 {
		b.Angles = e.ropes[a.rope].angles.From(lo)
	}
	if err := r.heads[target].Run(&l, &b); err != nil {
		return err
	}
	batch, longest := attend.Batch{Positions: b.Positions, Queries: hi - lo}, hi-lo
	if c.lists.Several() {
		batch.Runs, batch.RunsAt, longest = c.part(lo, hi), c.lists.RunsOf(hi-lo < n), 0
		for _, r := range batch.Runs {
			longest = max(longest, r.N)
		}
	}
	view := a.view(r)
	if many, err := a.prefillOf(e, r, longest); many != nil || err != nil {
		if err != nil {
			return err
		}
		return many.Run(view, b.Queries, rowsFrom(a.o, s.Heads*s.ValueDim, lo), &batch, 1<<r.splits)
	}
	x, err := a.kernelOf(e, r, longest)
	if err != nil {
		return err
	}
	return x.Run(view, b.Queries, rowsFrom(a.o, s.Heads*s.ValueDim, lo), &batch, x.Cut(view, x.GroupsOf(view, &batch), 1<<r.splits))
}

// place is where part i of the products lies for tokens from number lo on.
func (a *attention) place(i, lo int) qkv.View {
	q := a.in.f.parts[i]
	out := a.in.f.products[q.product].out
	return qkv.View{Buffer: a.in.outs[q.product], At: uint64(4 * (q.first + lo*out)), LD: out}
}

// view is the rows that the layer reads.
func (a *attention) view(r *layerRows) *attend.Layer {
	l := &attend.Layer{Heads: a.s.Heads, Scale: a.s.Scale, SoftCap: a.s.SoftCap, Window: a.s.Window, Sinks: a.sinks, Offset: r.offset,
		Keys: r.rows[0].Keys, Values: r.rows[0].Values, Cells: r.rows[0].Cells}
	if len(r.rows) > 1 {
		l.Exact = &r.rows[1]
	}
	return l
}

// kernelOf is the kernel for the rows and so many tokens of a sequence.
func (a *attention) kernelOf(e *engine, r *layerRows, tokens int) (*attend.Kernel, error) {
	group := a.s.Heads / r.rows[0].Keys.Heads
	key := attendKey{r, attend.RowsFor(tokens, group)}
	if x := a.attends[key]; x != nil {
		return x, nil
	}
	x, err := e.attendOf(a.shape(e, r).For(tokens, group))
	if err == nil {
		a.attends[key] = x
	}
	return x, err
}

func (a *attention) shape(e *engine, r *layerRows) attend.Shape {
	k := attend.Shape{Key: r.pairs[0].Key, Value: r.pairs[0].Value, SoftCap: a.s.SoftCap > 0, Fast: !e.exact, Paged: r.several}
	if len(r.pairs) > 1 {
		k.Exact = &r.pairs[1]
	}
	if r.offset != nil {
		k.Offset = &r.offset.Rope.Pairing
	}
	return k
}

// prefillOf is what attends for so many tokens of a sequence, nil if kernelOf does.
func (a *attention) prefillOf(e *engine, r *layerRows, tokens int) (*attend.Prefill, error) {
	shared := tokens * a.s.Heads / r.rows[0].Keys.Heads
	if shared < attend.FewestRows {
		return nil, nil
	}
	x, done := a.prefill[r]
	if k := a.shape(e, r); !done && k.Prefills(e.b.Queue) {
		var err error
		if x, err = e.prefillOf(k); err != nil {
			return nil, err
		}
	}
	if a.prefill[r] = x; x != nil && shared < x.Fewest() {
		return nil, nil
	}
	return x, nil
}

// reserve compiles the kernels for one token of each sequence and for whole batches and makes room
// for their parts, so that neither allocates later. What there is for batches of few tokens comes
// with the first of them.
func (a *attention) reserve(e *engine, r *layerRows, sequences int) error {
	l := a.view(r)
	one, err := a.kernelOf(e, r, 1)
	if err != nil {
		return err
	}
	for n := range min(sequences, e.batch) {
		groups := (n + 1) * one.Groups(l, 1)
		if err := one.Hold(l, groups, one.Cut(l, groups, l.Keys.Capacity)); err != nil {
			return err
		}
	}
	if many, err := a.prefillOf(e, r, e.batch); many != nil || err != nil {
		if err != nil {
			return err
		}
		return e.b.Reserve(many.Workspace(l, e.batch, sequences))
	}
	x, err := a.kernelOf(e, r, e.batch)
	if err != nil {
		return err
	}
	groups := x.Groups(l, e.batch) + sequences - 1 // each run may end with a group that is not full
	return x.Hold(l, groups, x.Cut(l, groups, l.Keys.Capacity))
}

// rowsFrom is rows of n values from number lo on.
func rowsFrom(m *gpu.Buffer, n, lo int) *gpu.Buffer {
	return m.Slice(uint64(4*n*lo), m.Size-uint64(4*n*lo))
}
