package product_test

import (
	"strings"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/gpu/product"
	"github.com/kvgen/kvgen/runtime/internal/gputest"
)

// TestMessages has products that cannot be: the message states the rule, and what was given.
func TestMessages(t *testing.T) {
	q := gputest.Idle()
	buffer := func(values int) *gpu.Buffer {
		b, err := q.Alloc(uint64(4 * values))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	typ := kernels.Default().ByName("q8_0")
	matrix := func(rows int) *product.Matrix {
		m, err := product.NewMatrix(q, typ, 64, rows, nil)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	made := func(s product.Spec) *product.Kernel {
		k, err := product.New(q, s)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	_, blocks := product.NewMatrix(q, typ, 33, 4, nil)
	_, halves := product.New(q, product.Spec{Matrix: matrix(5), Gated: true})
	_, clamped := product.New(q, product.Spec{Matrix: matrix(4), Act: product.SwiGLUClamped})
	_, bias := product.New(q, product.Spec{Matrix: matrix(4), Bias: buffer(3)})
	plain, gated := made(product.Spec{Matrix: matrix(6)}), made(product.Spec{Matrix: matrix(6), Gated: true})
	x, y, list := buffer(64*8), buffer(64*8), buffer(8)
	runs := func(count, most int) *product.Runs {
		return &product.Runs{Expert: list, First: list, Slots: list, Count: count, Most: most}
	}
	for _, c := range []struct {
		err  error
		want string
	}{
		{blocks, "rows of a matrix are whole blocks, of 32 values for q8_0: 4 rows of 33 values"},
		{halves, "the rows of a gated product must be even, a gate for each output: 5 rows"},
		{clamped, "for gated products only: this one has 4 rows"},
		{bias, "bias must hold 16 bytes: there are 12"},
		{matrix(4).Gather(y, list, 0), "at least 1 row of a matrix is gathered: 0 were asked for"},
		{plain.Run(y, x, 0), "a product has at least 1 token: 0 were given"},
		{plain.Run(y, buffer(63), 1), "input must hold 256 bytes: there are 252"},
		{plain.RunExperts(y, x, list, nil, 1<<16, 2), "at most 65535 slots of experts: 65536 were given"},
		{plain.RunExperts(y, x, list, nil, 0, 2), "at least 1 slot and 1 expert: 0 slots, 2 experts"},
		{plain.RunExperts(y, x, list, nil, 2, 4), "experts have as many rows each: 6 rows for 4 experts"},
		{gated.RunExperts(y, x, list, nil, 2, 2), "must be even, a gate for each output: 3 rows of an expert"},
		{made(product.Spec{Matrix: matrix(8), Gated: true}).RunGroups(y, x, runs(2, 2), 2, 2), "products of runs of slots are not gated: this one of 8 rows is"},
		{plain.RunGroups(y, x, runs(0, 2), 2, 2), "1 to 65535 runs of slots: 0 were given"},
		{plain.RunGroups(y, x, runs(2, 9), 2, 2), "runs have 2 to 8 slots, or those of a tile, 64 and 128: up to 9 were given"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("want %q: %v", c.want, c.err)
		}
	}
}
