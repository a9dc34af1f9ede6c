package cpu

import (
	"math"
	"slices"
	"testing"

	"github.com/kvgen/kvgen/kernels"
)

// TestActFrom rounds rows in shares, as workers do, and all at once.
func TestActFrom(t *testing.T) {
	const rows, n = 11, 64
	x := make([]float32, rows*n)
	for i := range x {
		x[i] = float32(math.Sin(float64(i))) * float32(i)
	}
	var whole, shares kernels.Act
	whole.Resize(rows, n, 32)
	shares.Resize(rows, n, 32)
	kernels.QuantiseAct(&whole, x, n, rows)
	for w := range 3 {
		lo, hi := Split(rows, ActTile, w, 3)
		if lo < hi {
			v := ActFrom(&shares, lo)
			kernels.QuantiseAct(&v, x[lo*n:], n, hi-lo)
		}
	}
	if !slices.Equal(whole.Q, shares.Q) || !slices.Equal(whole.D, shares.D) || !slices.Equal(whole.S, shares.S) {
		t.Fatal("rows rounded in shares differ from rows rounded together")
	}

	// A product that starts at a view gives what the whole gives from there on, for whole tiles and for all that is left.
	typ := kernels.ByName("q8_0")
	w := make([]byte, typ.RowBytes(n))
	typ.Best().Encode(w, x[:n])
	var ws kernels.Workspace
	all, some := make([]float32, rows), make([]float32, rows-4)
	typ.Best().MatmulQ8(all, 1, &whole, rows, w, len(w), 1, n, &ws)
	v := ActFrom(&whole, 4)
	for _, m := range []int{ActTile, rows - 4} {
		typ.Best().MatmulQ8(some, 1, &v, m, w, len(w), 1, n, &ws)
		if !slices.Equal(all[4:4+m], some[:m]) {
			t.Fatalf("got %v from a view, %v from the whole", some[:m], all[4:4+m])
		}
	}
}
