package kernels_test

import (
	"testing"

	"github.com/kvgen/kvgen/kernels"
)

func TestMatmul(t *testing.T) {
	conforms(t, "Matmul", func(i *kernels.Impl) bool { return i.Matmul != nil })
}

func TestMatmulQ8(t *testing.T) {
	conforms(t, "MatmulQ8", func(i *kernels.Impl) bool { return i.MatmulQ8 != nil })
}
