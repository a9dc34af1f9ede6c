package program

// Activation is the function of a feed-forward network.
type Activation int

// The activations.
const (
	SiLU Activation = iota
	GELU            // tanh form
	// min(g, 7) sigmoid(1.702 g) (clamp(u, +-7) + 1), where the up branch u counts
	SwiGLUClamped
	SquaredReLU // max(0, x)^2, of networks without a gate
)

// NormKind says what is normalised.
type NormKind int

// The kinds of norm.
const (
	RMS       NormKind = iota // by the root of the mean square
	LayerNorm                 // by mean and variance; has a bias tensor where the file has one
)

// Gating is how a router's logits become the weights of experts.
type Gating int

// The gating functions.
const (
	SoftmaxAll    Gating = iota // softmax over all experts
	SoftmaxChosen               // softmax over the experts that a token uses
	Sigmoid                     // of each logit by itself
)

// Routing is how a router chooses the experts of a token, and weighs them: those with the largest
// weight plus Bias, within the best groups.
type Routing struct {
	Gating
	AsIs  bool      // weights are not brought back to a sum of 1
	Scale float32   // of the weights; 0 means 1
	Bias  []float32 // [experts] of the choice alone, nil for none
	// experts are in so many groups of one size, of which a token uses some: those with the largest
	// sums of their two best experts. 0 for no groups
	Groups, GroupsUsed int
	OnInput            bool // an expert's input is multiplied by its weight, not its output
}

// Plain says whether a routing has nothing but its gating, by softmax.
func (r *Routing) Plain() bool {
	return r.Gating != Sigmoid && !r.AsIs && r.Scale == 0 && r.Bias == nil && r.Groups == 0 && !r.OnInput
}

// Temperature scales the queries at position p by 1 + Scale ln(1 + floor(p/Every)), so that scores
// keep their contrast over contexts longer than Every positions.
type Temperature struct {
	Scale float32 // 0 for none
	Every int
	Ahead bool // by 1 + Scale ln(1 + floor((p+1)/Every))
}
