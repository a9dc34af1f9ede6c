package conform

import (
	"fmt"

	"github.com/kvgen/kvgen/kernels"
)

// Transform compares an implementation of a transform with an oracle, both ways, bit for bit, for
// one and several runs of every hard row.
func Transform(size int, impl, oracle *kernels.TransformImpl) error {
	for _, runs := range []int{1, 2, 5} {
		for _, in := range Hard(runs*size, size) {
			for _, way := range []struct {
				name      string
				got, want func([]float32)
			}{{"forward", impl.Forward, oracle.Forward}, {"inverse", impl.Inverse, oracle.Inverse}} {
				got, fences := GuardedFloats(runs*size, runs)
				copy(got, in.Values)
				want := append([]float32(nil), in.Values...)
				way.got(got)
				way.want(want)
				if err := first(fences(), SameFloats(got, want)); err != nil {
					return at(err, "%s, %d runs, %s", way.name, runs, in.Name)
				}
			}
		}
	}
	return nil
}

// Rounding compares what rounds activations to int8 with an oracle, bit for bit, for hard rows and
// every group.
func Rounding(round, oracle func(a *kernels.Act, x []float32, ldx, m int)) error {
	const gap = 3 // rows need not touch
	for _, group := range []int{16, 32, 64, 128} {
		for _, groups := range []int{1, 3, 8} {
			n := group * groups
			for k, in := range Hard(n, group) {
				m := 1 + k%4
				x := make([]float32, m*(n+gap))
				for j := range m {
					copy(x[j*(n+gap):], in.Values)
					x[j*(n+gap)+j] += float32(j) // no two rows are the same
				}
				if err := sameRounding(round, oracle, x, n, group, m, n+gap); err != nil {
					return at(err, "%s, %d rows of %d in groups of %d", in.Name, m, n, group)
				}
			}
		}
	}
	return nil
}

func sameRounding(round, oracle func(a *kernels.Act, x []float32, ldx, m int), x []float32, n, group, m, ldx int) error {
	var got, want kernels.Act
	got.Resize(m, n, group)
	want.Resize(m, n, group)
	kept := Frozen(x)
	round(&got, x, ldx, m)
	oracle(&want, x, ldx, m)
	for i, q := range got.Q {
		if q != want.Q[i] {
			return &Wrong{Place: fmt.Sprintf("quant %d", i), Expected: fmt.Sprint(want.Q[i]), Got: fmt.Sprint(q)}
		}
	}
	return first(kept(), at(SameFloats(got.D, want.D), "scales"), at(SameFloats(got.S, want.S), "sums"))
}
