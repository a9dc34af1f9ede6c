package kernels_test

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/kernels/ref"
)

// hard returns rows of n values that kernels get wrong: special values alone and among others,
// extremes, ties.
func hard(n, block int) []ref.Input {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	negZero := float32(math.Copysign(0, -1))
	rows := []ref.Input{
		{Name: "noise", Values: noise(n, 3, 1)},
		{Name: "small", Values: noise(n, 4, 1e-6)},
		{Name: "large", Values: noise(n, 5, 2e4)},
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
	x := noise(n, 6, 1)
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
func blockCounts(typ *kernels.Type) []int {
	counts := []int{0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 17, 24}
	if typ.Block < 16 {
		counts = append(counts, 16, 31, 33, 67)
	}
	return counts
}

// TestEncode compares bytes with the oracles, for every length and every hard row.
func TestEncode(t *testing.T) {
	has := func(i *kernels.Impl) bool { return i.Encode != nil }
	forEachImpl(t, has, func(t *testing.T, typ *kernels.Type, impl *kernels.Impl) {
		for name, oracle := range oracles(t, typ) {
			if name == "format by hand" && oracle.Encode == nil {
				continue // the published format leaves encoding to its authors' search
			}
			longest := slices.Max(blockCounts(typ)) * typ.Block
			for _, in := range hard(longest, typ.Block) {
				want := make([]byte, oracle.RowBytes(longest))
				oracle.Encode(want, in.Values)
				for _, blocks := range blockCounts(typ) {
					checkEncode(t, typ, impl, in.Values[:blocks*typ.Block], want, in.Name+", against the "+name)
				}
			}
		}
	})
}

// checkEncode encodes once and compares with the first bytes of want.
func checkEncode(t *testing.T, typ *kernels.Type, impl *kernels.Impl, x []float32, want []byte, what string) {
	t.Helper()
	blocks := len(x) / typ.Block
	got, fences := guarded(typ.RowBytes(len(x)), blocks)
	kept := frozen(x)
	impl.Encode(got, x)
	fences(t)
	kept(t)
	if !bytes.Equal(got, want[:len(got)]) {
		t.Fatalf("%d blocks, %s:\n got %x\nwant %x", blocks, what, got, want[:len(got)])
	}
}

// TestDecode compares values with the oracles: rows that were encoded, and random bytes, which hold
// every special scale.
func TestDecode(t *testing.T) {
	has := func(i *kernels.Impl) bool { return i.Decode != nil }
	forEachImpl(t, has, func(t *testing.T, typ *kernels.Type, impl *kernels.Impl) {
		longest := slices.Max(blockCounts(typ)) * typ.Block
		rows := [][]byte{make([]byte, typ.RowBytes(longest)), bytes.Repeat([]byte{0xFF}, typ.RowBytes(longest))}
		for seed := range uint64(20) {
			rows = append(rows, randomBytes(typ.RowBytes(longest), seed))
		}
		row, _ := packed(t, typ, longest, 8)
		rows = append(rows, row)
		for name, oracle := range oracles(t, typ) {
			for k, row := range rows {
				want := make([]float32, longest)
				oracle.Decode(want, row)
				for _, blocks := range blockCounts(typ) {
					checkDecode(t, typ, impl, row[:typ.RowBytes(blocks*typ.Block)], want, fmt.Sprintf("row %d, against the %s", k, name))
				}
			}
		}
	})
}

// checkDecode decodes once and compares with the first values of want.
func checkDecode(t *testing.T, typ *kernels.Type, impl *kernels.Impl, src []byte, want []float32, what string) {
	t.Helper()
	blocks := len(src) / typ.Bytes
	got, fences := guardedFloats(blocks*typ.Block, blocks)
	kept := frozenBytes(src)
	impl.Decode(got, src)
	fences(t)
	kept(t)
	if err := sameFloats(got, want); err != nil {
		t.Fatalf("%d blocks, %s: %v", blocks, what, err)
	}
}

// TestCodecAlignment encodes and decodes at every alignment of the packed bytes and several of the
// values.
func TestCodecAlignment(t *testing.T) {
	has := func(i *kernels.Impl) bool { return i.Decode != nil }
	forEachImpl(t, has, func(t *testing.T, typ *kernels.Type, impl *kernels.Impl) {
		n := (63/typ.Block + 1) * typ.Block
		row, values := packed(t, typ, n, 9)
		for align := range 64 {
			src, _ := guarded(len(row), align)
			copy(src, row)
			got, fences := guardedFloats(n, align%16)
			impl.Decode(got, src)
			fences(t)
			if err := sameFloats(got, values); err != nil {
				t.Fatalf("decode at %d: %v", align, err)
			}
			if impl.Encode == nil {
				continue
			}
			x, _ := guardedFloats(n, 15-align%16)
			copy(x, noise(n, 9, 1))
			dst, fences := guarded(len(row), align)
			impl.Encode(dst, x)
			fences(t)
			if !bytes.Equal(dst, row) {
				t.Fatalf("encode at %d:\n got %x\nwant %x", align, dst, row)
			}
		}
	})
}

// TestF16IsExact decodes every number of f16. Infinities stay what they are, and a NaN keeps its
// sign and payload and is made quiet, as processors do.
func TestF16IsExact(t *testing.T) {
	const n = 1 << 16
	var packed []byte
	for h := range n {
		packed = append(packed, byte(h), byte(h>>8))
	}
	for _, impl := range kernels.Default().ByName("f16").Impls {
		if impl.Decode == nil {
			continue
		}
		got := make([]float32, n)
		impl.Decode(got, packed)
		for h, v := range got {
			sign, exponent, fraction := uint32(h>>15)<<31, h>>10&31, uint32(h&1023)
			want := math.Float32bits(float32(math.Ldexp(float64(1024+fraction), exponent-25)))
			switch {
			case exponent == 0:
				want = math.Float32bits(float32(fraction) * 0x1p-24)
			case exponent == 31 && fraction == 0:
				want = 0xFF << 23
			case exponent == 31:
				want = 0xFF<<23 | 1<<22 | fraction<<13
			}
			if math.Float32bits(v) != sign|want {
				t.Fatalf("%s: f16 %04x is %08x, want %08x", impl.ISA, h, math.Float32bits(v), sign|want)
			}
		}
	}
}
