package abi

import "unsafe"

// Act holds Rows rows of N activations rounded to int8, a scale per Group values, in the
// forms that kernels read. Rows that fill panels of 8 stand one after the other in Q, D
// and S and interleaved in P, where kernels for many rows give each a lane. The rows left
// over are interleaved group by group in tiles of 4 and the rest.
// See PanelBytes for a panel's record.
type Act struct {
	Rows, N, Group int
	P              []float32 // [Rows/8][N/32][PanelBytes/4] panels
	Q              []int8    // [tile][N/Group][rows of the tile][Group], a row of a panel is a tile
	D              []float32 // [tile][N/Group][rows of the tile] scale: x ~ D*Q
	S              []float32 // [tile][N/Group][rows of the tile][Group/16] D times the sum of 16 Q
}

// Resize gives a room for m rows of n values in groups of group, keeping its memory where that
// suffices. group is a multiple of 16 and divides n.
func (a *Act) Resize(m, n, group int) {
	a.Rows, a.N, a.Group = m, n, group
	a.P = grow(a.P, a.Panels()/ActPanel*(n/Chunk)*PanelBytes/4)
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

// Panels is the number of rows in panels.
func (a *Act) Panels() int {
	if a.Group%Chunk != 0 {
		return 0
	}
	return a.Rows / ActPanel * ActPanel
}

// From returns the rows of a from row j on, sharing its memory. j is a multiple of
// ActPanel, or counts 4 more than one after the last panel.
func (a *Act) From(j int) Act {
	v := *a
	v.Rows -= j
	v.P = a.P[min(j, a.Panels())/ActPanel*(a.N/Chunk)*PanelBytes/4:]
	v.Q, v.D, v.S = a.Tile(j)
	return v
}

// Tile returns the arrays from the tile that starts with row j.
func (a *Act) Tile(j int) (q []int8, d, s []float32) {
	g := j * (a.N / a.Group)
	return a.Q[g*a.Group:], a.D[g:], a.S[g*a.Group/16:]
}

// At is the position of group g of row j, counted in groups.
func (a *Act) At(j, g int) int {
	p := a.Panels()
	if j < p {
		return j*(a.N/a.Group) + g
	}
	first := p + (j-p)/ActRows*ActRows
	return first*(a.N/a.Group) + g*min(ActRows, a.Rows-first) + j - first
}

// Panel returns the record of 32 values from Chunk*k of the panel that starts with row j.
func (a *Act) Panel(j, k int) []float32 {
	return a.P[(j/ActPanel*(a.N/Chunk)+k)*PanelBytes/4:][:PanelBytes/4]
}

// Interleave copies row j, which stands by itself in Q, D and S, to its lane of a panel.
func (a *Act) Interleave(j int) {
	lane := j % ActPanel
	q, d, s := a.Tile(j)
	for k := range a.N / Chunk {
		p := a.Panel(j, k)
		words, to := unsafe.Slice((*uint32)(unsafe.Pointer(&q[Chunk*k])), Chunk/4), unsafe.Slice((*uint32)(unsafe.Pointer(&p[PanelQuants/4])), PanelScale/4)
		for i, w := range words {
			to[ActPanel*i+lane] = w
		}
		lo, hi := s[2*k], s[2*k+1]
		p[PanelScale/4+lane] = d[Chunk*k/a.Group]
		p[PanelSums/4+lane], p[PanelSums/4+ActPanel+lane], p[PanelSums/4+2*ActPanel+lane] = lo, hi, lo+hi
	}
}
