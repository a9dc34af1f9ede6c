package ref

// Dot returns the sum of a[i]*b[i] over len(a), in float64.
func Dot(a, b []float32) float64 {
	var sum float64
	for i, v := range a {
		sum += float64(float64(v) * float64(b[i])) // exact: a product of two float32 fits a float64
	}
	return sum
}

// Score returns s[g][t] = sum over i of q[g][i] * k[t][i], for q[heads][n] and k[rows][n].
func Score(q, k []float32, heads, rows, n int) []float64 {
	return Matmul(q, k, heads, rows, n)
}

// Mix adds p[g][t] * v[t][i], summed over t, to o[g][i], for p[heads][rows], v[rows][n] and
// o[heads][n].
func Mix(o []float64, p, v []float32, heads, rows, n int) {
	for g := range heads {
		for t := range rows {
			for i := range n {
				o[g*n+i] += float64(float64(p[g*rows+t]) * float64(v[t*n+i]))
			}
		}
	}
}

// Matmul returns y[m][n] = sum over k of x[m][k] * w[n][k], for x[rows][depth] and w[cols][depth].
func Matmul(x, w []float32, rows, cols, depth int) []float64 {
	y := make([]float64, rows*cols)
	for m := range rows {
		for n := range cols {
			y[m*cols+n] = Dot(x[m*depth:][:depth], w[n*depth:][:depth])
		}
	}
	return y
}
