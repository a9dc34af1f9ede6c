package interp

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/kvgen/kvgen/kernels/ref"
)

// TestByHand holds the hand-built q4_0 to the oracle.
func TestByHand(t *testing.T) {
	want, _ := ref.ByName("q4_0")
	sameFormat(t, Format(q40()), want)
}

// sameFormat compares two formats bit for bit: encoded bytes and decoded values of many rows, and
// what random blocks decode to.
func sameFormat(t *testing.T, got, want ref.Format) {
	t.Helper()
	if got.Block != want.Block || got.Bytes != want.Bytes {
		t.Fatalf("%d values in %d bytes, want %d in %d", got.Block, got.Bytes, want.Block, want.Bytes)
	}
	if (got.Encode == nil) != (want.Encode == nil) {
		t.Fatalf("has an encoder: %t, want %t", got.Encode != nil, want.Encode != nil)
	}
	if want.Encode != nil {
		for _, in := range rows(want.Block) {
			a, b := bytes.Repeat([]byte{0xA5}, got.RowBytes(len(in.Values))), make([]byte, want.RowBytes(len(in.Values)))
			got.Encode(a, in.Values)
			want.Encode(b, in.Values)
			if k := differ(a, b); k >= 0 {
				t.Fatalf("%s: byte %d of block %d is %02x, want %02x", in.Name, k%want.Bytes, k/want.Bytes, a[k], b[k])
			}
			sameDecode(t, in.Name, got, want, b)
		}
	}
	source := rand.New(rand.NewPCG(1, uint64(want.ID)))
	for range 40 {
		b := make([]byte, 2*want.Bytes)
		for i := range b {
			b[i] = byte(source.Uint32())
		}
		if want.Name == "mxfp4" {
			// The spec's scale of e = 255 is 2^128, an infinity in f32; OCP has NaN there and ggml
			// a finite 2^127 times levels.
			b[0], b[want.Bytes] = min(b[0], 254), min(b[want.Bytes], 254)
		}
		sameDecode(t, fmt.Sprintf("bytes %x", b), got, want, b)
	}
}

func sameDecode(t *testing.T, what string, got, want ref.Format, b []byte) {
	t.Helper()
	a, y := make([]float32, len(b)/want.Bytes*want.Block), make([]float32, len(b)/want.Bytes*want.Block)
	got.Decode(a, b)
	want.Decode(y, b)
	for i := range y {
		if math.Float32bits(a[i]) != math.Float32bits(y[i]) && (a[i] == a[i] || y[i] == y[i]) {
			t.Fatalf("%s: value %d is %g, want %g", what, i, a[i], y[i])
		}
	}
}

func differ(a, b []byte) int {
	for i := range b {
		if a[i] != b[i] {
			return i
		}
	}
	return -1
}

// rows are the golden inputs, normal and wide random values, and blocks with special values among
// ones and alone.
func rows(block int) []ref.Input {
	list := ref.Inputs()
	source := rand.New(rand.NewPCG(7, 7))
	normal, wide, bits := make([]float32, 1024), make([]float32, 1024), make([]float32, 1024)
	for i := range normal {
		normal[i] = float32(source.NormFloat64())
		wide[i] = float32(source.NormFloat64() * math.Pow(10, float64(i/64-8)*3))
		bits[i] = math.Float32frombits(source.Uint32())
	}
	list = append(list, ref.Input{Name: "normal", Values: normal}, ref.Input{Name: "wide", Values: wide},
		ref.Input{Name: "bits", Values: bits})
	for _, v := range []float32{nan, inf, -inf, neg0, 1e-40, -1e-45, 1e-16, 3e38, -3e38, 65519, 65520, 6e-8} {
		n := max(block, 32)
		list = append(list,
			ref.Input{Name: fmt.Sprintf("one %g", v), Values: ref.Every(n, n, 3, v, 1)},
			ref.Input{Name: fmt.Sprintf("all %g", v), Values: ref.Every(n, 1, 0, v, v)})
	}
	return list
}
