// Package attention computes softmax(q k^T) v over a packed cache on the processor: a driver over
// the score and mix kernels of the two sides' types, so that K and V types add up instead of
// multiplying.
//
// The cache is cut into chunks of a fixed number of cells. For a tile of queries that share a KV
// head, each chunk gives a maximum, a sum and a mixed row; these are merged in the order of the
// chunks. So the result depends neither on the number of threads nor on how the work was split
// between them.
//
// A layer may hold its rows in several segments of different types. Each is chunked by itself;
// queries are laid for each, and its outputs are brought back to the model's domain before they are
// added.
//
// Queries of several sequences may come together; a query sees the cells whose set has its
// sequence. Tokens of different sequences share the reading of a chunk that holds nothing but what
// they share, such as a common prompt. Others go through a chunk by themselves, over the stretch of
// cells between the first and the last that they see.
package attention

import "github.com/kvgen/kvgen/runtime/kv"

// Layer is the contract of attention for one layer, the same for every back end. For query position
// p and cell position t with 0 <= t <= p and, with a window, p-t < Window, or Chunked t/Window =
// p/Window in whole numbers:
//
//	s    = Scale * (q . k[t] + Offset(q, t))        SoftCap > 0: s = SoftCap * tanh(s / SoftCap)
//	out  = sum exp(s) v[t] / (sum exp(s) + exp(Sinks[head]))
//
// Query head h reads KV head h / (Heads/KVHeads). With Latent a query has ValueDim values more,
// which are multiplied by the values: s = Scale * (q . k[t] + latent part of q . v[t]).
type Layer struct {
	Heads, KVHeads int
	KeyDim         int // values of a query or key head
	ValueDim       int
	Scale          float32
	SoftCap        float32   // 0 for none
	Window         int       // 0 for none
	Chunked        bool      // the window of a query begins at a multiple of Window
	Sinks          []float32 // [Heads], nil for none
	Latent         bool      // values take part in the scores
}

// QueryDim is the values of a query.
func (l *Layer) QueryDim() int {
	if l.Latent {
		return l.KeyDim + l.ValueDim
	}
	return l.KeyDim
}

// first is the first position that a query at position p sees.
func (l *Layer) first(p int32) int32 {
	switch w := int32(l.Window); {
	case w == 0:
		return 0
	case l.Chunked:
		return p / w * w
	default:
		return p - w + 1
	}
}

// Batch is one call: n queries against the rows of one layer's cache, their own included. Of the
// cells a query sees those whose set has its sequence.
type Batch struct {
	Layer *Layer
	KV    []kv.Pair // segments of the layer's rows, each position in one of them
	Pos   []int32   // [n] positions of the queries
	// [n] their sequences, those of one following one another; nil in caches of one sequence
	Seqs []int32
	Q    []float32 // [n][Heads][QueryDim()]
	Out  []float32 // [n][Heads][ValueDim]
	// scores with int8 queries, sums with rounded levels and weights, where the types have such
	// kernels
	Fast   bool
	Offset *Offset // what was taken out of the keys, nil for nothing
}
