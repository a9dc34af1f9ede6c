package cuda

import (
	"io/fs"
	"strings"

	"github.com/kvgen/kvgen/kernels/cuda"
	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/templates"
)

// Text finds the struct of a type or transform by its file: type-NAME.cuh, transform-NAME.cuh. It
// is how a type that was compiled at run time joins those of the table.
type Text func(file string) (text string, ok bool)

// Generated is the Text of the table.
func Generated(file string) (string, bool) {
	text, err := fs.ReadFile(cuda.Files, file)
	return string(text), err == nil
}

// NewDialect is CUDA's device text: frames, and the structs that text finds.
func NewDialect(text Text) *gpu.Dialect {
	return &gpu.Dialect{Kernels: ".cu", Header: ".cuh", TypeName: cuda.TypeName, TransformName: cuda.TransformName,
		Text: func(file string) (string, bool) {
			if strings.Contains(file, "-") { // no frame has one in its name
				return text(file)
			}
			if frame, err := fs.ReadFile(templates.CUDA, "cuda/"+file); err == nil {
				return string(frame), true
			}
			return Generated(file) // the arguments of kernels
		}}
}

// Dialect is CUDA's device text, with what the compiler knows of types.
func (d *Device) Dialect() *gpu.Dialect {
	if d.Compiler.Text != nil {
		return NewDialect(d.Compiler.Text)
	}
	return NewDialect(Generated)
}
