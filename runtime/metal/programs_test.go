//go:build emulate && !gpu

package metal

import (
	"flag"
	"os"
	"os/exec"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/gpu/attend"
	"github.com/kvgen/kvgen/runtime/gpu/product"
	"github.com/kvgen/kvgen/runtime/gpu/qkv"
	"github.com/kvgen/kvgen/runtime/gpu/rope"
	"github.com/kvgen/kvgen/runtime/gpu/rows"
	"github.com/kvgen/kvgen/runtime/metal/emulate"
)

var everyProgram = flag.Bool("every", false, "TestSecondCompiler reads the programs of all types and not of every eighth")

// programs are those of a type: rows of both sides, attention, and products if it is one of
// weights. Which form of attention goes round with n.
func programs(t *testing.T, d *gpu.Dialect, typ *kernels.Type, n int) (all []*gpu.Source) {
	t.Helper()
	add := func(s *gpu.Source, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	for _, dim := range []int{64, 80, 128, 256} {
		if typ.Whole || typ.Fits(dim) != nil || dim/64%4 != n%2 && dim != 128 {
			continue
		}
		s := rows.Side{Type: typ, Dim: dim}
		a := attend.Shape{Key: s, Value: s, Paged: n%3 == 1, SoftCap: n%4 == 0}.For(1+n%2*40, 4)
		if n%3 == 2 {
			a.Offset = &rope.Pairing{Pairs: dim / 2, Adjacent: n%2 == 0}
		}
		add(a.Source(d))
		add(a.CombineSource(d))
		if many := (attend.Shape{Key: s, Value: s, Offset: a.Offset, SoftCap: a.SoftCap, Fast: true}); dim == 128 {
			sources, err := many.PrefillSources(d, 32<<10)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, sources...)
		}
		add(qkv.Source(d, rows.Pair{Key: s, Value: s}))
		add(rows.StoreSource(d, s, n%2 == 0))
	}
	if !typ.Whole {
		add(product.MatrixSource(d, typ))
		add(product.Source(d, typ, n%2 == 0))
	}
	return all
}

// frames are the programs that know no type.
func frames(t *testing.T, d *gpu.Dialect) (all []*gpu.Source) {
	t.Helper()
	add := func(s *gpu.Source, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	define := func(name string, v any) gpu.Define { return gpu.Define{Name: name, Value: v} }
	add(gpu.FrameSource(d, "step", define("WIDTH", 960), define("THREADS", 256)))
	add(gpu.FrameSource(d, "inputs", define("SIZE", 48)))
	add(gpu.FrameSource(d, "scale"))
	add(gpu.FrameSource(d, "experts"))
	add(gpu.FrameSource(d, "delta", define("DIM", 128), define("TAPS", 4)))
	add(rope.Source(d))
	add(product.GemmSource(d, true))
	add(product.GemmSource(d, false))
	return all
}

// TestSecondCompiler has clang read every program as C++ for OpenCL: one that mixes address spaces,
// uses f64 or calls what there is not is refused. -every takes all types.
func TestSecondCompiler(t *testing.T) {
	if _, err := exec.LookPath("clang"); err != nil {
		if os.Getenv("KVGEN_REQUIRE_CXX") != "" {
			t.Fatal(err)
		}
		t.Skip("no program is read a second time: there is no clang")
	}
	d := NewDialect(nil)
	all := frames(t, d)
	for n, typ := range kernels.Default().Types() {
		if *everyProgram || n%8 == 3 {
			all = append(all, programs(t, d, typ, n)...)
		}
	}
	for _, s := range all {
		if err := emulate.Refuse(flatten(s).text.String()); err != nil {
			t.Errorf("%s: %v", s.Name, err)
		}
	}
	t.Logf("%d programs", len(all))
}
