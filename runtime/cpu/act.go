package cpu

import (
	"math"

	"github.com/kvgen/kvgen/kernels"
)

// ResizeAct makes room in a for m rows of n activations in groups of group values; n is a multiple of group, group of
// 16. It allocates only when a has less room than that.
func ResizeAct(a *kernels.Act, m, n, group int) {
	a.N, a.Group = n, group
	a.Q = resize(a.Q, m*n)
	a.D = resize(a.D, m*(n/group))
	a.S = resize(a.S, m*(n/16))
}

func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// RoundAct writes row j of a: x rounded to int8 with one scale per group, the largest magnitude becoming 127.
// The scale is kept in f32. A group without finite non-zero values becomes zeros with scale 0 or NaN.
func RoundAct(a *kernels.Act, j int, x []float32) {
	g := a.Group
	q := a.Q[j*a.N : (j+1)*a.N]
	d := a.D[j*(a.N/g) : (j+1)*(a.N/g)]
	s := a.S[j*(a.N/16) : (j+1)*(a.N/16)]
	for b := range d {
		xb, qb := x[b*g:(b+1)*g], q[b*g:(b+1)*g]
		var amax float32
		for _, v := range xb {
			if m := math.Float32frombits(math.Float32bits(v) &^ (1 << 31)); m > amax {
				amax = m
			}
		}
		scale := amax / 127
		var inv float32
		if amax > 0 {
			inv = 127 / amax
		}
		d[b] = scale
		const magic = 12582912.0 // 1.5 * 2^23: its low bits hold the rounded integer
		for k := 0; k < g; k += 16 {
			var sum int32
			x16, q16 := xb[k:k+16], qb[k:k+16]
			for i, v := range x16 {
				c := int8(math.Float32bits(float32(v*inv) + magic))
				q16[i] = c
				sum += int32(c)
			}
			s[(b*g+k)/16] = scale * float32(sum)
		}
	}
}
