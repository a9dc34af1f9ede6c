package args

// Angles makes the cosines and sines of RoPE for a batch.
type Angles struct {
	Positions uint64 `c:"const int*"`    // [tokens]
	Freq      uint64 `c:"const double*"` // [pairs] angle per position
	Cos, Sin  uint64 `c:"float*"`        // [tokens][pairs]
	Pairs     int32
	Magnitude float32 // of both
}

// Place writes the positions of a batch into cells.
type Place struct {
	Held             uint64 `c:"int*"`       // [capacity] position of each cell
	Positions, Cells uint64 `c:"const int*"` // [tokens]
	// [leaving] cells that become empty before that; -1 for none
	Left                      uint64 `c:"const int*"`
	Tokens, Leaving, Capacity int32
}

// Gates multiplies the output of attention by sigmoids.
type Gates struct {
	O    uint64 `c:"float*"`       // [tokens][heads][dim]
	Gate uint64 `c:"const float*"` // of the first head of the first token
	LD   int64  // values from the gates of a token to those of the next
	Step int32  // from those of a head
	Dim  int32
}

// Heads is norms, RoPE and storing of Q, K and V.
type Heads struct {
	// products of token 0; K and V are null for a layer that reads another's cache
	Q, K, V             uint64 `c:"const float*"`
	LDQ, LDK, LDV       int64  // values from one token to the next
	QNorm, KNorm, VNorm uint64 `c:"const float*"` // [dim] weights, null for all ones
	Cos, Sin            uint64 `c:"const float*"` // [tokens][pairs]
	// [kv heads][dim] taken out of keys before they are rotated, null for nothing
	Mu  uint64 `c:"const float*"`
	Out uint64 `c:"float*"` // [tokens][heads][dim] queries
	// [tokens][kv heads][dim] keys before mu is taken out, null for nobody
	Raw uint64 `c:"float*"`
	// [tokens]; a token whose cell the cache does not have is not stored
	Positions, Cells      uint64 `c:"const int*"`
	Keys, Values          Rows
	Heads, KVHeads, QStep int32 // query heads lie q_step values apart
	Pairs, Adjacent       int32
	QEps, KEps, VEps      float32 // below 0 for no norm
	// queries at position p are scaled by 1 + attn_scale ln(1 + p / every), 0 for none
	AttnScale float32
	Every     int32
}
