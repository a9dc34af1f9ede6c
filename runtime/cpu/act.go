package cpu

import "github.com/kvgen/kvgen/kernels"

// ActRows is a view of m rows of a from row j.
func ActRows(a *kernels.Act, j, m int) kernels.Act {
	scales, sums := a.N/a.Group, a.N/16
	return kernels.Act{N: a.N, Group: a.Group,
		Q: a.Q[j*a.N:][:m*a.N], D: a.D[j*scales:][:m*scales], S: a.S[j*sums:][:m*sums]}
}
