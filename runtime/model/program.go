package model

import (
	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/attention"
)

// Program is a loaded model as data, for a Device to compile. It is what pass runs on the processor:
//
//	x = Scale * Embedding[token] + Positions[position]
//	inputs of the layers, where there are Inputs, are made of this x
//	for each step:  x = (x + Post(Body(Pre(x)))) * Scale
//	logits = cap(Output . Norm(x))
//
// Everything it points to belongs to the model. Data of weights is a view of the file, to be read under File.Guard.
type Program struct {
	Width, Vocab int
	Embedding    *Weight
	Positions    *Weight // nil for none
	Scale        float32
	Inputs       *InputsOfLayers // nil for none
	Steps        []Step
	Norm         *NormWeights
	Output       *Products
	Cap          float32   // soft cap of the logits; 0 for none
	Turns        []Turning // of RoPE, by number
	States       []int     // values that each recurrent layer keeps of the sequence, by number
}

// Weight is a matrix in the file.
type Weight struct {
	Type    *kernels.Type
	Rows, N int       // outputs, inputs
	Data    [][]byte  // [Rows][Type.RowBytes(N)], in one piece or several equal ones
	Bias    []float32 // [Rows], nil for none
}

// Products is matrices that multiply the same input. Gated: there are two of equal shape, and the result is
// Act(first) * second. Bent: it is Act(product).
type Products struct {
	Parts       []*Weight
	Gated, Bent bool
	Act         Activation
}

// NormWeights is a norm of rows, nil for none.
type NormWeights struct {
	Kind NormKind
	Eps  float32
	W, B []float32 // nil for none
}

// Turning is a RoPE.
type Turning struct {
	Kind      Pairing
	Dims      int
	Magnitude float32
	At        func(size int) []float64 // [Dims/2] angle per position in a context of size positions
}

// Step is a block.
type Step struct {
	Layer     int // of the model, for messages
	Pre, Post *NormWeights
	Body      any     // *AttentionStep, *GatedStep, *PlainStep, *MatrixStep, *ExpertsStep, *DeltaStep, *InputGateStep or *SumStep
	Scale     float32 // of the stream after the block
}

// AttentionStep is an Attention.
type AttentionStep struct {
	attention.Layer
	KV                  int  // KV layer
	Reads               bool // the rows of a KV layer that an earlier step stores
	VIsK                bool // the values are the product of K
	Gated               bool // the product of Q is [Heads][query, gate]
	QKV                 *Products
	Out                 *Products
	QNorm, KNorm, VNorm *NormWeights // of heads
	Turn                int          // number of the RoPE, -1 for none
	Temper              *Temper      // nil for none
}

// GatedStep is a GatedFFN.
type GatedStep struct {
	In, Down *Products
	Switch   *Products // nil for none
}

// PlainStep is an FFN.
type PlainStep struct{ Up, Down *Products }

// MatrixStep is a Matrix.
type MatrixStep struct{ Out *Products }

// SumStep is a Sum; scales of its steps are 1.
type SumStep struct{ Steps []Step }

// ExpertsStep is an Experts: each matrix holds those of all experts, Count times the rows of one.
type ExpertsStep struct {
	Count, Used, Inner int
	Weigh              Weighing
	Act                Activation
	Router             *Products
	RouterNorm, Norm   *NormWeights // of the router's and the experts' input
	Gate, Up, Down     ExpertStack
}

// ExpertStack is a matrix of each expert: rows First.. of every Stride rows of Weight.
type ExpertStack struct {
	Weight        *Weight
	Stride, First int
	Scale         []float32 // [Count] of an expert's product, bias included; nil for none
}

// DeltaStep is a DeltaNet. The layer's state, kv.Cache.State(State), is [Taps-1][rows of In.Parts[0]] of the last tokens before the
// convolution, the oldest first, and [ValueHeads][Dim of the key][Dim of the value] matrices.
type DeltaStep struct {
	KeyHeads, ValueHeads, Dim, Taps int
	State                           int
	In                              *Products // QKV, gates [ValueHeads][Dim], and what makes decays and rates, [ValueHeads] each
	Out                             *Products
	Conv                            []float32    // [Taps][rows of QKV], the oldest token first
	Decay, Step                     []float32    // [ValueHeads]
	Norm                            *NormWeights // of every head
	Eps                             float32      // the least length that a query or key is divided by
}

// InputsOfLayers is an Inputs.
type InputsOfLayers struct {
	Size, Layers int
	Embedding    *Weight      // rows of [Layers][Size]
	Projection   *Products    // Layers * Size outputs
	Norm         *NormWeights // of Size values
}

// InputGateStep is an InputGate, of the input of the step's layer.
type InputGateStep struct {
	Gate, Out *Products
	Layer     int
	Act       Activation
}

// Program describes the model.
func (m *Model) Program() *Program {
	p := &Program{Width: m.Width, Vocab: m.Vocab, Embedding: m.embedding.describe(), Positions: m.positions.describe(),
		Scale: m.scale, Norm: m.norm.describe(), Output: m.output.describe(), Cap: m.cap}
	for _, t := range m.turns {
		p.Turns = append(p.Turns, Turning{Kind: t.kind, Dims: t.dims, Magnitude: t.magnitude, At: t.at})
	}
	for _, s := range m.states {
		p.States = append(p.States, s.values)
	}
	for i := range m.blocks {
		p.Steps = append(p.Steps, m.blocks[i].describe())
	}
	if i := m.inputs; i != nil {
		p.Inputs = &InputsOfLayers{Size: i.size, Layers: i.layers, Embedding: i.embedding.describe(), Projection: i.projection.describe(), Norm: i.norm.describe()}
	}
	return p
}

// TurnOf is the number of the RoPE that the keys of a KV layer are turned by, -1 for none.
func (p *Program) TurnOf(layer int) int {
	for i := range p.Steps {
		if a, ok := p.Steps[i].Body.(*AttentionStep); ok && a.KV == layer && !a.Reads {
			return a.Turn
		}
	}
	return -1
}

func (b *block) describe() Step {
	return Step{Layer: b.layer, Pre: b.pre.describe(), Post: b.post.describe(), Body: b.body.describe(), Scale: b.scale}
}

func (w *weight) describe() *Weight {
	if w == nil {
		return nil
	}
	return &Weight{Type: w.typ, Rows: w.rows, N: w.n, Data: w.pieces(), Bias: w.bias}
}

func (n *norm) describe() *NormWeights {
	if n == nil {
		return nil
	}
	return &NormWeights{Kind: n.kind, Eps: n.eps, W: n.w, B: n.b}
}

func (g *group) describe() *Products {
	if g == nil {
		return nil
	}
	p := &Products{Gated: g.gated, Bent: g.bent, Act: g.act}
	for _, q := range g.parts {
		p.Parts = append(p.Parts, q.weight.describe())
	}
	return p
}

func (a *attend) describe() any {
	s := &AttentionStep{Layer: a.layer, KV: a.kv, Reads: a.reads, VIsK: a.vIsK, Gated: a.gated, QKV: a.qkv.describe(), Out: a.out.describe(),
		QNorm: a.qNorm.describe(), KNorm: a.kNorm.describe(), VNorm: a.vNorm.describe(), Turn: -1, Temper: a.temper}
	if a.rope != nil {
		s.Turn = a.rope.index
	}
	return s
}

func (f *gatedFFN) describe() any {
	return &GatedStep{In: f.in.describe(), Down: f.down.describe(), Switch: f.gate.describe()}
}

func (f *ffn) describe() any { return &PlainStep{Up: f.up.describe(), Down: f.down.describe()} }

func (m *matrix) describe() any { return &MatrixStep{Out: m.out.describe()} }

func (s sum) describe() any {
	x := &SumStep{}
	for i := range s {
		x.Steps = append(x.Steps, s[i].describe())
	}
	return x
}

func (e *experts) describe() any {
	in, down := e.in.describe(), e.down.describe()
	stack := func(p *Products, s stack) ExpertStack {
		return ExpertStack{Weight: p.Parts[s.part], Stride: s.rows, First: s.first, Scale: s.scale}
	}
	return &ExpertsStep{Count: e.count, Used: e.used, Inner: e.inner, Weigh: e.weigh, Act: e.act, Router: e.router.describe(),
		RouterNorm: e.routerNorm.describe(), Norm: e.norm.describe(),
		Gate: stack(in, e.gate), Up: stack(in, e.up), Down: stack(down, e.out)}
}

func (d *deltaNet) describe() any {
	return &DeltaStep{KeyHeads: d.keys, ValueHeads: d.values, Dim: d.dim, Taps: d.taps, State: d.state, In: d.in.describe(), Out: d.out.describe(),
		Conv: d.conv, Decay: d.decay, Step: d.step, Norm: d.norm.describe(), Eps: d.eps}
}

func (g *inputGate) describe() any {
	return &InputGateStep{Gate: g.gate.describe(), Out: g.out.describe(), Layer: g.layer, Act: g.act}
}
