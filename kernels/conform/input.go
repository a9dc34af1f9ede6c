package conform

import (
	"fmt"
	"math"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/kernels/ref"
)

// Noise returns n values of a bell shape around 0 with the given spread, the same for the same
// seed.
func Noise(n int, seed uint64, spread float32) []float32 {
	x := make([]float32, n)
	for _, part := range [][]float32{ref.LCG(n, seed, spread), ref.LCG(n, seed+1000, spread), ref.LCG(n, seed+2000, spread)} {
		for i, v := range part {
			x[i] += v
		}
	}
	return x
}

// RandomBytes returns n bytes, the same for the same seed.
func RandomBytes(n int, seed uint64) []byte {
	b := make([]byte, n)
	for i := range b {
		seed = seed*6364136223846793005 + 1442695040888963407
		b[i] = byte(seed >> 56)
	}
	return b
}

// Finite reports whether all of x are numbers of at most a million.
func Finite(x []float32) bool {
	for _, v := range x {
		if math.Abs(float64(v)) > 1e6 || v != v {
			return false
		}
	}
	return true
}

// Packed returns a row of n values of a format, decoded too: encoded noise, or, for a format that
// is only read, bytes that decode to finite values.
func Packed(f ref.Format, n int, seed uint64) (row []byte, values []float32, err error) {
	row, values = make([]byte, f.RowBytes(n)), make([]float32, n)
	if f.Encode != nil {
		f.Encode(row, Noise(n, seed, 1))
		f.Decode(values, row)
		return row, values, nil
	}
	random := RandomBytes(1<<16, seed)
	for k := range n / f.Block {
		block, y := row[k*f.Bytes:][:f.Bytes], values[k*f.Block:][:f.Block]
		for at := 0; ; at++ {
			if at+f.Bytes > len(random) {
				return nil, nil, fmt.Errorf("%s: no random block decodes to finite values", f.Name)
			}
			copy(block, random[at:])
			if f.Decode(y, block); Finite(y) {
				random = random[at+f.Bytes:]
				break
			}
		}
	}
	return row, values, nil
}

// Hard returns rows of n values that kernels get wrong: special values alone and among others,
// extremes, ties.
func Hard(n, block int) []ref.Input {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	negZero := float32(math.Copysign(0, -1))
	rows := []ref.Input{
		{Name: "noise", Values: Noise(n, 3, 1)},
		{Name: "small", Values: Noise(n, 4, 1e-6)},
		{Name: "large", Values: Noise(n, 5, 2e4)},
		{Name: "heavy", Values: ref.Heavy(n)},
		{Name: "big", Values: ref.Big(n)},
		{Name: "ramp", Values: ramp(n, block)},
		{Name: "zero", Values: make([]float32, n)},
		{Name: "between bf16", Values: between(n, 16)},
		{Name: "between f16", Values: between(n, 13)},
	}
	for _, s := range []struct {
		name string
		v    float32
	}{
		{"-0", negZero}, {"NaN", nan}, {"-NaN", float32(math.Copysign(math.NaN(), -1))}, {"+Inf", inf}, {"-Inf", -inf}, {"subnormal", 1e-40}, {"smallest", 1e-45},
		{"tiny", 1e-30}, {"huge", 3e38}, {"-huge", -3e38}, {"one", 1},
	} {
		rows = append(rows,
			ref.Input{Name: s.name + " alone", Values: ref.Every(n, 1, 0, s.v, 0)},
			ref.Input{Name: s.name + " first", Values: mixed(n, block, 0, s.v)},
			ref.Input{Name: s.name + " later", Values: mixed(n, block, 3, s.v)},
			ref.Input{Name: s.name + " at the end", Values: mixed(n, block, block-1, s.v)})
	}
	return append(rows, ref.Input{Name: "zeros of both signs", Values: ref.Every(n, 3, 1, negZero, 0)},
		ref.Input{Name: "subnormal spread", Values: ref.Every(n, 3, 1, 0, 1e-40)},
		ref.Input{Name: "equal extremes", Values: ref.Every(n, 2, 1, -2.5, 2.5)})
}

// mixed is noise with v at one position of every block.
func mixed(n, block, at int, v float32) []float32 {
	x := Noise(n, 6, 1)
	for i := at % block; i < n; i += block {
		x[i] = v
	}
	return x
}

// ramp has halves and quarters of the largest value of a block: the ties of every rounding.
func ramp(n, block int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(i%block)/2 - float32(block)/4
	}
	return x
}

// between has values halfway between two numbers of 16 bits, which lack the last bits of an f32,
// and their neighbours on both sides.
func between(n, bits int) []float32 {
	x := make([]float32, n)
	for i := range x {
		half := uint32(0x3F800000) + uint32(i/3)<<bits + 1<<(bits-1)
		x[i] = math.Float32frombits(half - 1 + uint32(i%3) + uint32(i&1)<<31)
	}
	return x
}

// blockCounts are the lengths tested, in blocks: each remainder of a small vector loop, a group of
// 8 blocks and what follows it, and for a block of one value more.
func blockCounts(typ *kernels.Type, whole bool) []int {
	if !whole {
		if typ.Block < 16 {
			return []int{1, 7, 33}
		}
		return []int{1, 3, 9}
	}
	counts := []int{0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 17, 24}
	if typ.Block < 16 {
		counts = append(counts, 16, 31, 33, 67)
	}
	return counts
}
