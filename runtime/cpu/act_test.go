package cpu

import (
	"math"
	"slices"
	"testing"

	"github.com/kvgen/kvgen/kernels"
)

// TestActStep rounds rows in shares, as workers do, and all at once, and multiplies them in tiles
// and all at once.
func TestActStep(t *testing.T) {
	const rows, n = 2*ActStep + 3, 64
	x := make([]float32, rows*n)
	for i := range x {
		x[i] = float32(math.Sin(float64(i))) * float32(i)
	}
	var whole, shares kernels.Act
	whole.Resize(rows, n, 32)
	shares.Resize(rows, n, 32)
	kernels.Default().QuantiseAct(&whole, x, n, rows)
	for w := range 3 {
		if lo, hi := Split(rows, ActStep, w, 3); lo < hi {
			v := shares.From(lo)
			kernels.Default().QuantiseAct(&v, x[lo*n:], n, hi-lo)
		}
	}
	typ := kernels.Default().ByName("q8_0")
	w := make([]byte, typ.RowBytes(n))
	typ.Best().Encode(w, x[:n])
	var ws kernels.Workspace
	want, got := make([]float32, rows), make([]float32, rows)
	typ.Best().MatmulQ8(want, 1, &whole, rows, w, len(w), 1, n, &ws)
	for j := 0; j < rows; j += ActStep {
		v := shares.From(j)
		typ.Best().MatmulQ8(got[j:], 1, &v, min(ActStep, rows-j), w, len(w), 1, n, &ws)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("got %v in tiles, %v at once", got, want)
	}
}
