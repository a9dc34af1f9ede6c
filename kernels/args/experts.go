package args

// Route chooses the experts of tokens by the logits of their router.
type Route struct {
	Logits      uint64 `c:"float*"` // [tokens][count], changed
	Expert      uint64 `c:"int*"`   // [tokens][used]
	Row         uint64 `c:"int*"`   // [tokens][used] the token
	Weight      uint64 `c:"float*"` // [tokens][used]
	Count, Used int32
	// softmax over all experts, and the sum of those used brought back to 1; else softmax over
	// those used
	All int32
}

// Sort brings slots, tokens at experts, into the order of their experts.
type Sort struct {
	Expert uint64 `c:"const int*"` // [slots]
	// [slots] token and expert of the slots in order, and where each slot went
	Row, Of, Place uint64 `c:"int*"`
	// [slots / most + count] runs of slots of one expert, of which some may have none
	RunExpert, RunFirst, RunSlots uint64 `c:"int*"`
	Slots, Used, Most             int32  // slots of a run
}

// Collect copies rows into the order of their slots.
type Collect struct {
	X   uint64 `c:"const float*"` // rows of n values
	Y   uint64 `c:"float*"`       // [slots][n]
	Row uint64 `c:"const int*"`   // [slots]
	N   int32
}

// Hidden is act(gate) * up.
type Hidden struct {
	// [slots] rows of inner values, row and up_row values apart
	Gate, Up uint64 `c:"const float*"`
	Out      uint64 `c:"float*"` // [slots][inner]; may be gate
	Expert   uint64 `c:"const int*"`
	// [count] of an expert's products; null for none
	GateScale, UpScale     uint64 `c:"const float*"`
	Inner, Row, UpRow, Act int32  // act: 0 SiLU, 1 GELU in its tanh form, 2 SwiGLU with clamps
}

// Blend sums the outputs of the experts of a token.
type Blend struct {
	Y      uint64 `c:"float*"`       // [tokens][width]
	Part   uint64 `c:"const float*"` // [slots][width]
	Expert uint64 `c:"const int*"`   // [tokens][used]
	// [tokens][used] number of the slot; null for slots in this order
	Place       uint64 `c:"const int*"`
	Weight      uint64 `c:"const float*"` // [tokens][used]
	Scale       uint64 `c:"const float*"` // [count] of an expert's output; null for none
	Width, Used int32
}
