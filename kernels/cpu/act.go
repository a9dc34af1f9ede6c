package cpu

import (
	"math"

	"github.com/kvgen/kvgen/kernels/abi"
)

// QuantiseAct rounds m rows of a.N values, ldx apart in x, into a, which Resize has given room:
// a.Rows rows, or fewer that are whole panels. round does it for up to 4 rows of a tile; its
// definition is QuantiseActGeneric.
func QuantiseAct(round func(a *Act, x []float32, ldx, m int), a *Act, x []float32, ldx, m int) {
	whole := *a // a itself stands for each tile in turn, so that nothing is allocated
	for j := 0; j < m; {
		a.Rows = min(abi.ActRows, whole.Rows-j)
		if j < whole.Panels() {
			a.Rows = 1
		}
		a.Q, a.D, a.S = whole.Tile(j)
		round(a, x[j*ldx:], ldx, a.Rows)
		if j < whole.Panels() {
			whole.Interleave(j)
		}
		j += a.Rows
	}
	*a = whole
}

// QuantiseActGeneric rounds m rows of a.N values, ldx apart in x, into a, which Resize has given
// room. The scale of a group is its largest magnitude over 127, values round half to even. A group
// that holds an infinity or NaN has a NaN for scale, so that it reaches the result; one whose
// values are all below 4e-37 counts as zero.
func QuantiseActGeneric(a *Act, x []float32, ldx, m int) {
	for j := range m {
		row := x[j*ldx:][:a.N]
		for g := 0; g < a.N; g += a.Group {
			at := a.At(j, g/a.Group)
			q, s := a.Q[at*a.Group:][:a.Group], a.S[at*a.Group/16:][:a.Group/16]
			a.D[at] = quantiseGroup(q, s, row[g:g+a.Group])
		}
	}
}

// quantiseGroup rounds one group, writes scale times the sum of 16 codes to s, and returns the
// scale.
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
