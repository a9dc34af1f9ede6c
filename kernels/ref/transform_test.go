package ref

import (
	"math"
	"math/bits"
	"testing"
)

// TestSigns compares the generators with the masks that the formats publish: bit i%32 of word i/32
// is set where a sign is -1.
func TestSigns(t *testing.T) {
	for _, c := range []struct {
		name  string
		signs []float32
		masks []uint32
	}{
		{"turbo left", SignsPCG64(42, 0, 128), []uint32{0xE46A0359, 0x42F85949, 0xA4C63BBB, 0x49F250A9}},
		{"turbo right", SignsPCG64(42, 128, 128), []uint32{0x16ACEE90, 0x3F628FDC, 0xB7A5357A, 0xBEA56562}},
		{"odd offset", SignsPCG64(42, 33, 31), []uint32{0x42F85949 >> 1}},
		{"tq", SignsGolden(32), []uint32{0x696B4B4A}},
	} {
		masks := make([]uint32, len(c.masks))
		for i, s := range c.signs {
			switch s {
			case -1:
				masks[i/32] |= 1 << (i % 32)
			case 1:
			default:
				t.Fatalf("%s: sign %d is %g", c.name, i, s)
			}
		}
		for w, want := range c.masks {
			if masks[w] != want {
				t.Errorf("%s: word %d is %08X, want %08X", c.name, w, masks[w], want)
			}
		}
	}
}

// TestTransform compares with the matrix itself, in float64, at every size and with every choice of
// signs.
func TestTransform(t *testing.T) {
	for n := 1; n <= 512; n *= 2 {
		left, right := SignsPCG64(1, 0, n), SignsPCG64(2, 5, n)
		for _, tr := range []Transform{{Size: n}, {n, left, nil}, {n, nil, right}, {n, left, right}} {
			x := LCG(2*n, 11, 3)
			y := append([]float32(nil), x...)
			tr.Forward(y)
			for i := range y {
				if want := product(tr, x[i/n*n:][:n], i%n); math.Abs(float64(y[i])-want) > 4e-6*math.Sqrt(float64(n)) {
					t.Fatalf("size %d, element %d: %g, want %g", n, i, y[i], want)
				}
			}
			tr.Inverse(y)
			for i := range y {
				if math.Abs(float64(y[i]-x[i])) > 1e-5 {
					t.Fatalf("size %d, element %d: inverse gives %g, want %g", n, i, y[i], x[i])
				}
			}
		}
	}
}

// product is row i of right * H/sqrt(n) * left times x: entry (i, j) of H is -1 where i and j share
// an odd number of bits.
func product(tr Transform, x []float32, i int) float64 {
	sum := 0.0
	for j, v := range x {
		w := float64(v) / math.Sqrt(float64(tr.Size))
		if bits.OnesCount(uint(i&j))%2 == 1 {
			w = -w
		}
		if tr.Left != nil {
			w *= float64(tr.Left[j])
		}
		sum += w
	}
	if tr.Right != nil {
		sum *= float64(tr.Right[i])
	}
	return sum
}

// TestTransformNorm holds the normalising factors to the published bits.
func TestTransformNorm(t *testing.T) {
	for n, want := range map[int]uint32{32: 0x3E3504F3, 64: 0x3E000000, 128: 0x3DB504F3} {
		x := make([]float32, n)
		x[0] = 1
		Transform{Size: n}.Forward(x)
		if got := math.Float32bits(x[n-1]); got != want {
			t.Errorf("1/sqrt(%d) is %08X, want %08X", n, got, want)
		}
	}
}
