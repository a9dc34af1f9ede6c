package args

// Sequences says which tokens of a batch are of which sequence. The state of a sequence lies so
// many values after that of the one before. A batch of one sequence has no list.
type Sequences struct {
	// [count] {first token, tokens, sequence, 0}, or null
	Runs          uint64 `c:"const int4*"`
	State         int64
	Count, Tokens int32 // runs; tokens of the batch
}

// Mix is the convolution before a gated delta rule.
type Mix struct {
	Qkv uint64 `c:"const float*"` // tokens ld values apart: heads of Q, K and V
	// [TAPS-1][channels] of the tokens before, the oldest first
	History        uint64 `c:"const float*"`
	Conv           uint64 `c:"const float*"` // [TAPS][channels]
	Mixed          uint64 `c:"float*"`       // [tokens][channels]
	LD             int64
	Of             Sequences
	Keys, Channels int32 // heads of Q, which are as many as those of K
	Eps            float32
}

// Rule is the gated delta rule.
type Rule struct {
	Mixed uint64 `c:"const float*"` // [tokens][channels]
	// before the convolution, tokens ld values apart
	Qkv uint64 `c:"const float*"`
	// [TAPS-1][channels], which takes the last tokens; [values][DIM of the key][DIM of the
	// value]
	History, Matrices uint64 `c:"float*"`
	// of a head; tokens ld_alpha and ld_beta apart
	Alpha, Beta            uint64 `c:"const float*"`
	Decay, Step            uint64 `c:"const float*"` // [values]
	Out                    uint64 `c:"float*"`       // [tokens][values][DIM]
	LD, LDAlpha, LDBeta    int64
	Of                     Sequences
	Keys, Values, Channels int32
}

// LetOut is the gated norm behind it.
type LetOut struct {
	Out, Gate uint64 `c:"const float*"` // [tokens][values][DIM]; tokens ld values apart
	Y         uint64 `c:"float*"`       // [tokens][values][DIM]
	Norm      Norm
	LD        int64
	Values    int32
}
