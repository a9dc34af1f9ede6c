package cuda

import (
	"github.com/kvgen/kvgen/gen/spec"
)

// encode writes the encoder of one block for a warp: a statement of the spec is a loop in which each lane takes every 32nd value,
// vectors lie in shared memory, and a reduction is read by every lane from the first value to the last, since its order is part of
// the type. The file is compiled without fusion of products and sums.
func (s *typeText) encode() {
	t := s.t
	f := s.function()
	body := &text{depth: s.depth + 1}
	f.text = body
	f.vars["x"] = variable{name: "x", array: true, group: 1}
	read := t.Stored()
	for _, a := range t.Encode {
		if read[a.Name] {
			f.assign(a)
		}
	}
	for _, fd := range t.Fields {
		if v, ok := f.vars[fd.Name]; ok {
			f.line("if (lane == 0) put_bits<%d>(b, %d, %s(%s));", 8*fd.Bytes, 8*fd.Offset, "to_"+kinds[fd.Kind], v.name)
		}
	}
	for _, c := range t.Codes {
		if v, ok := f.vars[c.Name]; ok {
			f.storeCode(c, v.at())
		}
	}
	s.line("")
	s.line("// The encoder: x[block] into the zeroed words of a block, by the lanes of a warp. All three are in shared memory; scratch has")
	s.line("// room for arrays*block floats.")
	s.line("static constexpr int arrays = %d;", f.arrays)
	s.open("static __device__ void encode(unsigned* b, const float* x, float* scratch, int lane)")
	s.WriteString(body.String())
	s.line("warp_sync();")
	s.end("}")
}

// kinds is the suffix of the functions that convert to and from a field.
var kinds = [...]string{spec.F16: "f16", spec.BF16: "bf16", spec.F32: "f32", spec.E8M0: "e8m0"}

// array declares a vector of the block in shared memory.
func (f *function) array(name string, kind spec.Kind, group int) variable {
	name = fresh(f.used, name)
	c := cType(kind)
	if kind == spec.Bool {
		c = "int"
	}
	f.line("%s* %s = (%s*)(scratch + %d * block);", c, name, c, f.arrays)
	f.arrays++
	return variable{name: name, array: true, group: group}
}

// fill writes the loop that computes a vector.
func (f *function) fill(v variable, e spec.Expr) {
	x := f.value(e)
	f.line("for (int i = lane; i < block; i += 32) %s = %s;", v.at(), x)
	f.line("warp_sync();")
}

// assign writes one statement: a scalar that every lane computes, or a vector.
func (f *function) assign(a *spec.Assign) {
	if call, ok := a.X.(*spec.Call); ok {
		switch {
		case call.Fn == "transform" || call.Fn == "inverse":
			f.vars[a.Name] = f.transform(call, a.Name)
			return
		case isReduction(call):
			f.vars[a.Name] = f.reduction(call, a.Name)
			return
		}
	}
	kind, shape := a.X.Type()
	if shape == spec.Const || shape == spec.Scalar {
		x := f.value(a.X)
		v := variable{name: fresh(f.used, a.Name)}
		f.line("const %s %s = %s;", cType(kind), v.name, x)
		f.vars[a.Name] = v
		return
	}
	x := f.value(a.X) // before the array, so that what it needs comes first
	v := f.array(a.Name, kind, 1)
	f.line("for (int i = lane; i < block; i += 32) %s = %s;", v.at(), x)
	f.line("warp_sync();")
	f.vars[a.Name] = v
}

func isReduction(c *spec.Call) bool {
	switch c.Fn {
	case "sum", "absmax", "extremum":
		return true
	case "min", "max":
		return len(c.Args) == 1 || c.Group != 0
	}
	return false
}

// vector is e as an array: its own where it is one, else a new one.
func (f *function) vector(e spec.Expr) variable {
	if ref, ok := e.(*spec.Ref); ok {
		if v := f.vars[ref.Name]; v.array && v.group <= 1 {
			return v
		}
	}
	x := f.value(e)
	v := f.array("values", spec.Float, 1)
	f.line("for (int i = lane; i < block; i += 32) %s = %s;", v.at(), x)
	f.line("warp_sync();")
	return v
}

// transform writes the transform of a copy of its argument.
func (f *function) transform(e *spec.Call, name string) variable {
	if name == "" {
		name = e.Transform.Name
	}
	x := f.value(e.Args[0])
	v := f.array(name, spec.Float, 1)
	f.line("for (int i = lane; i < block; i += 32) %s = %s;", v.at(), x)
	f.line("warp_sync();")
	direction := "forward"
	if e.Fn == "inverse" {
		direction = "inverse"
	}
	f.line("%s::%s(%s, block, lane);", transformName(e.Transform), direction, v.name)
	return v
}

// folds say where a reduction starts and how a value joins it.
var folds = map[string]struct{ start, step string }{
	"sum":      {"0.0f", "%[1]s += %[2]s"},
	"min":      {"3.4028235e+38f", "%[1]s = lesser(%[2]s, %[1]s)"},
	"max":      {"-3.4028235e+38f", "%[1]s = greater(%[2]s, %[1]s)"},
	"absmax":   {"0.0f", "%[1]s = greater(magnitude(%[2]s), %[1]s)"},
	"extremum": {"0.0f", "%[1]s = farther(%[2]s, %[1]s)"},
}

// reduction writes the loop of a reduction over the block, or over each run of values.
func (f *function) reduction(e *spec.Call, name string) variable {
	if name == "" {
		name = e.Fn
	}
	x := f.vector(e.Args[0])
	fold := folds[e.Fn]
	if e.Group == 0 || e.Group == f.types.t.Block {
		v := variable{name: fresh(f.used, name)}
		f.line("float %s = %s;", v.name, fold.start)
		f.line("for (int i = 0; i < block; i++) "+fold.step+";", v.name, x.at())
		return v
	}
	v := f.array(name, spec.Float, e.Group)
	f.open("for (int k = lane; k < block / %d; k += 32)", e.Group)
	f.line("float result = %s;", fold.start)
	f.line("for (int i = %[3]d * k; i < %[3]d * (k + 1); i++) "+fold.step+";", "result", x.at(), e.Group)
	f.line("%s[k] = result;", v.name)
	f.end("}")
	f.line("warp_sync();")
	return v
}
