package product

import (
	"fmt"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/gpu"
)

// weights begins a program for rows of a type, which it calls Type.
func weights(d *gpu.Dialect, t *kernels.Type) *gpu.Builder {
	b := gpu.NewBuilder(d)
	name := b.Type(t)
	b.Add("using Type = %s;\n", name)
	return b
}

// MatrixSource is the program with the kernels repack, gather, transform_rows and expand of a type.
func MatrixSource(d *gpu.Dialect, t *kernels.Type) (*gpu.Source, error) {
	b := weights(d, t)
	b.Frame("matrix")
	return b.Source("matrix-"+t.Name, true)
}

// Source is the program with the kernels product_1, 2, 4 and 8 of a type.
func Source(d *gpu.Dialect, t *kernels.Type, exact bool) (*gpu.Source, error) {
	return productSource(d, t, exact, defaultShare)
}

// productSource is that with another share of a multiprocessor.
func productSource(d *gpu.Dialect, t *kernels.Type, exact bool, s share) (*gpu.Source, error) {
	b := weights(d, t)
	b.Define("FAST", !exact && t.Quantised) // numbers are multiplied as they are
	b.Define("WARPS", s.warps)
	b.Define("BLOCKS", s.blocks)
	b.Define("ROWS", s.rows)
	b.Define("RING", s.ring)
	b.Frame("product")
	return b.Source(fmt.Sprintf("product-%s-%s", t.Name, form(exact)), false)
}

// GemmSource is the program with the kernels split, gemm_large and gemm_small, which are the same
// for all types.
func GemmSource(d *gpu.Dialect, exact bool) (*gpu.Source, error) {
	b := gpu.NewBuilder(d)
	b.Define("EXACT", exact)
	b.Frame("gemm")
	return b.Source("gemm-"+form(exact), false)
}

func form(exact bool) string {
	if exact {
		return "exact"
	}
	return "fast"
}
