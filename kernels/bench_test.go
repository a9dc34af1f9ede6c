package kernels_test

import (
	"testing"

	"github.com/kvgen/kvgen/kernels"
)

// The benchmarks count packed bytes, so that MB/s is the share of memory bandwidth that a kernel
// reaches. Rows are heads of 128 values (or one block, if that is longer) and stand for a cache of
// about 8 MB.

// forEachBench runs f as a sub-benchmark for every type and implementation that has the wanted
// function.
func forEachBench(b *testing.B, has func(*kernels.Impl) bool, f func(b *testing.B, typ *kernels.Type, impl *kernels.Impl)) {
	for _, typ := range kernels.Default().Types() {
		for k := range typ.Impls {
			if impl := &typ.Impls[k]; has(impl) {
				b.Run(typ.Name+"/"+impl.ISA, func(b *testing.B) { f(b, typ, impl) })
			}
		}
	}
}

// benchRows are packed rows of a type: one row of noise, or of small bytes if the type cannot
// encode, many times over.
func benchRows(typ *kernels.Type) (w []byte, stride, rows, n int) {
	n = (127/typ.Block + 1) * typ.Block
	stride = typ.RowBytes(n)
	rows = 8 << 20 / stride
	row := make([]byte, stride)
	for i := range row {
		row[i] = byte(i % 48)
	}
	if encode := typ.Best().Encode; encode != nil {
		encode(row, noise(n, 3, 1))
	}
	for range rows {
		w = append(w, row...)
	}
	return w, stride, rows, n
}

func BenchmarkEncode(b *testing.B) {
	forEachBench(b, func(i *kernels.Impl) bool { return i.Encode != nil }, func(b *testing.B, typ *kernels.Type, impl *kernels.Impl) {
		_, stride, _, n := benchRows(typ)
		x, row := noise(n, 4, 1), make([]byte, stride)
		b.SetBytes(int64(stride))
		for b.Loop() {
			impl.Encode(row, x)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	forEachBench(b, func(i *kernels.Impl) bool { return true }, func(b *testing.B, typ *kernels.Type, impl *kernels.Impl) {
		w, stride, _, n := benchRows(typ)
		y := make([]float32, n)
		b.SetBytes(int64(stride))
		for b.Loop() {
			impl.Decode(y, w[:stride])
		}
	})
}

// benchHeads is the number of query heads that share a row in the benchmarks of score and mix.
const benchHeads = 4

func BenchmarkScore(b *testing.B) {
	forEachBench(b, func(i *kernels.Impl) bool { return true }, func(b *testing.B, typ *kernels.Type, impl *kernels.Impl) {
		w, stride, rows, n := benchRows(typ)
		q, y, ws := noise(benchHeads*n, 5, 1), make([]float32, benchHeads*rows), &kernels.Workspace{}
		b.SetBytes(int64(len(w)))
		for b.Loop() {
			impl.Matmul(y, rows, q, n, benchHeads, w, stride, rows, n, ws)
		}
	})
}

func BenchmarkScoreQ8(b *testing.B) {
	forEachBench(b, func(i *kernels.Impl) bool { return i.MatmulQ8 != nil }, func(b *testing.B, typ *kernels.Type, impl *kernels.Impl) {
		w, stride, rows, n := benchRows(typ)
		if n%typ.ActGroup != 0 {
			b.Fatalf("rows of %d values are not whole groups of %d", n, typ.ActGroup)
		}
		var act kernels.Act
		act.Resize(benchHeads, n, typ.ActGroup)
		kernels.Default().QuantiseAct(&act, noise(benchHeads*n, 5, 1), n, benchHeads)
		y, ws := make([]float32, benchHeads*rows), &kernels.Workspace{}
		b.SetBytes(int64(len(w)))
		for b.Loop() {
			impl.MatmulQ8(y, rows, &act, benchHeads, w, stride, rows, n, ws)
		}
	})
}

func BenchmarkMix(b *testing.B) {
	forEachBench(b, func(i *kernels.Impl) bool { return i.Mix != nil }, func(b *testing.B, typ *kernels.Type, impl *kernels.Impl) {
		w, stride, rows, n := benchRows(typ)
		p, o, ws := noise(benchHeads*rows, 6, 1), make([]float32, benchHeads*n), &kernels.Workspace{}
		b.SetBytes(int64(len(w)))
		for b.Loop() {
			impl.Mix(o, n, p, rows, benchHeads, w, stride, rows, n, ws)
		}
	})
}

func BenchmarkTransform(b *testing.B) {
	for _, t := range kernels.Default().Transforms() {
		for _, impl := range t.Impls {
			b.Run(t.Name+"/"+impl.ISA, func(b *testing.B) {
				x := noise(t.Size, 7, 1)
				b.SetBytes(int64(4 * len(x)))
				for b.Loop() {
					impl.Forward(x)
					impl.Inverse(x) // brings x back, so that it does not grow
				}
			})
		}
	}
}
