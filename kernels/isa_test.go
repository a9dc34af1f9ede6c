package kernels_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/kernels/conform"
	"github.com/kvgen/kvgen/kernels/cpu"
	"github.com/kvgen/kvgen/kernels/ref"
)

// TestSelectISA asks for every instruction set in turn and looks at what Best then returns.
func TestSelectISA(t *testing.T) {
	base := kernels.Default()
	var order []string
	for _, isa := range base.ISAs() {
		order = append(order, isa.Name)
	}
	for k, isa := range base.ISAs() {
		table, err := base.SelectISA(isa.Name)
		if (err == nil) != (isa.Rejected == "") {
			t.Fatalf("%s, rejected because %q: %v", isa.Name, isa.Rejected, err)
		}
		if err != nil {
			continue
		}
		if now := table.ISAs()[k]; !now.Selected || table.ISA() != isa.Name {
			t.Errorf("%s was selected and says %+v, %s", isa.Name, now, table.ISA())
		}
		for _, typ := range table.Types() {
			if got := typ.Best().ISA; slices.Index(order, got) < k {
				t.Errorf("%s forced, %s takes %s", isa.Name, typ.Name, got)
			}
		}
		for _, tr := range table.Transforms() {
			if got := tr.Best().ISA; slices.Index(order, got) < k {
				t.Errorf("%s forced, %s takes %s", isa.Name, tr.Name, got)
			}
		}
		if back, err := table.SelectISA(""); err != nil || back.ISA() != base.ISA() || back.Types()[0].Best().ISA != base.Types()[0].Best().ISA {
			t.Errorf("back from %s: %v, %v", isa.Name, back, err)
		}
	}
	for k, s := range cpu.ISAs() {
		for _, alias := range s.Aliases {
			if slices.Contains(order, alias) {
				t.Errorf("%s is the name of a set, and an alias of %s", alias, s.Name)
			}
			table, err := base.SelectISA(alias)
			if (err == nil) != (s.Missing() == "") || err == nil && !table.ISAs()[k].Selected {
				t.Errorf("%s selects %+v, %v", alias, table, err)
			}
		}
	}
	if order[len(order)-1] != "generic" {
		t.Errorf("the last of %v is not portable Go", order)
	}
	if _, err := base.SelectISA("nothing"); err == nil || !strings.Contains(err.Error(), "generic") {
		t.Errorf("an unknown name gives %v, which should list those that exist", err)
	}
}

// TestQuantiseAct compares codes, scales and sums of a single row with their definition, and the
// whole of many rows with what portable Go makes of them.
func TestQuantiseAct(t *testing.T) {
	for _, isa := range kernels.Default().ISAs() {
		table, err := kernels.Default().SelectISA(isa.Name)
		if err != nil {
			continue
		}
		t.Run(isa.Name, func(t *testing.T) {
			for _, group := range []int{32, 64, 128} {
				for _, in := range conform.Hard(4*group, group) {
					checkRow(t, table, in, group)
					for m := 1; m <= 17; m++ {
						checkRows(t, table, in, m, group)
					}
				}
			}
		})
	}
}

// checkRow rounds one row, whose groups stand in order.
func checkRow(t *testing.T, table *kernels.Table, in ref.Input, group int) {
	t.Helper()
	var a kernels.Act
	a.Resize(1, len(in.Values), group)
	table.QuantiseAct(&a, in.Values, len(in.Values), 1)
	for g := range len(in.Values) / group {
		q, d := codes(in.Values[g*group:][:group])
		if err := sameFloats(a.D[g:g+1], []float32{d}); err != nil {
			t.Fatalf("%s, group %d: scale: %v", in.Name, g, err)
		}
		if got := a.Q[g*group:][:group]; !slices.Equal(got, q) {
			t.Fatalf("%s, group %d:\n got %d\nwant %d", in.Name, g, got, q)
		}
		for s := range group / 16 {
			var sum int
			for _, v := range q[16*s:][:16] {
				sum += int(v)
			}
			if err := sameFloats(a.S[g*group/16+s:][:1], []float32{d * float32(sum)}); err != nil {
				t.Fatalf("%s, group %d: sum %d: %v", in.Name, g, s, err)
			}
		}
	}
}

// checkRows rounds m rows that lie apart, each the given one times its number.
func checkRows(t *testing.T, table *kernels.Table, in ref.Input, m, group int) {
	t.Helper()
	n, ldx := len(in.Values), len(in.Values)+5
	x := make([]float32, m*ldx)
	for j := range m {
		for i, v := range in.Values {
			x[j*ldx+i] = v * float32(j+1)
		}
	}
	kept := frozen(x)
	var got, want kernels.Act
	got.Resize(m, n, group)
	table.QuantiseAct(&got, x, ldx, m)
	kept(t)
	want.Resize(m, n, group)
	cpu.QuantiseAct(cpu.QuantiseActGeneric, &want, x, ldx, m)
	for _, part := range []struct {
		name      string
		got, want []float32
	}{{"P", got.P, want.P}, {"D", got.D, want.D}, {"S", got.S, want.S}} {
		if err := sameFloats(part.got, part.want); err != nil {
			t.Fatalf("%s, m=%d, group %d: %s: %v", in.Name, m, group, part.name, err)
		}
	}
	if !slices.Equal(got.Q, want.Q) {
		t.Fatalf("%s, m=%d, group %d: Q differs", in.Name, m, group)
	}
}

// codes are the definition: halves round to even, a group that is not finite has a NaN for scale,
// one near zero is zero.
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
