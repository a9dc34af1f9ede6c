package cpu

import (
	"testing"

	"github.com/kvgen/kvgen/kernels"
)

func BenchmarkExpSum(b *testing.B) {
	x := make([]float32, 256)
	b.SetBytes(4 * 256)
	for b.Loop() {
		for i := range x {
			x[i] = -float32(i) * .1
		}
		ExpSum(x, 1, 0)
	}
}

func BenchmarkSiLUMul(b *testing.B) {
	gate, up := make([]float32, 1536), make([]float32, 1536)
	b.SetBytes(4 * 1536)
	for b.Loop() {
		for i := range gate {
			gate[i], up[i] = float32(i%7)-3, 1
		}
		NewVec(kernels.Default()).SiLUMul(gate, up)
	}
}

func BenchmarkRMSNorm(b *testing.B) {
	x, w := make([]float32, 576), make([]float32, 576)
	b.SetBytes(4 * 576)
	for b.Loop() {
		NewVec(kernels.Default()).RMSNorm(x, x, w, 1e-5)
	}
}
