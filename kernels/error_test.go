package kernels_test

import (
	"math/rand/v2"
	"testing"

	"github.com/kvgen/kvgen/kernels"
)

// TestErrors holds encoders that search for scales, and give other bytes than ggml's, to the error
// of ggml's: what is lost of N(0,1) noise, over its power, measured of ggml-quants.c of llama.cpp
// (llama-cpp-python 0.3.36) without an importance matrix.
func TestErrors(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	x := make([]float32, 256*512)
	power := 0.0
	for i := range x {
		x[i] = float32(random.NormFloat64())
		power += float64(x[i]) * float64(x[i])
	}
	ran := 0
	for name, ggml := range map[string]float64{"q2_K": .08795, "q3_K": .02276, "q4_K": .005090, "q5_K": .001304, "q6_K": .000314, "iq4_xs": .005890} {
		typ := kernels.Default().ByName(name)
		if typ == nil { // as in a copy of the project with other types
			continue
		}
		ran++
		packed, y := make([]byte, typ.RowBytes(len(x))), make([]float32, len(x))
		typ.Best().Encode(packed, x)
		typ.Best().Decode(y, packed)
		lost := 0.0
		for i := range x {
			d := float64(x[i] - y[i])
			lost += d * d
		}
		if lost /= power; lost > 1.03*ggml {
			t.Errorf("%s: %.4g of the power is lost, and ggml loses %.4g", name, lost, ggml)
		}
	}
	if ran == 0 {
		t.Skip("no type of this spec has such an encoder")
	}
}
