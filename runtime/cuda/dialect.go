package cuda

import (
	"github.com/kvgen/kvgen/kernels/cuda"
	"github.com/kvgen/kvgen/runtime/gpu"
)

// NewDialect is CUDA's device text; more finds the structs of types and transforms that are not
// those of the table, nil for none.
func NewDialect(more gpu.Text) *gpu.Dialect {
	return gpu.NewDialect(name, ".cu", ".cuh", cuda.Files, more)
}

// Dialect is CUDA's device text, with what the device was opened with.
func (d *Device) Dialect() *gpu.Dialect { return NewDialect(d.more) }
