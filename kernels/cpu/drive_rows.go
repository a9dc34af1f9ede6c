package cpu

// driveTransform runs a transform over all runs of size values.
func driveTransform(kernel func(x *float32, runs int), size int, x []float32) {
	if runs := len(x) / size; runs > 0 {
		kernel(&x[0], runs)
	}
}

// quantiseKernel rounds the groups of one row; steps are in bytes (see QuantiseAct of package
// lower).
type quantiseKernel func(q *int8, d, s, x *float32, groups, stepQ, stepD, stepS int)

// driveQuantiseAct rounds m rows of a, whose groups stand as far apart as the tile has rows.
func driveQuantiseAct(kernel quantiseKernel, a *Act, x []float32, ldx, m int) {
	groups := a.N / a.Group
	if groups == 0 {
		return
	}
	for j := range m {
		row := x[j*ldx:][:groups*a.Group]
		first, last := a.At(j, 0), a.At(j, groups-1)
		step := 0
		if groups > 1 {
			step = (last - first) / (groups - 1)
		}
		q, d, s := a.Q[first*a.Group:(last+1)*a.Group], a.D[first:last+1], a.S[first*a.Group/16:(last+1)*a.Group/16]
		kernel(&q[0], &d[0], &s[0], &row[0], groups, step*a.Group, 4*step, step*a.Group/4)
	}
}
