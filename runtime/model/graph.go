package model

import "github.com/kvgen/kvgen/runtime/program"

// Graph is an architecture with the sizes of one file, before any tensor has been looked up.
//
//	x = Scale * embedding[token] + positions[position]
//	for each layer and block:  x = (x + Post(Body(Pre(x)))) * Scale
//	logits = SoftCap(output . Norm(x))
type Graph struct {
	Width     int // values of the residual stream
	Layers    [][]Block
	Scale     float32 // of the embedding; 0 means 1
	Positions Linear  // a learned vector per position, which bounds the context; "" for none
	Norm      Norm    // before the output
	Inputs    *Inputs // of layers beside the residual stream; nil for none
	Cap       float32 // soft cap of the logits; 0 for none
}

// Block is one branch beside the residual stream. Norms without a name are skipped.
type Block struct {
	Pre  Norm
	Body Body
	Post Norm

	Scale string // optional tensor of one value that multiplies the whole stream after the block
}

// Body is what a block computes: Attention, DeltaNet, ChannelDelta, ShortConv, Mamba, GatedFFN,
// FFN, Matrix, Experts, InputGate or a Sum of such. bind looks up its tensors and makes it the Body
// of a Step.
type Body interface {
	bind(b *binder) any
}

// Norm is a normalisation with a weight tensor.
type Norm struct {
	Name string
	Eps  float32
	Kind program.NormKind

	Suffix string  // of the tensor's name, "weight" where it is empty
	Whole  bool    // the tensor's name has no suffix
	Times  float32 // factor of the weights; 0 means 1
	Bare   bool    // there are no weights, and no name
}

// Linear is a matrix, with a bias vector where the file has a tensor of the same name ending in
// .bias.
type Linear string

// Attention is self-attention with a KV cache. Without a V, values are the product of K, before its
// norm and RoPE. With neither K nor V the layer has no cache of its own and reads that of layer
// CacheOf.
type Attention struct {
	Heads, KVHeads   int
	KeyDim, ValueDim int // values of a head
	// rows of Q, K and V in one tensor, where the file has it instead of the three
	QKV          Linear
	Q, K, V, Out Linear
	CacheOf      int  // layer
	QNorm, KNorm Norm // of every head, before RoPE
	Whole        bool // they are over all heads together
	NormsLast    bool // they come after RoPE
	VNorm        Norm // of every head
	Rope         *Rope
	Temperature  *program.Temperature // of the queries, after RoPE; nil for none
	Scale        float32              // of the scores
	SoftCap      float32              // of the scores; 0 for none
	Window       int                  // positions that a query sees; 0 for all
	Chunked      bool                 // it sees those from the last multiple of Window on
	Latent       *Latent              // in place of Q, K and V; nil for none
	// Q has a row of gates after each head's query, whose sigmoids multiply the head's output
	Gated bool
	// tensor of a score per head that takes part in the softmax with no value; "" for none
	Sinks string
}

// GatedFFN is Down . (act(Gate . x) * (Up . x)).
type GatedFFN struct {
	Inner          int // rows of Gate and Up
	Gate, Up, Down Linear
	GateUp         Linear // instead of Gate and Up: the rows of both in one tensor
	Act            program.Activation
	SharedGate     Linear // one row, whose sigmoid multiplies the output; "" for none
}

// FFN is Down . act(Up . x).
type FFN struct {
	Inner    int // rows of Up
	Up, Down Linear
	Act      program.Activation
	XIELU    *program.XIELU // in place of Act, nil for none
}

// Matrix is Out . x, what is left of an attention without heads.
type Matrix struct{ Out Linear }
