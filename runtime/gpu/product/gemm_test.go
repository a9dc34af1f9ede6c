//go:build emulate || gpu

package product

import (
	"math"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/internal/gputest"
)

// TestGemm has many tokens: tiles of both sizes, edges on every side, gates, matrices in parts.
func TestGemm(t *testing.T) {
	d := gputest.Open(t)
	for _, cs := range []struct {
		name            string
		rows, n, tokens int
		gated           bool
		band            int // outputs of a part
	}{
		{"q4_0", 150, 96, 130, false, 0},
		{"q6_K", 300, 256, 65, true, 0},
		{"f16", 131, 40, 129, false, 0},
		{"f16", 260, 64, 70, true, 0},
		{"f32", 129, 33, 64, false, 128},
		{"tq3_1s", 520, 32, 67, true, 128},
		{"q4_K", 290, 512, 66, false, 128},
	} {
		typ := kernels.Default().ByName(cs.name)
		m, w := matrixOf(t, d, typ, 3, cs.rows, cs.n)
		bias := gputest.Normal(4, cs.rows)
		in := gputest.Normal(9, cs.tokens*cs.n)
		for i := range in { // rows of all sizes
			in[i] *= float32(math.Ldexp(1, 40*(i/cs.n%3)-40))
		}
		y, size := products(activationsOf(typ, in, cs.n, false), w, cs.n)
		for i := range y {
			y[i] += float64(bias[i%cs.rows])
			size[i] += math.Abs(float64(bias[i%cs.rows]))
		}
		if cs.gated {
			y, size = gatedProducts(y, size, cs.rows)
		}
		for _, exact := range []bool{true, false} {
			x := gputest.Must[*Kernel](t)(New(d, Spec{Matrix: m, Bias: gputest.Upload(t, d, bias), Gated: cs.gated, Exact: exact}))
			if cs.band > 0 {
				x.bandBytes = uint64(cs.band * m.Rows / x.Outputs() * 2 * roundUp(cs.n, padding))
				if exact {
					x.bandBytes *= 2
				}
				if s := x.gemmSpace(cs.tokens); s.band != cs.band {
					t.Errorf("%s: %d outputs at a time, not %d", cs.name, s.band, cs.band)
				}
			}
			limit := exactProduct
			if !exact {
				limit = halfProduct
			}
			all := x.prefill.shapes
			for k := range all {
				x.prefill.shapes = []gemmShape{all[k], all[k]}
				got := multiplied(t, d, x, in, cs.tokens)
				for token := range cs.tokens { // one by one, since they have different sizes
					part := func(v []float64) []float64 { return v[token*x.Outputs():][:x.Outputs()] }
					if e := deviation(got[token*x.Outputs():][:x.Outputs()], part(y), part(size)); !(e < limit) {
						t.Fatalf("%s, gated %t, exact %t, tiles of %d: deviation %.2g of token %d", cs.name, cs.gated, exact, all[k].tokens, e, token)
					}
				}
			}
			x.prefill.shapes = all
		}
	}
}

// TestGemmLongSums has sums in which nothing cancels, which is where tensor cores that cut off
// would drift.
func TestGemmLongSums(t *testing.T) {
	d := gputest.Open(t)
	typ := kernels.Default().ByName("f32")
	n := 4096
	if gputest.Emulating {
		n = 512
	}
	packed := gputest.Normal(1, 3*n)
	for i := range packed {
		packed[i] = float32(math.Abs(float64(packed[i])))
	}
	m := gputest.Must[*Matrix](t)(NewMatrix(d, typ, n, 3, func(p []byte, at int64) error {
		for i := range p {
			p[i] = byte(math.Float32bits(packed[(int(at)+i)/4]) >> (8 * (i % 4)))
		}
		return nil
	}))
	defer m.Free()
	in := make([]float32, 40*n)
	for i := range in {
		in[i] = float32(math.Abs(float64(packed[i%(3*n)])))
	}
	x := gputest.Must[*Kernel](t)(New(d, Spec{Matrix: m, Exact: true}))
	y, size := products(activationsOf(typ, in, n, false), packed, n)
	e := deviation(multiplied(t, d, x, in, 40), y, size)
	t.Logf("deviation %.2g", e)
	if !(e < exactProduct) {
		t.Error("too far from the oracle")
	}
}
