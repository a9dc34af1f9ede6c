package cpu

import "math"

// ActTile is the number of rows that Act interleaves.
const ActTile = 4

// Act holds Rows rows of N activations rounded to int8, a scale per Group values. Rows
// are kept in tiles of ActTile (the last may have fewer); inside a tile of h rows group
// g of row j stands at position g*h+j, so that a kernel walks all rows with one cursor.
type Act struct {
	Rows, N, Group int
	Q              []int8    // [tile][N/Group][h][Group]
	D              []float32 // [tile][N/Group][h] scale: x ~ D*Q
	S              []float32 // [tile][N/Group][h][Group/16] D times the sum of 16 Q
}

// at is the position of group g of row j, counted in groups.
func (a *Act) at(j, g int) int {
	first := j / ActTile * ActTile
	return first*(a.N/a.Group) + g*min(ActTile, a.Rows-first) + j - first
}

// tile returns the arrays from the tile that starts with row j.
func (a *Act) tile(j int) (q []int8, d, s []float32) {
	g := j * (a.N / a.Group)
	return a.Q[g*a.Group:], a.D[g:], a.S[g*a.Group/16:]
}

// Resize gives a room for m rows of n values in groups of group, keeping its memory where that suffices. group is a
// multiple of 16 and divides n.
func (a *Act) Resize(m, n, group int) {
	a.Rows, a.N, a.Group = m, n, group
	a.Q = grow(a.Q, m*n)
	a.D = grow(a.D, m*n/group)
	a.S = grow(a.S, m*n/16)
}

func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// QuantiseActGeneric rounds m rows of a.N values, ldx apart in x, into a, which Resize has given room. The scale of a group
// is its largest magnitude over 127, values round half to even. A group that holds an infinity or NaN has a NaN for scale, so
// that it reaches the result; one whose values are all below 4e-37 counts as zero.
func QuantiseActGeneric(a *Act, x []float32, ldx, m int) {
	for j := range m {
		row := x[j*ldx:][:a.N]
		for g := 0; g < a.N; g += a.Group {
			at := a.at(j, g/a.Group)
			q, s := a.Q[at*a.Group:][:a.Group], a.S[at*a.Group/16:][:a.Group/16]
			a.D[at] = quantiseGroup(q, s, row[g:g+a.Group])
		}
	}
}

// quantiseGroup rounds one group, writes scale times the sum of 16 codes to s, and returns the scale.
func quantiseGroup(q []int8, s, x []float32) float32 {
	var most float32
	for _, v := range x {
		most = max(most, abs(v)) // the built-in max keeps a NaN
	}
	d, id := most/127, 127/most
	switch {
	case most-most != 0: // infinite or NaN
		d, id = float32(math.NaN()), 0
	case id > math.MaxFloat32: // most is zero or nearly so
		d, id = 0, 0
	}
	for i, v := range x {
		q[i] = 0
		if id != 0 {
			q[i] = int8(rint(v * id))
		}
	}
	for k := range s {
		var sum int32
		for _, v := range q[16*k : 16*k+16] {
			sum += int32(v)
		}
		s[k] = d * float32(sum)
	}
	return d
}
