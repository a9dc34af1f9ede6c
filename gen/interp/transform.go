package interp

import "github.com/kvgen/kvgen/gen/spec"

// Forward applies t in place to every run of t.Size values; len(x) is a multiple of it.
func Forward(t *spec.Transform, x []float32) { apply(t, x, t.Left, t.Right) }

// Inverse undoes Forward. H/sqrt(n) is its own inverse, so only the signs change places.
func Inverse(t *spec.Transform, x []float32) { apply(t, x, t.Right, t.Left) }

func apply(t *spec.Transform, x, before, after []float32) {
	for ; len(x) > 0; x = x[t.Size:] {
		run := x[:t.Size]
		for i, s := range before {
			run[i] *= s
		}
		for stride := 1; stride < t.Size; stride *= 2 {
			for i := range run {
				if i&stride == 0 {
					a, b := run[i], run[i+stride]
					run[i], run[i+stride] = a+b, a-b
				}
			}
		}
		for i := range run {
			last := t.Norm
			if after != nil {
				last *= after[i]
			}
			run[i] *= last
		}
	}
}
