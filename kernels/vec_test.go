package kernels_test

import (
	"encoding/binary"
	"hash/fnv"
	"math"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/kernels/cpu"
)

// vecOps calls every operation; s are its slices, all of as many values as the operation has turns,
// or twice as many for the first of a wide one.
var vecOps = []struct {
	name   string
	slices int
	wide   bool
	do     func(v *kernels.Vec, s [][]float32) (result float64)
}{
	{"Max", 1, false, func(v *kernels.Vec, s [][]float32) float64 { return float64(v.Max(s[0])) }},
	{"ExpSum", 1, false, func(v *kernels.Vec, s [][]float32) float64 { return float64(v.ExpSum(s[0], .5, 3)) }},
	{"SiLUMul", 2, false, func(v *kernels.Vec, s [][]float32) float64 { v.SiLUMul(s[0], s[1]); return 0 }},
	{"GELUMul", 2, false, func(v *kernels.Vec, s [][]float32) float64 { v.GELUMul(s[0], s[1]); return 0 }},
	{"SoftCap", 1, false, func(v *kernels.Vec, s [][]float32) float64 { v.SoftCap(s[0], 30); return 0 }},
	{"Add", 2, false, func(v *kernels.Vec, s [][]float32) float64 { v.Add(s[0], s[1]); return 0 }},
	{"Scale", 1, false, func(v *kernels.Vec, s [][]float32) float64 { v.Scale(s[0], .3); return 0 }},
	{"ScaleMul", 3, false, func(v *kernels.Vec, s [][]float32) float64 { v.ScaleMul(s[0], s[1], s[2], .3); return 0 }},
	{"Blend", 2, false, func(v *kernels.Vec, s [][]float32) float64 { v.Blend(s[0], s[1], .3, 1.7); return 0 }},
	{"SumSquares", 1, false, func(v *kernels.Vec, s [][]float32) float64 { return v.SumSquares(s[0]) }},
	{"RopeAdjacent", 3, true, func(v *kernels.Vec, s [][]float32) float64 { v.RopeAdjacent(s[0], s[1], s[2]); return 0 }},
	{"RopeHalves", 4, false, func(v *kernels.Vec, s [][]float32) float64 { v.RopeHalves(s[0], s[1], s[2], s[3]); return 0 }},
}

// specials are what arithmetic treats apart, and the ends of exp.
var specials = []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.Copysign(0, -1)), 0,
	math.SmallestNonzeroFloat32, -0x1p-130, math.MaxFloat32, -math.MaxFloat32, 88, -88, 88.5, -87.5, -175, -1e30, 1e30}

// vecInput fills n values: noise in which, for a kind above 0, every fifth value or so is a special
// one.
func vecInput(x []float32, seed uint64, kind int) {
	copy(x, noise(len(x), seed, 9))
	for i := range x {
		if kind > 0 && (i*7+int(seed))%5 == 0 {
			x[i] = specials[(i/5+int(seed)*3+kind)%len(specials)]
		}
	}
}

// TestVecBits compares every implementation with portable Go to the bit, at every length and
// alignment, between canaries.
func TestVecBits(t *testing.T) {
	for _, v := range kernels.Vecs() {
		for _, op := range vecOps {
			t.Run(v.ISA+"/"+op.name, func(t *testing.T) {
				for n := range 71 {
					for align := range 9 {
						checkVec(t, v, op.do, op.slices, op.wide, n, align, n%3)
					}
				}
				for kind := range 2 * len(specials) {
					checkVec(t, v, op.do, op.slices, op.wide, 300+kind, 1, kind)
				}
			})
		}
	}
}

func checkVec(t *testing.T, v *kernels.Vec, do func(v *kernels.Vec, s [][]float32) float64, slices int, wide bool, n, align, kind int) {
	t.Helper()
	var got, want [][]float32
	var fences []func(*testing.T)
	for k := range slices {
		length := n
		if wide && k == 0 {
			length = 2 * n
		}
		g, fence := guardedFloats(length, align)
		vecInput(g, uint64(n+100*k), kind)
		got, want, fences = append(got, g), append(want, append([]float32(nil), g...)), append(fences, fence)
	}
	a, b := do(v, got), do(&cpu.VecGeneric, want)
	if math.Float64bits(a) != math.Float64bits(b) && (a == a || b == b) {
		t.Fatalf("n=%d, alignment %d, kind %d: result %g, want %g", n, align, kind, a, b)
	}
	for k := range got {
		if err := sameFloats(got[k], want[k]); err != nil {
			t.Fatalf("n=%d, alignment %d, kind %d: slice %d: %v", n, align, kind, k, err)
		}
		fences[k](t)
	}
}

// TestVecBounds hands over second slices that are too short: a panic, not a read beyond.
func TestVecBounds(t *testing.T) {
	for _, v := range kernels.Vecs() {
		for _, op := range vecOps {
			if op.slices < 2 {
				continue
			}
			s := [][]float32{make([]float32, 40), make([]float32, 20), make([]float32, 20), make([]float32, 20)}
			if op.wide {
				s[0], s[2] = make([]float32, 39), s[2][:20]
			}
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("%s: %s goes beyond a slice", v.ISA, op.name)
					}
				}()
				op.do(v, s)
			}()
		}
	}
}

// TestVecAllocates nothing.
func TestVecAllocates(t *testing.T) {
	for _, v := range kernels.Vecs() {
		for _, op := range vecOps {
			s := [][]float32{make([]float32, 40), make([]float32, 20), make([]float32, 20), make([]float32, 20)}
			if !op.wide {
				s[0] = s[0][:20]
			}
			if n := testing.AllocsPerRun(10, func() { op.do(v, s) }); n != 0 {
				t.Errorf("%s: %s allocates %v times", v.ISA, op.name, n)
			}
		}
	}
}

// TestVecs: a table takes the operations of the instruction set that was selected.
func TestVecs(t *testing.T) {
	for _, want := range kernels.Vecs() {
		table, err := kernels.Default().SelectISA(want.ISA)
		if err != nil {
			t.Fatal(err)
		}
		if got := table.Vec(); got.ISA != want.ISA {
			t.Errorf("%s selected, vectors by %s", want.ISA, got.ISA)
		}
	}
	if got, want := kernels.Default().Vec().ISA, kernels.Vecs()[0].ISA; got != want {
		t.Errorf("vectors by %s, the best is %s", got, want)
	}
}

// TestVecHash pins the bits of portable Go, so that a compiler that fuses operations shows on any
// architecture.
func TestVecHash(t *testing.T) {
	h := fnv.New64a()
	for _, op := range vecOps {
		var s [][]float32
		for k := range op.slices {
			x := make([]float32, 1003)
			if op.wide && k == 0 {
				x = make([]float32, 2006)
			}
			vecInput(x, uint64(k+1), 0)
			s = append(s, x)
		}
		binary.Write(h, binary.LittleEndian, op.do(&cpu.VecGeneric, s))
		for _, x := range s {
			binary.Write(h, binary.LittleEndian, x)
		}
	}
	if got := h.Sum64(); got != vecHash {
		t.Errorf("got %#x, want %#x", got, vecHash)
	}
}

const vecHash uint64 = 0xc25326b9460fb0ec
