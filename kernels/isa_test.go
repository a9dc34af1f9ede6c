package kernels_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/kernels"
)

// TestSelectISA forces every instruction set in turn and looks at what Best then returns.
func TestSelectISA(t *testing.T) {
	t.Cleanup(func() { kernels.SelectISA("") })
	var order []string
	for _, isa := range kernels.ISAs() {
		order = append(order, isa.Name)
	}
	for k, isa := range kernels.ISAs() {
		err := kernels.SelectISA(isa.Name)
		if (err == nil) != (isa.Rejected == "") {
			t.Fatalf("%s, rejected because %q: %v", isa.Name, isa.Rejected, err)
		}
		if err != nil {
			continue
		}
		if now := kernels.ISAs()[k]; !now.Selected {
			t.Errorf("%s was selected and says %+v", isa.Name, now)
		}
		for _, typ := range kernels.Types() {
			if got := typ.Best().ISA; slices.Index(order, got) < k {
				t.Errorf("%s forced, %s takes %s", isa.Name, typ.Name, got)
			}
		}
		for _, tr := range kernels.Transforms() {
			if got := tr.Best().ISA; slices.Index(order, got) < k {
				t.Errorf("%s forced, %s takes %s", isa.Name, tr.Name, got)
			}
		}
	}
	if order[len(order)-1] != "generic" {
		t.Errorf("the last of %v is not portable Go", order)
	}
	if err := kernels.SelectISA("nothing"); err == nil || !strings.Contains(err.Error(), "generic") {
		t.Errorf("an unknown name gives %v, which should list those that exist", err)
	}
}

// TestQuantiseAct compares codes, scales and sums with their definition under every instruction set.
func TestQuantiseAct(t *testing.T) {
	t.Cleanup(func() { kernels.SelectISA("") })
	for _, isa := range kernels.ISAs() {
		if kernels.SelectISA(isa.Name) != nil {
			continue
		}
		t.Run(isa.Name, func(t *testing.T) {
			for _, group := range []int{16, 32, 64, 128} {
				for _, in := range hard(3*group, group) {
					for m := 1; m <= 9; m++ {
						checkAct(t, in.Name, in.Values, m, group)
					}
				}
			}
		})
	}
}

// checkAct rounds m copies of a row, each scaled by its number.
func checkAct(t *testing.T, name string, row []float32, m, group int) {
	t.Helper()
	n, ldx := len(row), len(row)+5
	x := make([]float32, m*ldx)
	for j := range m {
		for i, v := range row {
			x[j*ldx+i] = v * float32(j+1)
		}
	}
	var a kernels.Act
	a.Resize(m, n, group)
	kernels.QuantiseAct(&a, x, ldx, m)
	for j := range m {
		for g := range n / group {
			at := actPosition(&a, j, g)
			q, d := codes(x[j*ldx+g*group:][:group])
			if err := sameFloats(a.D[at:at+1], []float32{d}); err != nil {
				t.Fatalf("%s, m=%d, group %d of row %d: scale: %v", name, m, g, j, err)
			}
			if got := a.Q[at*group:][:group]; !slices.Equal(got, q) {
				t.Fatalf("%s, m=%d, group %d of row %d:\n got %d\nwant %d", name, m, g, j, got, q)
			}
			for s := range group / 16 {
				var sum int
				for _, v := range q[16*s:][:16] {
					sum += int(v)
				}
				if err := sameFloats(a.S[at*group/16+s:][:1], []float32{d * float32(sum)}); err != nil {
					t.Fatalf("%s, m=%d, group %d of row %d: sum %d: %v", name, m, g, j, s, err)
				}
			}
		}
	}
}

// actPosition is where group g of row j stands, as Act documents it.
func actPosition(a *kernels.Act, j, g int) int {
	first := j / 4 * 4
	return first*(a.N/a.Group) + g*min(4, a.Rows-first) + j - first
}

// codes are the definition: halves round to even, a group that is not finite has a NaN for scale, one near zero is zero.
func codes(x []float32) (q []int8, d float32) {
	q = make([]int8, len(x))
	var most float64
	for _, v := range x {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return q, float32(math.NaN())
		}
		most = max(most, math.Abs(float64(v)))
	}
	id := 127 / float32(most)
	if math.IsInf(float64(id), 0) {
		return q, 0
	}
	for i, v := range x {
		q[i] = int8(math.RoundToEven(float64(v * id)))
	}
	return q, float32(most) / 127
}
