package program

// Activation is the function of a feed-forward network.
type Activation int

// The activations.
const (
	SiLU Activation = iota
	GELU            // tanh form
	// min(g, 7) sigmoid(1.702 g) (clamp(u, +-7) + 1), where the up branch u counts
	SwiGLUClamped
)

// NormKind says what is normalised.
type NormKind int

// The kinds of norm.
const (
	RMS       NormKind = iota // by the root of the mean square
	LayerNorm                 // by mean and variance; has a bias tensor where the file has one
)

// Gating is how a router's logits become the weights of the experts that a token uses, those with
// the largest logits.
type Gating int

// The gating functions.
const (
	// softmax over all experts, and those used are brought back to a sum of 1
	SoftmaxAll    Gating = iota
	SoftmaxChosen        // softmax over the experts used
)

// Temperature scales the queries at position p by 1 + Scale ln(1 + floor(p/Every)), so that scores
// keep their contrast over contexts longer than Every positions.
type Temperature struct {
	Scale float32 // 0 for none
	Every int
}
