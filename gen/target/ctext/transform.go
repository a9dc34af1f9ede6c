package ctext

import (
	"fmt"

	"github.com/kvgen/kvgen/gen/spec"
	"github.com/kvgen/kvgen/gen/target"
)

// transformName is the name of a transform's struct; the packages of generated texts have it too.
func transformName(t *spec.Transform) string { return "Transform_" + t.Name }

// Transform is the struct of one transform: both directions, in place, on n values in shared
// memory by the lanes of a warp.
func (d Target) Transform(t *spec.Transform) []byte {
	id := transformName(t)
	f := &text{Dialect: d.Dialect}
	f.line("%s", target.Header(t.File))
	f.line("")
	f.line("%s", f.Once)
	f.line("")
	f.line("// Every %d values: y = right * H/sqrt(%[1]d) * left * x, and back. In shared memory, n values; in registers as wht has them.", t.Size)
	f.open("struct %s", id)
	f.line("%s int size = %d;", f.Constant, t.Size)
	left, right := signs(f, "Left", t.Left), signs(f, "Right", t.Right)
	norm := number(t.Norm)
	directions := []struct{ name, before, after string }{{"forward", left, right}, {"inverse", right, left}}
	for _, x := range directions {
		f.line("%s void %s(%s x, int n, int lane) { wht<%d, %s, %s>(x, n, %s, lane); }", f.Function, x.name, f.Shared, t.Size, x.before, x.after, norm)
	}
	for _, x := range directions {
		f.line("template <int held> %s void %s(%sfloat (&v)[held], int lane) { wht<%d, %s, %s>(v, %s, lane); }", f.Inline, x.name, f.Held, t.Size, x.before, x.after, norm)
	}
	f.end("};")
	return []byte(f.String())
}

// signs declares a diagonal of ±1 as a struct with its bits, 1 for -1, and returns its name. They
// are numbers of instructions and not a table, which a kernel would wait for.
func signs(f *text, name string, s []float32) string {
	if s == nil {
		return "NoSigns"
	}
	words := make([]uint32, (len(s)+31)/32)
	for i, v := range s {
		if v < 0 {
			words[i/32] |= 1 << (i % 32)
		}
	}
	f.open("struct %s", name)
	f.open("%s unsigned word(int k)", f.Inline)
	f.list(fmt.Sprintf("constexpr unsigned all[%d]", len(words)), len(words), 8, func(k int) string { return fmt.Sprintf("0x%08xu", words[k]) })
	f.line("return all[k];")
	f.end("}")
	f.end("};")
	return name
}
