package cuda

import (
	"fmt"

	"github.com/kvgen/kvgen/gen/spec"
	"github.com/kvgen/kvgen/gen/target"
)

// transformName is the name of a transform's struct; kernels/cuda has it too.
func transformName(t *spec.Transform) string { return "Transform_" + t.Name }

// TransformText is the struct of one transform: both directions, in place, on n values in shared memory by the lanes of a warp.
func TransformText(t *spec.Transform) []byte {
	id := transformName(t)
	f := &text{}
	f.line("%s", target.Header(t.File))
	f.line("")
	f.line("#pragma once")
	f.line("")
	left, right := "0", "0"
	if t.Left != nil {
		left = signs(f, "left_"+target.Ident(t.Name), t.Left)
	}
	if t.Right != nil {
		right = signs(f, "right_"+target.Ident(t.Name), t.Right)
	}
	f.line("// Every %d values: y = right * H/sqrt(%[1]d) * left * x, and back.", t.Size)
	f.open("struct %s", id)
	f.line("static constexpr int size = %d;", t.Size)
	f.line("static __device__ void forward(float* x, int n, int lane) { wht<%d>(x, n, %s, %s, %s, lane); }", t.Size, number(t.Norm), left, right)
	f.line("static __device__ void inverse(float* x, int n, int lane) { wht<%d>(x, n, %s, %s, %s, lane); }", t.Size, number(t.Norm), right, left)
	f.end("};")
	return []byte(f.String())
}

// signs declares a diagonal of ±1 as bits, 1 for -1.
func signs(f *text, name string, s []float32) string {
	words := make([]uint32, (len(s)+31)/32)
	for i, v := range s {
		if v < 0 {
			words[i/32] |= 1 << (i % 32)
		}
	}
	f.list(fmt.Sprintf("static __device__ const unsigned %s[%d]", name, len(words)), len(words), 8, func(k int) string {
		return fmt.Sprintf("0x%08xu", words[k])
	})
	return name
}
