package engine

import (
	"fmt"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/attention"
	"github.com/kvgen/kvgen/runtime/cpu"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/program"
)

// sizes is the scratch that steps need per token, in values.
type sizes struct {
	width, q, k, v, o, inner int
	gated                    int // queries with their gates
	between                  int // what a latent or a recurrent layer makes on its way
	preps                    int // most preparations of one input
}

// bytes is about what a pass of so many tokens takes.
func (s sizes) bytes(batch int) int64 {
	return 4 * int64(batch) * int64(3*s.width+s.q+s.k+s.v+s.o+2*s.inner+s.gated+s.between+s.preps*max(s.width, s.inner, s.o))
}

// add makes room for what a step computes.
func (s *sizes) add(body any) {
	switch b := body.(type) {
	case *program.AttentionStep:
		s.q, s.k = max(s.q, b.Heads*b.QueryDim()), max(s.k, b.KVHeads*b.KeyDim)
		s.v, s.o = max(s.v, b.KVHeads*b.ValueDim), max(s.o, b.Heads*b.ValueDim)
		if b.Gated {
			s.gated = max(s.gated, 2*b.Heads*b.KeyDim)
		}
		if l := b.Latent; l != nil {
			s.between = max(s.between, b.Heads*(l.Plain+l.Tail)+2*l.Rank+l.Tail+b.Heads*(l.Plain+b.ValueDim))
		}
	case *program.DeltaStep:
		s.between = max(s.between, 2*b.Channels()+2*b.ValueHeads*b.Dim)
	case *program.ChannelDeltaStep:
		s.between = max(s.between, 8*b.Heads*b.Dim)
	case *program.ShortConvStep:
		s.between = max(s.between, 5*s.width)
	case *program.MambaStep:
		s.between = max(s.between, b.In.Parts[0].Rows+b.Channels()+b.Heads*b.Dim)
	case *program.GatedStep:
		s.inner = max(s.inner, b.In.Parts[0].Rows)
	case *program.PlainStep:
		s.inner = max(s.inner, b.Up.Parts[0].Rows)
	case *program.InputGateStep:
		s.inner = max(s.inner, b.Gate.Parts[0].Rows)
	case *program.SumStep:
		for i := range b.Steps {
			s.add(b.Steps[i].Body)
		}
	}
}

// pass is one batch on its way through the steps of a stage, and the memory for it.
type pass struct {
	program   *program.Program
	table     *kernels.Table
	vec       cpu.Vec // of the table
	span      program.Span
	width     int       // the program's
	products  []product // by number
	sizes     sizes
	embedding lookup
	positions lookup

	pool      *cpu.Pool
	workers   []scratch
	cache     *kv.Cache
	attention *attention.Driver
	batch     attention.Batch
	fast      bool

	n          int       // tokens
	tokens     []int32   // [n]
	pos        []int32   // [n]
	runs       []kv.Run  // the sequences of the tokens, in order
	seqs       []int32   // [n] the same by token
	x, h, y    []float32 // [n][width] residual stream, input and output of a branch
	q, k, v, o []float32 // [n][heads][head size]
	gated      []float32 // [n][heads][query, gate]
	gate, up   []float32 // [n][inner]
	ropes      []ropeTable

	offsets     []*attention.Offset // by KV layer, of the context that runs
	offsetRopes []*attention.Rope   // those made so far
	stop        func() error        // asked between blocks; nil for nobody
	// sees the keys of a batch before RoPE, [n][KVHeads*KeyDim]; nil for nobody
	observe func(layer int, k []float32)
	raw     []float32 // what it sees

	prep  prepTask
	mul   mulTask
	heads headsTask
	store storeTask
	embed embedTask
	step  stepTask

	normed  normTask // of the experts' input
	branch  normTask // of a branch of a sum
	sums    sumTask
	gates   gatesTask
	shared  sharedGateTask
	bent    xieluTask
	delta   deltaPass
	short   shortPass
	channel channelDelta
	ssm     mambaPass
	inputs  inputsTask
	latent  latentTask
	perHead perHeadTask
	route   routing
	mixture mixture
}

// scratch is the memory of one worker.
type scratch struct {
	ws  kernels.Workspace
	act kernels.Act // view of a tile of tokens
	out []float32   // of a task, for itself
	low []float32   // outputs of what is added to a matrix
	_   [64]byte
}

// newPass chooses the kernels of a part of a program. start must follow.
func newPass(table *kernels.Table, program *program.Program, span program.Span) *pass {
	p := &pass{program: program, table: table, vec: cpu.NewVec(table), span: span, width: program.Width, products: make([]product, len(program.Products))}
	p.sizes.width = p.width
	for i, s := range program.Products {
		p.products[i] = newProduct(s)
		p.sizes.preps = max(p.sizes.preps, len(p.products[i].preps))
	}
	for i := span.Steps.Lo; i < span.Steps.Hi; i++ {
		p.sizes.add(program.Steps[i].Body)
	}
	p.embedding = newLookup(program.Embedding)
	if program.Positions != nil {
		p.positions = newLookup(program.Positions)
	}
	if i := program.Inputs; i != nil {
		p.inputs = inputsTask{p: p, i: i, e: newLookup(i.Embedding)}
	}
	return p
}

// start makes the memory for batches of so many tokens in contexts of size positions.
func (p *pass) start(pool *cpu.Pool, size, batch int, fast bool) {
	s := p.sizes
	floats := func(n int) []float32 { return make([]float32, batch*n) }
	p.pool, p.fast, p.workers, p.attention = pool, fast, make([]scratch, pool.Workers()), attention.New(pool, p.table)
	p.pos, p.seqs = make([]int32, 0, batch), make([]int32, 0, batch)
	p.x, p.h, p.y = floats(s.width), floats(s.width), floats(s.width)
	p.q, p.k, p.v, p.o, p.gated = floats(s.q), floats(s.k), floats(s.v), floats(s.o), floats(s.gated)
	p.gate, p.up = floats(s.inner), floats(s.inner)
	for _, r := range p.program.Ropes {
		p.ropes = append(p.ropes, newRopeTable(r, size, batch, r.Magnitude))
	}
	p.prep = prepTask{p: p, acts: make([]kernels.Act, s.preps), transformed: make([][]float32, s.preps)}
	p.mul.p, p.heads.p, p.store.p, p.embed.p, p.step.p = p, p, p, p, p
	p.mixture.p, p.mixture.in.mixture, p.mixture.out.mixture = p, &p.mixture, &p.mixture
}

// each runs a task on the pool, or here when there is but one item.
func (p *pass) each(t cpu.Task, items int) error {
	if items == 1 {
		t.Do(0, 1)
		return nil
	}
	return p.pool.Run(t)
}

// forward runs tokens, at most a batch, which have just been placed as the last of their sequences.
// p.x then holds the residual stream; of a stage that does not embed it must before.
func (p *pass) forward(tokens []int32, runs []kv.Run) error {
	p.tokens, p.n, p.runs, p.pos, p.seqs = tokens, len(tokens), runs, p.pos[:0], p.seqs[:0]
	for _, r := range runs {
		first := p.cache.LenSeq(r.Seq) - r.N
		for i := range r.N {
			p.pos, p.seqs = append(p.pos, int32(first+i)), append(p.seqs, int32(r.Seq))
		}
	}
	for i := range p.ropes {
		p.ropes[i].fill(p.pos)
	}
	if p.span.Embeds {
		if err := p.pool.Run(&p.embed); err != nil {
			return err
		}
		if p.inputs.i != nil {
			if err := p.inputs.run(); err != nil {
				return err
			}
		}
	}
	p.step.post, p.step.add, p.step.scale = nil, false, 1
	for i := p.span.Steps.Lo; i < p.span.Steps.Hi; i++ {
		s := &p.program.Steps[i]
		if p.stop != nil {
			if err := p.stop(); err != nil {
				return err
			}
		}
		p.step.pre = s.Pre
		if err := p.each(&p.step, p.n); err != nil {
			return err
		}
		in := p.h
		if s.Pre == nil {
			in = p.x
		}
		if err := p.body(s.Body, p.y, in); err != nil {
			return err
		}
		p.step.post, p.step.add, p.step.scale = s.Post, true, s.Scale
	}
	p.step.pre = nil
	return p.each(&p.step, p.n)
}

// body computes y from x, both [n][width].
func (p *pass) body(body any, y, x []float32) error {
	switch b := body.(type) {
	case *program.AttentionStep:
		return p.attend(b, y, x)
	case *program.GatedStep:
		return p.gatedFFN(b, y, x)
	case *program.PlainStep:
		return p.ffn(b, y, x)
	case *program.MatrixStep:
		return p.matmul(b.Out, x, y)
	case *program.SumStep:
		return p.sum(b, y, x)
	case *program.ExpertsStep:
		return p.experts(b, y, x)
	case *program.DeltaStep:
		return p.deltaNet(b, y, x)
	case *program.ChannelDeltaStep:
		return p.channelDeltaNet(b, y, x)
	case *program.ShortConvStep:
		return p.shortConv(b, y, x)
	case *program.MambaStep:
		return p.mamba(b, y, x)
	case *program.InputGateStep:
		return p.inputGate(b, y, x)
	}
	return fmt.Errorf("%T is not computed on the processor", body)
}

// embedTask looks the tokens up, and their positions where these have vectors.
type embedTask struct{ p *pass }

func (t *embedTask) Do(w, workers int) {
	p, width := t.p, t.p.width
	lo, hi := cpu.Split(p.n, 1, w, workers)
	for j := lo; j < hi; j++ {
		x := p.x[j*width:][:width]
		p.embedding.row(x, int(p.tokens[j]))
		if s := p.program.Scale; s != 1 {
			p.vec.Scale(x, s)
		}
		if p.program.Positions != nil {
			h := p.h[j*width:][:width] // free until the first norm
			p.positions.row(h, int(p.pos[j]))
			p.vec.Add(x, h)
		}
	}
}

// stepTask goes from one block to the next: the residual stream takes the output of the last, h
// becomes the input of the next.
type stepTask struct {
	p         *pass
	add       bool                 // there is a last block
	scale     float32              // of the stream after the last block
	post, pre *program.NormWeights // of the last block and of the next, nil for none
}

func (t *stepTask) Do(w, workers int) {
	p, n := t.p, t.p.width
	lo, hi := cpu.Split(p.n, 1, w, workers)
	for j := lo; j < hi; j++ {
		x, y := p.x[j*n:][:n], p.y[j*n:][:n]
		if t.add && t.post != nil {
			normalise(p.vec, t.post, y, y)
		}
		if t.add {
			p.vec.Add(x, y)
		}
		if t.scale != 1 {
			p.vec.Scale(x, t.scale)
		}
		if t.pre != nil {
			normalise(p.vec, t.pre, p.h[j*n:][:n], x)
		}
	}
}
