// Package program is a loaded model as data: steps with the matrices of a file, in the order in
// which they run. Package model makes it; an Engine runs it, runtime/cpu/engine on the processor
// and runtime/gpu/engine on a GPU, whole or a Span of it.
package program

import (
	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/attention"
	"github.com/kvgen/kvgen/runtime/kv"
)

// Program is a loaded model as data, which every engine runs, that of the processor too:
//
//	x = Scale * Embedding[token] + Positions[position]
//	inputs of the layers, where there are Inputs, are made of this x
//	for each step:  x = (x + Post(Body(Pre(x)))) * Scale
//	logits = cap(Output . Norm(x))
//
// It is immutable and belongs to the model. Data of weights is a view of the file, to be read under
// File.Guard.
type Program struct {
	Width, Vocab int
	Layers       int // that repeat
	Embedding    *Weight
	Positions    *Weight // nil for none
	Scale        float32
	Inputs       *InputsOfLayers // nil for none
	Steps        []Step
	Norm         *NormWeights
	Output       *Products
	Cap          float32          // soft cap of the logits; 0 for none
	Ropes        []*RopeForm      // by number
	States       []State          // of recurrent layers, by number
	KV           []kv.Layer       // what the cache holds, by KV layer
	Attention    []*AttentionStep // by KV layer, those that store its rows
	Products     []*Products      // all, by number
}

// Weight is a matrix in the file.
type Weight struct {
	Type    *kernels.Type
	Rows, N int       // outputs, inputs
	Data    [][]byte  // [Rows][Type.RowBytes(N)], in one piece or several equal ones
	Bias    []float32 // [Rows], nil for none
	Scale   float32   // of the products, before the bias; 0 for none
	Low     []Low     // what is added to the matrix
}

// Low is a matrix of low rank that is added to another of Rows x N: its product with x is
// Scale * B (A x). Both are f32.
type Low struct {
	A     *Weight // Rank x N
	B     *Weight // Rows x Rank
	Scale float32
}

// Cut is rows lo to hi-1 of w, which is in one piece or nil.
func (w *Weight) Cut(lo, hi int) *Weight {
	if w == nil {
		return nil
	}
	c, n := *w, w.Type.RowBytes(w.N)
	c.Rows, c.Data = hi-lo, [][]byte{w.Data[0][lo*n : hi*n]}
	if w.Bias != nil {
		c.Bias = w.Bias[lo:hi]
	}
	c.Low = nil
	for _, l := range w.Low {
		c.Low = append(c.Low, Low{A: l.A, B: l.B.Cut(lo, hi), Scale: l.Scale})
	}
	return &c
}

// Products is matrices that multiply the same input. Gated: there are two of equal shape, and the
// result is Act(first) * second. Activated: it is Act(product).
type Products struct {
	Number           int // in Program.Products
	Parts            []*Weight
	Gated, Activated bool
	Act              Activation
	Apart            bool // the rows of each result are wanted by themselves
}

// NormWeights is a norm of rows, nil for none.
type NormWeights struct {
	Kind NormKind
	Eps  float32
	W, B []float32 // nil for none
}

// RopeForm is a RoPE as the layers that share it apply it.
type RopeForm struct {
	Kind      Pairing
	Dims      int
	Magnitude float32   // of cosines and sines
	Short     []float64 // [Dims/2] angle per position
	Long      []float64 // [Dims/2] in contexts of more than Original positions, nil for the same
	Original  int
}

// Step is a block.
type Step struct {
	Layer     int // of the model
	Pre, Post *NormWeights
	// *AttentionStep, *GatedStep, *PlainStep, *MatrixStep, *ExpertsStep, *DeltaStep,
	// *ChannelDeltaStep, *ShortConvStep, *MambaStep, *InputGateStep or *SumStep
	Body  any
	Scale float32 // of the stream after the block
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
	Whole               bool         // those of Q and K are over all heads together
	NormsLast           bool         // those of Q and K come after RoPE
	Rope                int          // number of the RoPE, -1 for none
	Temperature         *Temperature // nil for none
	// what Q, K and V are made of where QKV has not them but queries and a latent; nil for others
	Latent *Latent
}

// Latent is how an attention over a latent vector makes queries, keys and values. QKV has a token's
// queries, or what they are made of, and its latent of Rank values before Norm with the Tail values
// that all keys share. Queries are [Heads][Plain, Tail], of which Tail has RoPE.
type Latent struct {
	Rank, Plain, Tail int
	QNorm             *NormWeights // of what the queries are made of
	Q                 *Products    // makes queries of it, nil where QKV has them
	Norm              *NormWeights // of the latent
	// Absorbed: the latent is the value and the tail the key. K brings the plain part of each
	// head's query to the latent, V the head's output back; both are a matrix per head.
	K, V *Products
	// or nil, and keys [Plain] and values of each head are rows of Up . latent
	Up *Products
}

// GatedStep is a GatedFFN.
type GatedStep struct {
	In, Down   *Products
	SharedGate *Products // nil for none
}

// PlainStep is an FFN.
type PlainStep struct {
	Up, Down *Products
	XIELU    *XIELU // in place of Up's activation, nil for none
}

// XIELU is the activation of arXiv:2411.13010: P x^2 + Beta x for x above 0, and else
// (exp(min(x, Eps)) - 1 - x) N + Beta x.
type XIELU struct{ P, N, Beta, Eps float32 }

// MatrixStep is a Matrix.
type MatrixStep struct{ Out *Products }

// SumStep is a Sum; scales of its steps are 1.
type SumStep struct{ Steps []Step }

// ExpertsStep is an Experts. Gate and Up are of the same Products.
type ExpertsStep struct {
	Count, Used, Inner int
	Routing            Routing
	Gateless           bool // Gate is Up, and what is between is Act of it
	Act                Activation
	Router             *Products
	RouterNorm, Norm   *NormWeights // of the router's and the experts' input
	Gate, Up, Down     ExpertStack
}

// ExpertStack is a matrix of each expert: rows First.. of every Stride rows of a part of Products.
type ExpertStack struct {
	Products      *Products
	Part          int
	Stride, First int
	Scale         []float32 // [Count] of an expert's product, bias included; nil for none
}

// Weight holds the matrices of all experts, Count times the rows of one.
func (k *ExpertStack) Weight() *Weight { return k.Products.Parts[k.Part] }

// DeltaStep is a DeltaNet. The layer's state, kv.Cache.State(State), is [Taps-1][rows of
// In.Parts[0]] of the last tokens before the convolution, the oldest first, and [ValueHeads][Dim of
// the key][Dim of the value] matrices.
type DeltaStep struct {
	KeyHeads, ValueHeads, Dim, Taps int
	State                           int
	// QKV, gates [ValueHeads][Dim], and what makes decays and rates, [ValueHeads] each
	In          *Products
	Out         *Products
	Conv        []float32    // [Taps][rows of QKV], the oldest token first
	Decay, Step []float32    // [ValueHeads]
	Norm        *NormWeights // of every head
	// the least length that a query or key is divided by
	Eps     float32
	Grouped bool // value head h uses those of head h / (ValueHeads/KeyHeads), not h mod KeyHeads
}

// Channels is the rows of QKV.
func (d *DeltaStep) Channels() int { return d.In.Parts[0].Rows }

// KeyHead is the head whose queries and keys a value head uses.
func (d *DeltaStep) KeyHead(value int) int {
	if d.Grouped {
		return value / (d.ValueHeads / d.KeyHeads)
	}
	return value % d.KeyHeads
}

// ChannelDeltaStep is a ChannelDelta. The layer's state is three histories [Taps-1][Heads*Dim], of
// Q, K and V of the last tokens before their convolutions, the oldest first, and [Heads][Dim of the
// key][Dim of the value] matrices.
type ChannelDeltaStep struct {
	Heads, Dim, Taps, State int
	In                      *Products    // Q, K, V, and rates [Heads]
	Conv                    [3][]float32 // [Taps][Heads*Dim], the oldest token first
	DecayDown, DecayUp      *Products
	GateDown, GateUp, Out   *Products
	Step, Decay             []float32    // [Heads*Dim], [Heads]
	Norm                    *NormWeights // of every head
	Eps                     float32
}

// ShortConvStep is a ShortConv. The layer's state is [Taps-1][width] of b * x, the oldest first.
type ShortConvStep struct {
	Taps    int
	State   int
	In, Out *Products // In: rows of b, c and x
	Conv    []float32 // [Taps][width], the oldest token first
}

// MambaStep is a Mamba. The layer's state is [Taps-1][Channels()] of the last tokens before the
// convolution, the oldest first, and [Heads][Size][Dim].
type MambaStep struct {
	Heads, Dim, Size, Groups, Taps int
	State                          int
	In, Out                        *Products    // In: rows of z, x, B, C and dt
	Conv, ConvBias                 []float32    // [Taps][Channels()], [Channels()]; nil for none
	Step, Decay, Skip              []float32    // [Heads]
	Norm                           *NormWeights // [Heads*Dim] in Groups; nil for none
}

// Channels is the rows of x, B and C.
func (m *MambaStep) Channels() int { return m.Heads*m.Dim + 2*m.Groups*m.Size }

// State is what a recurrent layer keeps of a sequence.
type State struct{ Layer, Values int }

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

// RopeOf is the number of the RoPE of the keys of a KV layer, -1 for none.
func (p *Program) RopeOf(layer int) int { return p.Attention[layer].Rope }
