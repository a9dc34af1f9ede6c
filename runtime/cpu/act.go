package cpu

import "github.com/kvgen/kvgen/kernels"

// ActTile divides the rows at which an Act may be cut: it interleaves that many.
const ActTile = 4

// ActFrom is a view of the rows of a from row j on, a multiple of ActTile.
func ActFrom(a *kernels.Act, j int) kernels.Act {
	g := j * (a.N / a.Group)
	return kernels.Act{Rows: a.Rows - j, N: a.N, Group: a.Group, Q: a.Q[g*a.Group:], D: a.D[g:], S: a.S[g*a.Group/16:]}
}
