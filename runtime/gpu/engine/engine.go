package engine

import (
	"errors"
	"fmt"

	"github.com/kvgen/kvgen/kernels/args"
	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/gpu/attend"
	"github.com/kvgen/kvgen/runtime/gpu/qkv"
	"github.com/kvgen/kvgen/runtime/gpu/rope"
	"github.com/kvgen/kvgen/runtime/gpu/rows"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
	"github.com/kvgen/kvgen/runtime/program"
)

// engine runs the batches of a context: the steps of a part of a model's Program, one launch after
// another on the device's stream. A batch of one token of each of some sequences is a graph,
// recorded for each number of them and power of two of the cells in use.
type engine struct {
	b     *Backend
	w     *weights
	span  program.Span // of the program
	size  int          // positions of the context
	batch int          // most tokens of a batch
	exact bool
	owned []interface{ Free() error }

	x, h, y *gpu.Buffer // [batch][width] residual stream, input and output of a branch
	logits  *gpu.Buffer // [logitRows][vocab]
	scratch map[string]*gpu.Buffer

	ropes  []ropeAngles
	inputs *inputs // nil for none
	ops    []op
	output *fused
	last   int // tokens of the last batch
	closed bool

	step, embed, branch, normal gpu.Kernel // of the model's width
	cap                         gpu.Kernel
	rope                        *rope.Kernel
	gate                        *qkv.Gate // of attention whose outputs are gated
	attends                     map[string]*attend.Kernel
	prefills                    map[string]*attend.Prefill
	qkv                         map[rows.Pair]*qkv.Kernel
	evicts                      map[[2]rows.Pair]*rows.Evict
	tables                      []offsetRope
}

// op is a part of a batch: launches that read and write the engine's memory. n is the tokens of the
// batch.
type op interface {
	run(e *engine, c *cache, n int) error
}

// ropeAngles is a RoPE with the angles of the batch that runs.
type ropeAngles struct {
	pairing rope.Pairing
	angles  *rope.Angles // of a batch
	freq    []float64
}

// logitRows is how many tokens' logits are computed together.
const logitRows = 32

func (b *Backend) engine(w *weights, s program.Span, o model.Options) (*engine, error) {
	e := &engine{b: b, w: w, span: s, size: o.Size, batch: o.Batch, exact: o.Math == model.Exact, scratch: map[string]*gpu.Buffer{}, attends: map[string]*attend.Kernel{}, prefills: map[string]*attend.Prefill{}, qkv: map[rows.Pair]*qkv.Kernel{}, evicts: map[[2]rows.Pair]*rows.Evict{}}
	if err := e.start(); err != nil {
		return nil, errors.Join(err, e.free())
	}
	return e, nil
}

func (e *engine) start() error {
	for _, f := range []func() error{e.embeddings, e.frames, e.allocate, e.makeRopes, e.compile} {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

// embeddings takes those of tokens to the GPU, for the stage that looks them up.
func (e *engine) embeddings() error {
	if !e.span.Embeds {
		return nil
	}
	return e.w.load()
}

// frames compiles the kernels that depend on the width of the model alone.
func (e *engine) frames() error {
	wide := StepDefines(e.w.program.Width)
	for _, f := range []struct {
		to          *gpu.Kernel
		name, frame string
		defines     []gpu.Define
	}{
		{&e.step, "step", "step", wide}, {&e.embed, "embed", "step", wide}, {&e.branch, "branch", "step", wide}, {&e.normal, "normal", "step", wide},
		{&e.cap, "soft_cap", "scale", nil},
	} {
		var err error
		if *f.to, err = e.b.Frame(f.name, f.frame, f.defines...); err != nil {
			return err
		}
	}
	return nil
}

// StepDefines is what step.cu wants to know of a model of some width.
func StepDefines(width int) []gpu.Define {
	return []gpu.Define{{Name: "WIDTH", Value: width}, {Name: "THREADS", Value: stepThreads(width)}}
}

// stepThreads is the threads of a block of the kernels in step.cu.
func stepThreads(width int) int { return min(1024, max(32, (width/4+31)/32*32)) }

func (e *engine) threads() int { return stepThreads(e.w.program.Width) }

func (e *engine) allocate() error {
	p := e.w.program
	row, logits := e.batch*p.Width, 0
	if e.span.Output {
		logits = min(logitRows, e.batch) * p.Vocab
	}
	for _, m := range []struct {
		to    **gpu.Buffer
		words int
	}{{&e.x, row}, {&e.h, row}, {&e.y, row}, {&e.logits, logits}} {
		var err error
		if *m.to, err = e.alloc(4 * m.words); err != nil {
			return err
		}
	}
	return nil
}

// alloc is memory that the engine owns.
func (e *engine) alloc(bytes int) (*gpu.Buffer, error) {
	m, err := e.b.Alloc(uint64(bytes))
	if err == nil {
		e.owned = append(e.owned, m)
	}
	return m, err
}

// room is scratch memory of so many values per token, shared by everything that asks for the same
// name.
func (e *engine) room(name string, values int) (*gpu.Buffer, error) {
	bytes := uint64(4 * values * e.batch)
	if m := e.scratch[name]; m != nil && m.Size >= bytes {
		return m, nil
	}
	m, err := e.alloc(int(bytes))
	if err == nil {
		e.scratch[name] = m
	}
	return m, err
}

func (e *engine) makeRopes() error {
	var err error
	if e.rope, err = rope.New(e.b.Queue); err != nil {
		return err
	}
	if e.gate, err = qkv.NewGate(e.b.Queue); err != nil {
		return err
	}
	for _, t := range e.w.program.Ropes {
		r := ropeAngles{freq: t.At(e.size)}
		r.pairing = rope.Pairing{Pairs: len(r.freq), Adjacent: t.Kind == program.Adjacent}
		if r.angles, err = rope.NewAngles(e.b.Queue, r.freq, t.Magnitude, e.batch); err != nil {
			return err
		}
		e.owned = append(e.owned, r.angles)
		e.ropes = append(e.ropes, r)
	}
	return nil
}

// betweenBlocks is the op that goes from one block to the next.
type betweenBlocks struct{ args args.Step }

func (s *betweenBlocks) run(e *engine, _ *cache, n int) error {
	return e.step.Launch(gpu.Grid{X: n, Threads: e.threads()}, &s.args)
}

// compile makes the ops.
func (e *engine) compile() error {
	p := e.w.program
	if p.Inputs != nil && (e.span.Embeds || e.span.Inputs) {
		var err error
		if e.inputs, err = e.layerInputs(p.Inputs); err != nil {
			return fmt.Errorf("inputs of layers: %w", err)
		}
	}
	next := &betweenBlocks{args: args.Step{X: e.x.Address(), Scale: 1}}
	for i := e.span.Steps.Lo; i < e.span.Steps.Hi; i++ {
		s := &p.Steps[i]
		pre, err := e.w.norm(s.Pre)
		if err != nil {
			return err
		}
		next.args.Pre, next.args.H = pre, e.h.Address()
		e.ops = append(e.ops, next)
		body, err := e.body(s.Body, e.h, e.y)
		if err != nil {
			return fmt.Errorf("layer %d: %w", s.Layer, err)
		}
		e.ops = append(e.ops, body...)
		post, err := e.w.norm(s.Post)
		if err != nil {
			return err
		}
		next = &betweenBlocks{args: args.Step{X: e.x.Address(), Y: e.y.Address(), Post: post, Scale: s.Scale}}
	}
	if !e.span.Output {
		next.args.H = e.h.Address()
		e.ops = append(e.ops, next)
		return nil
	}
	final, err := e.w.norm(p.Norm)
	if err != nil {
		return err
	}
	next.args.Pre, next.args.H = final, e.h.Address()
	e.ops = append(e.ops, next)
	e.output, err = e.w.products(p.Output, e.exact)
	return err
}

// body makes the ops of what a block computes: y from x.
func (e *engine) body(body any, x, y *gpu.Buffer) ([]op, error) {
	switch b := body.(type) {
	case *program.AttentionStep:
		return e.attention(b, x, y)
	case *program.GatedStep:
		return e.gated(b, x, y)
	case *program.PlainStep:
		return e.plain(b, x, y)
	case *program.MatrixStep:
		m, err := e.matmul(b.Out, x, y, "")
		return []op{m}, err
	case *program.SumStep:
		return e.sum(b, x, y)
	case *program.ExpertsStep:
		return e.experts(b, x, y)
	case *program.DeltaStep:
		return e.delta(b, x, y)
	case *program.InputGateStep:
		return e.inputGate(b, x, y)
	}
	return nil, fmt.Errorf("gpu: no kernels compute a block of %T", body)
}

// Forward runs a batch; what is left of it is in e.h.
func (e *engine) Forward(r program.StageRows, b *program.Batch) error {
	c := r.(*cache)
	if err := c.place(b.Tokens, b.Runs); err != nil {
		return err
	}
	if err := c.forget(); err != nil {
		return err
	}
	if err := e.receive(b); err != nil {
		return err
	}
	e.last = len(b.Tokens)
	run := e.launch
	if c.steady {
		run = e.token
	}
	if err := run(c, e.last); err != nil {
		return err
	}
	return e.handOver(b)
}

// receive brings what the stages before have made of a batch.
func (e *engine) receive(b *program.Batch) error {
	if e.span.Embeds {
		return nil
	}
	if err := gpu.Post(e.x, 0, b.X); err != nil || !e.span.Inputs {
		return err
	}
	return gpu.Post(e.inputs.x, 0, b.Inputs)
}

// handOver takes a batch to where the next stage finds it.
func (e *engine) handOver(b *program.Batch) error {
	if e.span.Output {
		return nil
	}
	if err := gpu.Read(e.x, 0, b.X); err != nil || !e.span.Embeds || b.Inputs == nil {
		return err
	}
	return gpu.Read(e.inputs.x, 0, b.Inputs)
}

// token runs a batch of one token of each of n sequences, as a graph from the second time on: the
// first time everything grows that has to.
func (e *engine) token(c *cache, n int) error {
	key := c.key()
	if g := c.graphs[key]; g != nil {
		return g.Launch()
	}
	if !c.seen[key] {
		if err := e.launch(c, n); err != nil {
			return err
		}
		c.seen[c.key()] = true // what grew is part of it
		return nil
	}
	g, err := e.b.Record(func() error { return e.launch(c, n) })
	if err != nil {
		return err
	}
	if err := c.keep(key, g); err != nil {
		return err
	}
	return g.Launch()
}

// launch runs the ops of a batch of n tokens.
func (e *engine) launch(c *cache, n int) error {
	if e.span.Embeds {
		if err := e.embedTokens(c, n); err != nil {
			return err
		}
	}
	positions := c.lists.At(c.lists.PartOf(n).Position(), n)
	for i := range e.ropes {
		if err := e.rope.Fill(e.ropes[i].angles, positions, n); err != nil {
			return err
		}
	}
	for _, o := range e.ops {
		if err := o.run(e, c, n); err != nil {
			return err
		}
	}
	return nil
}

// embedTokens makes the residual stream of a batch, and the layers' inputs of it.
func (e *engine) embedTokens(c *cache, n int) error {
	p, at := e.w.program, c.lists.PartOf(n)
	if err := e.w.embedding.Gather(e.x, c.lists.At(at.Token(), n), n); err != nil {
		return err
	}
	positions := c.lists.At(at.Position(), n)
	if p.Positions != nil || p.Scale != 1 {
		a := args.Embed{X: e.x.Address(), Scale: p.Scale}
		if p.Positions != nil {
			if err := e.w.positions.Gather(e.h, positions, n); err != nil {
				return err
			}
			a.Place = e.h.Address()
		}
		if err := e.embed.Launch(gpu.Grid{X: n, Threads: e.threads()}, &a); err != nil {
			return err
		}
	}
	if e.inputs == nil {
		return nil
	}
	return e.inputs.run(e, c, n)
}

// Hidden copies the last batch's vectors of tokens lo..hi-1.
func (e *engine) Hidden(dst []float32, lo, hi int) error {
	width := e.w.program.Width
	return gpu.Read(e.h, uint64(4*lo*width), dst[:(hi-lo)*width])
}

// Logits computes those of tokens lo..hi-1 of the last batch.
func (e *engine) Logits(dst []float32, lo, hi int) error {
	if lo < 0 || hi > e.last {
		return fmt.Errorf("gpu: logits are of tokens of the last batch, which has %d: tokens %d to %d were asked for", e.last, lo, hi-1)
	}
	return e.project(dst, e.h, lo, hi)
}

// Project computes logits of vectors that Hidden gave. Those of the last batch stay where they are.
func (e *engine) Project(dst, hidden []float32, n int) error {
	if err := gpu.Write(e.y, 0, hidden[:n*e.w.program.Width]); err != nil { // free between batches
		return err
	}
	return e.project(dst, e.y, 0, n)
}

func (e *engine) project(dst []float32, h *gpu.Buffer, lo, hi int) error {
	p := e.w.program
	for ; lo < hi; lo += logitRows {
		n := min(logitRows, hi-lo)
		row := uint64(4 * p.Width)
		if err := e.output.products[0].Run(e.logits, h.Slice(uint64(lo)*row, uint64(n)*row), n); err != nil {
			return err
		}
		if p.Cap > 0 {
			a := args.Cap{X: e.logits.Address(), N: int64(n * p.Vocab), Cap: p.Cap}
			if err := e.cap.Launch(gpu.Grid{X: min(256, (n*p.Vocab+255)/256), Threads: 256}, &a); err != nil {
				return err
			}
		}
		if err := gpu.Read(e.logits, 0, dst[:n*p.Vocab]); err != nil {
			return err
		}
		dst = dst[n*p.Vocab:]
	}
	return nil
}

// Close frees what is the engine's own, and the weights if no other uses them.
func (e *engine) Close() error {
	if e.closed {
		return nil
	}
	e.closed = true
	return errors.Join(e.free(), e.b.release(e.w))
}

func (e *engine) free() error {
	var all []error
	for i := len(e.owned) - 1; i >= 0; i-- {
		all = append(all, e.owned[i].Free())
	}
	e.owned = nil
	return errors.Join(all...)
}

// Rows makes the device's side of a cache.
func (e *engine) Rows(c *kv.Cache) (program.StageRows, error) { return e.newCache(c) }
