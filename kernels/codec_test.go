package kernels_test

import (
	"bytes"
	"math"
	"testing"

	"github.com/kvgen/kvgen/kernels"
)

// TestEncode compares bytes with the oracles, for every length and every hard row.
func TestEncode(t *testing.T) {
	conforms(t, "Encode", func(i *kernels.Impl) bool { return i.Encode != nil })
}

// TestDecode compares values with the oracles: rows that were encoded, and random bytes, which hold
// every special scale.
func TestDecode(t *testing.T) {
	conforms(t, "Decode", func(i *kernels.Impl) bool { return i.Decode != nil })
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
	f16 := kernels.Default().ByName("f16")
	if f16 == nil {
		t.Skip("this table has no type f16")
	}
	for _, impl := range f16.Impls {
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
