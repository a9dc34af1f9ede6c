package ref

import (
	"math"
	"testing"

	"github.com/x448/float16"
)

// TestHalves checks every half and, for rounding, every place where the answer changes: half-way
// between two neighbours and one float32 to either side. Between those places the conversion is
// constant.
func TestHalves(t *testing.T) {
	for bits := range 0x10000 {
		h := uint16(bits)
		x := FromF16(h)
		if want := float16.Frombits(h).Float32(); !same(x, want) {
			t.Fatalf("FromF16(%#04x) = %g, want %g", h, x, want)
		}
		if x != x {
			if F16(x) != h&0x8000|0x7E00 {
				t.Fatalf("F16 of a NaN = %#04x", F16(x))
			}
			continue
		}
		if F16(x) != h {
			t.Fatalf("F16(%g) = %#04x, want %#04x", x, F16(x), h)
		}
		if h&0x7FFF == 0x7C00 {
			continue
		}
		next := FromF16(h + 1)
		if h&0x7FFF == 0x7BFF {
			next = float32(math.Copysign(65536, float64(x))) // where the next half would be
		}
		mid := math.Float32bits((x + next) / 2)
		for _, b := range []uint32{mid - 1, mid, mid + 1} {
			y := math.Float32frombits(b)
			if got, want := F16(y), float16.Fromfloat32(y).Bits(); got != want {
				t.Fatalf("F16(%g) = %#04x, want %#04x", y, got, want)
			}
		}
	}
}

func TestF16Specials(t *testing.T) {
	for _, c := range []struct {
		bits uint32
		want uint16
	}{
		{0x00000001, 0x0000}, {0x80000001, 0x8000}, {0x33000000, 0x0000}, {0x33000001, 0x0001},
		{0x477FEFFF, 0x7BFF}, {0x477FF000, 0x7C00}, {0xFF7FFFFF, 0xFC00}, {0x7F800000, 0x7C00},
		{0x7F800001, 0x7E00}, {0xFFFFFFFF, 0xFE00},
	} {
		if got := F16(math.Float32frombits(c.bits)); got != c.want {
			t.Errorf("F16(%#08x) = %#04x, want %#04x", c.bits, got, c.want)
		}
	}
}

func TestBF16(t *testing.T) {
	for _, c := range []struct {
		bits uint32
		want uint16
	}{
		{0x3F800000, 0x3F80}, {0x3F808000, 0x3F80}, {0x3F808001, 0x3F81}, {0x3F818000, 0x3F82}, {0x7F7FFFFF, 0x7F80},
		{0xFF800000, 0xFF80}, {0x7F800001, 0x7FC0}, {0xFFBF1234, 0xFFFF}, {0x00000001, 0x0000}, {0x80018000, 0x8002},
	} {
		if got := BF16(math.Float32frombits(c.bits)); got != c.want {
			t.Errorf("BF16(%#08x) = %#04x, want %#04x", c.bits, got, c.want)
		}
	}
}

// same compares bits, with every NaN equal to every other.
func same(a, b float32) bool {
	return math.Float32bits(a) == math.Float32bits(b) || a != a && b != b
}
