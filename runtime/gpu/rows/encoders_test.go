//go:build emulate || gpu

package rows_test

import (
	"bytes"
	"flag"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/gpu/rows"
	"github.com/kvgen/kvgen/runtime/internal/gputest"
)

var encoderTypes = flag.String("encoders", "", "types of TestEncoders, all if empty")

// TestEncoders holds rows that are stored to those of the processor, byte for byte, for every type
// of a cache: random rows, and rows of what sums, comparisons and divisions may trip over; nothing
// of which sums overflow, since processors make NaN of either sign of that.
func TestEncoders(t *testing.T) {
	const dim = 128
	d := gputest.Open(t)
	nan, zero := float32(math.NaN()), float32(0)
	special := []func(i int) float32{
		func(i int) float32 { return 0 },
		func(i int) float32 { return -zero * float32(i%2) },
		// the same size, either sign: the first counts
		func(i int) float32 { return float32(1 - 2*(i/3%2)) },
		func(i int) float32 { return []float32{zero, float32(math.Copysign(0, -1))}[i/5%2] },
		func(i int) float32 { return float32(i%7-3) * 1e-41 },
		func(i int) float32 { return float32(i%11-5) * 1e-12 },
		func(i int) float32 { return float32(i%13-6) * 1e9 },
		func(i int) float32 { return float32(i-70) / 3 },
		func(i int) float32 { return []float32{1, nan}[i/77] },
		func(i int) float32 { return []float32{nan, -2}[i%2] },
		func(i int) float32 { return nan },
	}
	var x []float32
	for _, f := range special {
		for i := range dim {
			x = append(x, f(i))
		}
	}
	x = append(x, gputest.Normal(7, 8*dim)...)
	n, compared := len(x)/dim, 0
	for _, typ := range kernels.Default().Types() {
		if !typ.KV || typ.Fits(dim) != nil {
			continue
		}
		if *encoderTypes != "" && !slices.Contains(strings.Split(*encoderTypes, ","), typ.Name) {
			continue
		}
		s := rows.Side{Type: typ, Dim: dim}
		for _, key := range []bool{true, false} {
			_, got := gputest.Filled(t, d, s, key, 1, n, x)
			want := gputest.Encoded(s, x)
			compared++
			size := len(want) / n
			for i := range n {
				if !bytes.Equal(got[i*size:][:size], want[i*size:][:size]) {
					t.Errorf("%s, key %t, row %d: %x, want %x", typ.Name, key, i, got[i*size:][:size], want[i*size:][:size])
				}
			}
		}
	}
	if compared < 20 && *encoderTypes == "" || compared == 0 {
		t.Errorf("only %d encoders were compared", compared)
	}
	fmt.Println(compared, "encoders of", n, "rows")
}
