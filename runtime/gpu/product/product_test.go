//go:build emulate || gpu

package product

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/internal/gputest"
)

var onlyTypes = flag.String("weights", "", "test matrices of this type only")

// weightTypes are the types that matrices of a model have.
func weightTypes() (all []*kernels.Type) {
	for _, t := range kernels.Default().Types() {
		if t.Weight && (*onlyTypes == "" || *onlyTypes == t.Name) {
			all = append(all, t)
		}
	}
	return all
}

// packedRows is rows of n values as a file has them. Types without an encoder get random codes
// under scales that occur in models.
func packedRows(t testing.TB, typ *kernels.Type, seed uint64, rows, n int) []byte {
	t.Helper()
	size := typ.RowBytes(n)
	b := make([]byte, rows*size)
	if f := typ.Impls[0].Encode; f != nil {
		x := gputest.Normal(seed, rows*n)
		for r := range rows {
			f(b[r*size:][:size], x[r*n:][:n])
		}
		return b
	}
	r := rand.New(rand.NewPCG(seed, 9))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	for at := 0; at < len(b); at += typ.Bytes {
		for _, field := range scaleFields(t, typ) {
			b[at+field] = byte(r.Uint32())
			b[at+field+1] = 0x20 | byte(r.Uint32())&0x0b // f16 from 2^-7 to 2^-4
			if r.Uint32()%8 == 0 {
				b[at+field+1] |= 0x80
			}
		}
		switch typ.Name {
		case "mxfp4":
			b[at] = 110 + byte(r.Uint32()%20)
		case "iq1_m": // the upper bits of its scale
			b[at+55] = 0x20 | b[at+55]&0x0f
		}
	}
	return b
}

// scaleFields are the bytes of a block where f16 scales begin.
func scaleFields(t testing.TB, typ *kernels.Type) []int {
	fields, ok := map[string][]int{
		"iq4_xs": {0}, "iq1_s": {0}, "iq1_m": {}, "iq2_xxs": {0}, "iq2_xs": {0}, "iq2_s": {0}, "iq3_xxs": {0}, "iq3_s": {0},
		"tq1_0": {52}, "tq2_0": {64}, "q1_0": {0}, "q2_0": {0}, "nvfp4": {}, "q2_K": {80, 82}, "q3_K": {108}, "q4_K": {0, 2}, "q5_K": {0, 2}, "q6_K": {208}, "mxfp4": {}, "tq3_1s": {0, 2}, "tq4_1s": {0, 2},
	}[typ.Name]
	if !ok {
		t.Fatalf("%s: it is not known where its scales are", typ.Name)
	}
	return fields
}

// matrixOf uploads rows, and returns them as numbers in the domain in which they are stored.
func matrixOf(t testing.TB, d *gpu.Queue, typ *kernels.Type, seed uint64, rows, n int) (*Matrix, []float32) {
	t.Helper()
	packed := packedRows(t, typ, seed, rows, n)
	next := int64(0)
	m := gputest.Must[*Matrix](t)(NewMatrix(d, typ, n, rows, func(p []byte, at int64) error {
		if at != next {
			t.Errorf("%s: asked for byte %d after %d", typ.Name, at, next)
		}
		next += int64(copy(p, packed[at:]))
		return nil
	}))
	t.Cleanup(func() { m.Free() })
	if next != int64(len(packed)) {
		t.Errorf("%s: %d of %d bytes were read", typ.Name, next, len(packed))
	}
	w := make([]float32, rows*n)
	size := typ.RowBytes(n)
	for r := range rows {
		typ.Impls[0].Decode(w[r*n:][:n], packed[r*size:][:size])
	}
	return m, w
}

// rounded is x as the fast form of products with few tokens has it: bytes with a scale for 32
// values.
func rounded(x []float32) []float64 {
	y := make([]float64, len(x))
	for g := 0; g < len(x); g += 32 {
		var most float32
		for _, v := range x[g:min(g+32, len(x))] {
			most = max(most, float32(math.Abs(float64(v))))
		}
		if most == 0 {
			continue
		}
		d, by := most/127, 127/most
		for i, v := range x[g:min(g+32, len(x))] {
			y[g+i] = float64(d) * math.RoundToEven(float64(v*by))
		}
	}
	return y
}

// deviation is the root of the mean square of got - want, over that of the products' size: |x| |w|
// for each.
func deviation(got []float32, want, size []float64) float64 {
	var e, p float64
	for i := range got {
		d := float64(got[i]) - want[i]
		e, p = e+d*d, p+size[i]*size[i]
	}
	return math.Sqrt(e / p)
}

// products is x w^T in float64, and the same of magnitudes.
func products(x []float64, w []float32, n int) (y, size []float64) {
	for ; len(x) > 0; x = x[n:] {
		for r := 0; r < len(w); r += n {
			var sum, abs float64
			for i, v := range w[r : r+n] {
				p := x[i] * float64(v)
				sum, abs = sum+p, abs+math.Abs(p)
			}
			y, size = append(y, sum), append(size, abs)
		}
	}
	return y, size
}

// activationsOf is rows of x as a product of a type takes them.
func activationsOf(typ *kernels.Type, x []float32, n int, bytes bool) (y []float64) {
	for ; len(x) > 0; x = x[n:] {
		row := append([]float32(nil), x[:n]...)
		if typ.Domain != nil {
			typ.Domain.Impls[0].Forward(row)
		}
		if bytes {
			y = append(y, rounded(row)...)
			continue
		}
		for _, v := range row {
			y = append(y, float64(v))
		}
	}
	return y
}

// Limits of deviations. The fast form is held against activations rounded as it does, but for
// tables of floats, which it rounds too.
const (
	exactProduct = 4e-7
	tableProduct = 2e-3
	halfProduct  = 3e-4 // of f16
)

// TestProduct multiplies matrices of every type with 1 to 65 tokens.
func TestProduct(t *testing.T) {
	d := gputest.Open(t)
	for k, typ := range weightTypes() {
		shapes := [][2]int{{33, 32}, {7, 64}, {130, 96}, {70, 576}, {65, 896}}
		switch {
		case typ.Block == 256:
			shapes = [][2]int{{33, 256}, {130, 512}, {9, 2304}}
		case typ.Block > 32:
			shapes = [][2]int{{33, 128}, {130, 384}, {65, 896}}
		}
		if !typ.Quantised {
			shapes = append(shapes, [2]int{5, 35}, [2]int{3, 1000})
		}
		for _, exact := range []bool{true, false} {
			var worst [2]float64 // with few tokens and with many
			for s, shape := range shapes {
				rows, n := shape[0], shape[1]
				m, w := matrixOf(t, d, typ, uint64(k), rows, n)
				x := gputest.Must[*Kernel](t)(New(d, Spec{Matrix: m, Exact: exact}))
				for i, tokens := range []int{1, 2, 5, 8, 9, 16, 23, 33, 64, 65} {
					if gputest.Emulating && i > 1 && (i+s+k)%3 > 0 {
						continue
					}
					in := gputest.Normal(uint64(tokens), tokens*n)
					got := multiplied(t, d, x, in, tokens)
					few, many := !exact && typ.Quantised && tokens <= maxDecodeTokens, tokens > maxDecodeTokens
					batched := x.batched.kernelFor(tokens) >= 0
					few = few && !batched && x.bytes > 0
					want, size := products(activationsOf(typ, in, n, few), w, n)
					e := deviation(got, want, size)
					worst[tokens/(maxDecodeTokens+1)] = max(worst[tokens/(maxDecodeTokens+1)], e)
					limit := exactProduct
					switch {
					case batched && typ.Domain != nil:
						limit = tableProduct
					case batched:
						limit = halfProduct
					case few && typ.Domain != nil:
						limit = tableProduct
					case !exact && many:
						limit = halfProduct
					}
					if !(e < limit) {
						t.Errorf("%s %dx%d, exact %t, %d tokens: deviation %.2g", typ.Name, rows, n, exact, tokens, e)
					}
				}
			}
			t.Logf("%s, exact %t: largest deviation %.2g, with many tokens %.2g", typ.Name, exact, worst[0], worst[1])
		}
	}
}

func multiplied(t testing.TB, d *gpu.Queue, x *Kernel, in []float32, tokens int) []float32 {
	t.Helper()
	got := make([]float32, tokens*x.Outputs())
	for i := range got {
		got[i] = float32(math.NaN())
	}
	y := gputest.Upload(t, d, got)
	gputest.Check(t, x.Run(y, gputest.Upload(t, d, in), tokens))
	gputest.Check(t, gpu.Read(y, 0, got))
	return got
}

// TestGather compares rows with those of the CPU's decoder, to the last bit.
func TestGather(t *testing.T) {
	d := gputest.Open(t)
	for _, typ := range kernels.Default().Types() {
		if *onlyTypes != "" && *onlyTypes != typ.Name {
			continue
		}
		n := max(typ.Block, 32) * 9
		m, w := matrixOf(t, d, typ, 5, 6, n)
		ids := []int32{5, 0, 3, 3, 6, -1}
		out := gputest.Upload(t, d, make([]float32, len(ids)*n))
		at := gputest.Must[*gpu.Buffer](t)(d.Alloc(uint64(4 * len(ids))))
		gputest.Check(t, gpu.Write(at, 0, ids))
		gputest.Check(t, m.Gather(out, at, len(ids)))
		got := make([]float32, len(ids)*n)
		gputest.Check(t, gpu.Read(out, 0, got))
		for k, id := range ids {
			want := make([]float32, n)
			if id >= 0 && id < 6 {
				copy(want, w[int(id)*n:])
				if typ.Domain != nil {
					typ.Domain.Impls[0].Inverse(want)
				}
			}
			for i, v := range want {
				if g := got[k*n+i]; g != v { // a zero may have another sign
					t.Fatalf("%s: value %d of row %d is %g, not %g", typ.Name, i, id, g, v)
				}
			}
		}
		fmt.Printf("%s: %.4g bits a value in a file, %.4g on the device\n", typ.Name, typ.BitsPerValue(n), float64(8*m.Bytes())/float64(6*n))
		gputest.Check(t, m.Free())
	}
}
