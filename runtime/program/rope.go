package program

// Pairing says which values of a head RoPE rotates together.
type Pairing int

// The pairings: (0,1) (2,3) ... and (0,n/2) (1,n/2+1) ...
const (
	Adjacent Pairing = iota
	Halves
)

// IsLong reports whether a context of so many positions takes the long factors. llama.cpp compares
// after it has rounded the size up to a multiple of 256, which decides for models whose Original is
// small.
func (t *RopeForm) IsLong(size int) bool {
	const unit = 256
	return t.Long != nil && (size+unit-1)/unit*unit > t.Original
}

// At is the angles per position, [Dims/2], in a context of so many positions.
func (t *RopeForm) At(size int) []float64 {
	if t.IsLong(size) {
		return t.Long
	}
	return t.Short
}
