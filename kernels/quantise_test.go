package kernels_test

import (
	"math"
	"slices"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/kernels/conform"
	"github.com/kvgen/kvgen/kernels/cpu"
)

// roundings are the functions of this machine that round activations.
func roundings() map[string]func(a *kernels.Act, x []float32, ldx, m int) {
	all := map[string]func(a *kernels.Act, x []float32, ldx, m int){}
	for _, isa := range cpu.ISAs() {
		if isa.QuantiseAct != nil && isa.Missing() == "" {
			all[isa.Name] = isa.QuantiseAct
		}
	}
	return all
}

// TestRoundings compares every rounding with the portable one to the bit, for hard rows, tiles of
// every height and every group.
func TestRoundings(t *testing.T) {
	for name, round := range roundings() {
		t.Run(name, func(t *testing.T) {
			for _, group := range []int{16, 32, 64, 128} {
				for _, groups := range []int{1, 2, 3, 8} {
					n := group * groups
					for k, in := range conform.Hard(n, group) {
						testRounding(t, in.Name, round, in.Values, n, group, 1+k%4)
					}
				}
			}
		})
	}
}

func testRounding(t *testing.T, row string, round func(a *kernels.Act, x []float32, ldx, m int), values []float32, n, group, m int) {
	t.Helper()
	const gap = 3 // rows need not touch
	x := make([]float32, m*(n+gap))
	for j := range m {
		copy(x[j*(n+gap):], values)
		x[j*(n+gap)+j] += float32(j) // no two rows are the same
	}
	var got, want kernels.Act
	got.Resize(m, n, group)
	want.Resize(m, n, group)
	kept := frozen(x)
	q := fenced(&got)
	round(&got, x, n+gap, m)
	q(t)
	kept(t)
	cpu.QuantiseActGeneric(&want, x, n+gap, m)
	if !slices.Equal(got.Q, want.Q) {
		t.Fatalf("%s, %d rows of %d in groups of %d: quants\n got %v\nwant %v", row, m, n, group, got.Q, want.Q)
	}
	for what, pair := range map[string][2][]float32{"scales": {got.D, want.D}, "sums": {got.S, want.S}} {
		for i, v := range pair[0] {
			if w := pair[1][i]; math.Float32bits(v) != math.Float32bits(w) && (v == v || w == w) {
				t.Fatalf("%s, %d rows of %d in groups of %d: %s: entry %d is %g, want %g", row, m, n, group, what, i, v, w)
			}
		}
	}
}

// fenced moves the arrays of a between canaries and returns a check of these.
func fenced(a *kernels.Act) func(t *testing.T) {
	q, checkQ := guarded(len(a.Q), 0)
	d, checkD := guardedFloats(len(a.D), 0)
	s, checkS := guardedFloats(len(a.S), 1)
	a.Q, a.D, a.S = signedBytes(q), d, s
	return func(t *testing.T) {
		t.Helper()
		checkQ(t)
		checkD(t)
		checkS(t)
	}
}

func BenchmarkQuantiseAct(b *testing.B) {
	for name, round := range roundings() {
		for _, group := range []int{32, 128} {
			b.Run(name+"/"+map[int]string{32: "32", 128: "128"}[group], func(b *testing.B) {
				const n, m = 2048, 4
				x := noise(n*m, 1, 1)
				var a kernels.Act
				a.Resize(m, n, group)
				b.SetBytes(4 * n * m)
				for b.Loop() {
					round(&a, x, n, m)
				}
			})
		}
	}
}
