//go:build emulate || gpu

package gputest

import (
	"testing"

	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/gpu/cells"
	"github.com/kvgen/kvgen/runtime/gpu/rows"
)

// InOrder is cells of which the first n hold the positions from first on.
func InOrder(t testing.TB, d *gpu.Queue, n, first int) *cells.Cells {
	t.Helper()
	c := Must[*cells.Cells](t)(cells.New(d, n))
	t.Cleanup(func() { c.Free() })
	Check(t, gpu.Write(c.Head, 0, cells.HeadOf(n, first, true)))
	return c
}

// Filled stores x and returns the rows and what was stored, as a file has it.
func Filled(t testing.TB, d *gpu.Queue, s rows.Side, key bool, heads, n int, x []float32) (*rows.Rows, []byte) {
	t.Helper()
	r := Must[*rows.Rows](t)(rows.New(d, s, key, heads, n))
	t.Cleanup(func() { r.Free() })
	packed := Must[*gpu.Buffer](t)(d.Alloc(uint64(n * heads * r.FileRow())))
	defer packed.Free()
	Check(t, r.Store(Upload(t, d, x), Upload(t, d, Sequence(0, n)), n, packed))
	b := make([]byte, packed.Size)
	Check(t, gpu.Read(packed, 0, b))
	return r, b
}
