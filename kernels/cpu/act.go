package cpu

import (
	"math"
	"unsafe"
)

// Rows of activations are kept in the form that kernels read.
const (
	// ActPanel is the number of rows of a panel: kernels for many rows give each a lane.
	ActPanel = 8
	// actRows is the number of rows that the kernels for few rows walk with one cursor.
	actRows = 4

	panelFloats = 96 // a panel's record for 32 values, in f32
	panelScale  = 64
	panelSum    = 72
)

// Act holds Rows rows of N activations rounded to int8, a scale per Group values, in the
// forms that kernels read. Rows that fill panels of 8 stand one after the other in Q, D
// and S and interleaved in P, where kernels for many rows give each a lane. The rows left
// over are interleaved group by group in tiles of 4 and the rest.
//
// A panel's record for 32 values is 64 words of quants, word k of row j at 8k+j holding
// values 4k..4k+3; 8 scales; 8 sums of the first 16 values times the scale, 8 of the
// last 16, 8 of all 32.
type Act struct {
	Rows, N, Group int
	P              []float32 // [Rows/8][N/32][96] panels
	Q              []int8    // [tile][N/Group][rows of the tile][Group], a row of a panel is a tile
	D              []float32 // [tile][N/Group][rows of the tile] scale: x ~ D*Q
	S              []float32 // [tile][N/Group][rows of the tile][Group/16] D times the sum of 16 Q
}

// Resize gives a room for m rows of n values in groups of group, keeping its memory where that suffices. group is a
// multiple of 16 and divides n.
func (a *Act) Resize(m, n, group int) {
	a.Rows, a.N, a.Group = m, n, group
	a.P = grow(a.P, a.panels()/ActPanel*(n/32)*panelFloats)
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

// panels is the number of rows in panels.
func (a *Act) panels() int {
	if a.Group%32 != 0 {
		return 0
	}
	return a.Rows / ActPanel * ActPanel
}

// From returns the rows of a from row j on, sharing its memory. j is a multiple of
// ActPanel, or counts 4 more than one after the last panel.
func (a *Act) From(j int) Act {
	v := *a
	v.Rows -= j
	v.P = a.P[min(j, a.panels())/ActPanel*(a.N/32)*panelFloats:]
	v.Q, v.D, v.S = a.tile(j)
	return v
}

// tile returns the arrays from the tile that starts with row j.
func (a *Act) tile(j int) (q []int8, d, s []float32) {
	g := j * (a.N / a.Group)
	return a.Q[g*a.Group:], a.D[g:], a.S[g*a.Group/16:]
}

// at is the position of group g of row j, counted in groups.
func (a *Act) at(j, g int) int {
	p := a.panels()
	if j < p {
		return j*(a.N/a.Group) + g
	}
	first := p + (j-p)/actRows*actRows
	return first*(a.N/a.Group) + g*min(actRows, a.Rows-first) + j - first
}

// panel returns the record of 32 values from 32*k of the panel that starts with row j.
func (a *Act) panel(j, k int) []float32 {
	return a.P[(j/ActPanel*(a.N/32)+k)*panelFloats:][:panelFloats]
}

// interleave copies row j, which stands by itself in Q, D and S, to its lane of a panel.
func (a *Act) interleave(j int) {
	lane := j % ActPanel
	q, d, s := a.tile(j)
	for k := range a.N / 32 {
		p := a.panel(j, k)
		words, to := unsafe.Slice((*uint32)(unsafe.Pointer(&q[32*k])), 8), unsafe.Slice((*uint32)(unsafe.Pointer(&p[0])), 64)
		for i, w := range words {
			to[ActPanel*i+lane] = w
		}
		lo, hi := s[2*k], s[2*k+1]
		p[panelScale+lane] = d[32*k/a.Group]
		p[panelSum+lane], p[panelSum+ActPanel+lane], p[panelSum+2*ActPanel+lane] = lo, hi, lo+hi
	}
}

// QuantiseAct rounds m rows of a.N values, ldx apart in x, into a, which Resize has given room: a.Rows rows, or fewer that
// are whole panels. round does it for up to 4 rows of a tile; its definition is QuantiseActGeneric.
func QuantiseAct(round func(a *Act, x []float32, ldx, m int), a *Act, x []float32, ldx, m int) {
	whole := *a // a itself stands for each tile in turn, so that nothing is allocated
	for j := 0; j < m; {
		a.Rows = min(actRows, whole.Rows-j)
		if j < whole.panels() {
			a.Rows = 1
		}
		a.Q, a.D, a.S = whole.tile(j)
		round(a, x[j*ldx:], ldx, a.Rows)
		if j < whole.panels() {
			whole.interleave(j)
		}
		j += a.Rows
	}
	*a = whole
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
