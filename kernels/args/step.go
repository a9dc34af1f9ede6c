package args

// Norm is a norm of rows: kind 0 for none, 1 RMS, 2 by mean and variance.
type Norm struct {
	W, B uint64 `c:"const float*"` // weights and bias, null for none
	Eps  float32
	Kind int32
}

// Step goes from one block to the next: a residual sum and two norms.
type Step struct {
	X uint64 `c:"float*"` // [tokens][WIDTH] the stream
	// [tokens][WIDTH] output of the last block; null for none
	Y         uint64  `c:"const float*"`
	H         uint64  `c:"float*"` // [tokens][WIDTH] input of the next; null for none
	Post, Pre Norm    // of y and of the new x
	Scale     float32 // of the new x
}

// Embed scales embeddings and adds those of positions.
type Embed struct {
	X     uint64 `c:"float*"`       // [tokens][WIDTH] embeddings
	Place uint64 `c:"const float*"` // [tokens][WIDTH] vectors of the positions; null for none
	Scale float32
}

// Branch adds the output of a branch to a sum.
type Branch struct {
	Sum  uint64 `c:"float*"`       // [tokens][WIDTH]
	Part uint64 `c:"const float*"` // [tokens][WIDTH]; may be sum
	Post Norm
	Add  int32 // to the sum, which is replaced otherwise
}

// NormRows is the norm of rows.
type NormRows struct {
	X    uint64 `c:"const float*"` // [tokens][WIDTH]
	Y    uint64 `c:"float*"`
	Norm Norm
}

// Cap is the soft cap of logits.
type Cap struct {
	X   uint64 `c:"float*"` // [n]
	N   int64
	Cap float32
}

// SharedGate multiplies the output of a shared expert by its gate.
type SharedGate struct {
	Y      uint64 `c:"float*"`       // [tokens][width]
	Logits uint64 `c:"const float*"` // [tokens]
	Width  int32
}

// Inputs makes the layers' own inputs of a batch.
type Inputs struct {
	// [tokens][layers][SIZE] projections of the token's embedding, which become the inputs
	X      uint64 `c:"float*"`
	E      uint64 `c:"const float*"` // [tokens][layers][SIZE] embeddings of the token's own
	Norm   Norm
	Narrow float32 // of the projections, before the norm
}
