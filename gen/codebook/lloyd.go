package codebook

import (
	"fmt"
	"math"
	"slices"
)

// LloydMax returns the n levels, ascending, with the least mean squared error for s (Max 1960,
// Lloyd 1982). Every level is the mean of its cell and every threshold the midpoint of two levels.
// 2 <= n <= 256. Levels are in units of s. The error says that the solver did not converge.
//
// Lloyd's own iteration converges like 1-1/n^2 and is still off in the fourth
// digit after a hundred rounds at n = 16, so this is Newton's method on the same
// conditions, whose Jacobian is tridiagonal.
func LloydMax(n int, s Source) ([]float64, error) {
	levels := companding(n, s)
	tolerance := 1e-12 * math.Sqrt(s.Variance)
	for range 200 {
		step := newton(levels, s)
		next := make([]float64, n)
		for i := range next {
			next[i] = levels[i] + step[i]
		}
		if !slices.IsSorted(next) || math.IsNaN(next[0]+next[n-1]) || next[n-1] >= s.end || next[0] <= -s.end {
			next = centroids(levels, s) // far from the solution Lloyd's step always improves
		}
		change := 0.0
		for i := range next {
			change = max(change, math.Abs(next[i]-levels[i]))
		}
		if levels = next; s.atom == 0 {
			levels = symmetric(next)
		}
		if change < tolerance {
			return levels, nil
		}
	}
	return nil, fmt.Errorf("no convergence to %d levels for %s in 200 steps", n, s.Name)
}

// companding returns the levels that are optimal as n grows: quantiles of the density to the power
// 1/3.
func companding(n int, s Source) []float64 {
	const grid = 8192
	area := make([]float64, grid+1)
	for k := range grid {
		t := s.end * (float64(k) + 0.5) / grid
		area[k+1] = area[k] + math.Cbrt(s.density(t))
	}
	levels := make([]float64, n)
	for i := range levels {
		want := (float64(i)+0.5)/float64(n)*2 - 1
		k, _ := slices.BinarySearch(area, math.Abs(want)*area[grid])
		levels[i] = math.Copysign(s.end*float64(k)/grid, want)
	}
	return symmetric(levels)
}

// symmetric removes the rounding error by which levels and their mirror image differ.
func symmetric(levels []float64) []float64 {
	n := len(levels)
	out := make([]float64, n)
	for i := range out {
		out[i] = (levels[i] - levels[n-1-i]) / 2
	}
	return out
}

func centroids(levels []float64, s Source) []float64 {
	out := make([]float64, len(levels))
	for i, m := range s.cells(levels, 1) {
		out[i] = m[1] / m[0]
	}
	return out
}

// newton returns the step that solves the linearised conditions: level[i] = mean of cell i.
//
//	d mean / d upper threshold t = f(t) * (t - mean) / mass,   d t / d level = 1/2 on either side
func newton(levels []float64, s Source) []float64 {
	n := len(levels)
	below, diagonal, above := make([]float64, n), make([]float64, n), make([]float64, n)
	residual := make([]float64, n)
	for i, m := range s.cells(levels, 1) {
		mean := m[1] / m[0]
		residual[i] = mean - levels[i]
		diagonal[i] = 1
		if i > 0 {
			t := (levels[i-1] + levels[i]) / 2
			slope := s.density(math.Abs(t)) * (mean - t) / m[0] / 2
			diagonal[i] -= slope
			below[i] = -slope
		}
		if i+1 < n {
			t := (levels[i] + levels[i+1]) / 2
			slope := s.density(math.Abs(t)) * (t - mean) / m[0] / 2
			diagonal[i] -= slope
			above[i] = -slope
		}
	}
	// Elimination without pivoting: the matrix is diagonally dominant for log-concave densities.
	for i := 1; i < n; i++ {
		f := below[i] / diagonal[i-1]
		diagonal[i] -= f * above[i-1]
		residual[i] -= f * residual[i-1]
	}
	for i := n - 1; i >= 0; i-- {
		if i+1 < n {
			residual[i] -= above[i] * residual[i+1]
		}
		residual[i] /= diagonal[i]
	}
	return residual
}
