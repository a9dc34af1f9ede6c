package kernels_test

import (
	"bytes"
	"math"
	"testing"

	"github.com/kvgen/kvgen/kernels"
)

// TestEncodeRandomBits compares every implementation with portable Go on floats of random bits,
// among them NaNs of all kinds, infinities and subnormals, and on noise in which such values are
// rare.
func TestEncodeRandomBits(t *testing.T) {
	if len(kernels.Default().ISAs()) == 1 {
		t.Skip("this build has portable Go only, and nothing to compare it with")
	}
	has := func(i *kernels.Impl) bool { return i.Encode != nil && i.ISA != "generic" }
	forEachImpl(t, has, func(t *testing.T, typ *kernels.Type, impl *kernels.Impl) {
		portable := typ.Impls[len(typ.Impls)-1]
		for seed := range uint64(24) {
			x := randomFloats(11*max(typ.Block, 16), seed, int(seed%6))
			got, want := make([]byte, typ.RowBytes(len(x))), make([]byte, typ.RowBytes(len(x)))
			impl.Encode(got, x)
			portable.Encode(want, x)
			for k := 0; k < len(got); k += typ.Bytes {
				if !bytes.Equal(got[k:k+typ.Bytes], want[k:k+typ.Bytes]) {
					at := k / typ.Bytes * typ.Block
					t.Fatalf("seed %d, block %d\n got %x\nwant %x\nfor %v", seed, k/typ.Bytes, got[k:k+typ.Bytes], want[k:k+typ.Bytes], x[at:at+typ.Block])
				}
			}
		}
	})
}

// TestEncodeSmall writes rows of nothing, and of values around and below the least that an encoder
// divides by. What is read back is finite and small, unless the type is one of those made for tests
// that store something else than what they are given.
func TestEncodeSmall(t *testing.T) {
	has := func(i *kernels.Impl) bool { return i.Encode != nil }
	forEachImpl(t, has, func(t *testing.T, typ *kernels.Type, impl *kernels.Impl) {
		if !keeps(typ) {
			return
		}
		for _, size := range []float32{0, 1e-45, 1e-40, 1e-30, 1e-21, 1e-20, 1e-19, 1e-12} {
			x := noise(2*max(typ.Block, 16), 1, size)
			row, y := make([]byte, typ.RowBytes(len(x))), make([]float32, len(x))
			impl.Encode(row, x)
			typ.Impls[len(typ.Impls)-1].Decode(y, row)
			for i, v := range y {
				if limit := float64(size)*100 + 1e-7; !(math.Abs(float64(v)) <= limit) {
					t.Fatalf("values of %g: value %d is %g", size, i, v)
				}
			}
		}
	})
}

// keeps reports whether what a type gives back is closer to what it was given than to nothing.
func keeps(typ *kernels.Type) bool {
	x := noise(2*max(typ.Block, 16), 1, 1)
	portable, row, y := typ.Impls[len(typ.Impls)-1], make([]byte, typ.RowBytes(len(x))), make([]float32, len(x))
	portable.Encode(row, x)
	portable.Decode(y, row)
	if d := typ.Domain; d != nil {
		d.Impls[len(d.Impls)-1].Inverse(y)
	}
	var left, power float64
	for i, v := range x {
		left, power = left+float64(v-y[i])*float64(v-y[i]), power+float64(v)*float64(v)
	}
	return left < power/2
}

// randomFloats is n floats: of random bits when rare is 0, else noise with such floats about every
// 2^(2*rare) values.
func randomFloats(n int, seed uint64, rare int) []float32 {
	x := noise(n, seed, 1)
	raw := randomBytes(6*n, seed)
	for i := range x {
		b := raw[6*i : 6*i+6]
		if pick := uint32(b[4]) | uint32(b[5])<<8; pick&(1<<(2*rare)-1) == 0 {
			x[i] = math.Float32frombits(uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24)
		}
	}
	return x
}
