//go:build emulate || gpu

package cuda

import (
	"math"
	"testing"
	"unsafe"

	"github.com/kvgen/kvgen/kernels"
)

// TestEntered holds a product that begins with a step to the step and the product one after the other.
func TestEntered(t *testing.T) {
	d, c := gpu(t)
	for _, x := range []struct {
		name    string
		typ     string
		n, rows int
		exact   bool
		y       bool
		kind    int32
		bias    bool
	}{
		{"rms", "q4_0", 4096, 100, false, true, 1, false},
		{"exact", "q4_K", 768, 64, true, true, 1, true},
		{"mean and variance", "q8_0", 96, 33, false, true, 2, true},
		{"first of a model", "f16", 128, 40, true, false, 1, false},
		{"no norm", "q6_K", 512, 16, false, true, 0, false},
	} {
		t.Run(x.name, func(t *testing.T) {
			m, _ := matrixOf(t, d, c, kernels.ByName(x.typ), 3, x.rows, x.n)
			p := must[*Multiply](t)(d.NewProduct(c, Product{Matrix: m, Exact: x.exact}))
			if !p.CanEnter() {
				t.Fatal("it cannot begin with a step")
			}
			pre := norm{w: upload(t, d, normal(4, x.n)).at, eps: 1e-5, kind: x.kind}
			if x.bias {
				pre.b = upload(t, d, normal(5, x.n)).at
			}
			var got [2][3][]float32 // to, h, y of both ways
			for way := range got {
				in, branch := upload(t, d, normal(1, x.n)), upload(t, d, normal(2, x.n))
				to, h, y := upload(t, d, normal(1, x.n)), upload(t, d, make([]float32, x.n)), upload(t, d, make([]float32, x.rows))
				a := &stepArgs{x: in.at, to: to.at, h: h.at, pre: pre, scale: 1.5}
				if x.y {
					a.y = branch.at
				}
				if way == 0 {
					src := must[*Source](t)(frameSource(Generated, "step.cu", define{"WIDTH", x.n}, define{"THREADS", 64}))
					step := must[*Function](t)(must[*Module](t)(d.build(c, src)).Function("step", 0))
					check(t, step.launch(1, 1, 64, unsafe.Pointer(a)))
					check(t, p.Run(y, h, 1))
				} else {
					check(t, p.RunEntered(y, a))
				}
				got[way] = [3][]float32{read(t, to, x.n), read(t, h, x.n), read(t, y, x.rows)}
			}
			sameBits(t, "the stream", got[1][0], got[0][0])
			for i, limit := range []float64{0, 1e-6, 1e-2} {
				var e, all float64
				for k, w := range got[0][i] {
					e, all = e+math.Pow(float64(got[1][i][k]-w), 2), all+float64(w)*float64(w)
				}
				if !(math.Sqrt(e) <= limit*math.Sqrt(all)) || all == 0 {
					t.Errorf("part %d differs by %g of %g", i, math.Sqrt(e), math.Sqrt(all))
				}
			}
		})
	}
}
