package cuda

import (
	"fmt"
	"strings"

	"github.com/kvgen/kvgen/gen/spec"
)

// encode writes the encoder of one block for a warp. Vectors lie in registers, value 32k + lane in element k, and so do tables; a
// statement of the spec is a loop over the elements. A sum is added by every lane from the first value to the last, through shared
// memory, since its order is part of the type: that is what takes the time, so sums that do not depend on one another are added
// beside each other. The file is compiled without fusion of products and sums. What it calls is in templates/cuda/encoder.cuh.
func (s *typeText) encode() {
	t := s.t
	f := s.function()
	f.warp = true
	body := &text{depth: s.depth + 1}
	f.text = body
	f.each("own", "float", "x[held_at<block>(k, lane)]")
	f.vars["x"] = variable{name: "own", array: true, group: 1}
	read := t.Stored()
	for i := 0; i < len(t.Encode); i++ {
		if !read[t.Encode[i].Name] {
			continue
		}
		if i+1 < len(t.Encode) && read[t.Encode[i+1].Name] && s.beside(t.Encode[i], t.Encode[i+1]) {
			f.sums(t.Encode[i : i+2]...)
			i++
			continue
		}
		f.assign(t.Encode[i])
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
	s.heldTables(f)
	s.line("")
	s.line("// The encoder: x[block] into the zeroed words of a block, by the lanes of a warp. All three are in shared memory; scratch has")
	s.line("// room for arrays*block floats.")
	s.line("static constexpr int arrays = %d;", f.arrays)
	s.open("static __device__ __forceinline__ void encode(unsigned* b, const float* x, float* scratch, const Tables& tables, int lane)")
	s.WriteString(body.String())
	s.line("warp_sync();")
	s.end("}")
}

// heldTables writes the tables that the encoder looks things up in.
func (s *typeText) heldTables(f *function) {
	s.line("")
	s.line("// What the encoder looks up. It never changes, so that a kernel may read it before it waits for others.")
	s.open("struct Tables")
	for _, h := range f.held {
		s.line("float %s[held_of(%d)];", h.name, h.n)
	}
	s.open("__device__ __forceinline__ explicit Tables(int lane)")
	for _, h := range f.held {
		s.line("for (int k = 0; k < held_of(%d); k++) %s[k] = %s[held_at<%[1]d>(k, lane)];", h.n, h.name, h.table)
	}
	s.end("}")
	s.end("};")
}

// heldTable is a table of floats in the registers of a warp.
type heldTable struct {
	name, table string
	n           int
}

// holds is the name by which the encoder finds a table.
func (f *function) holds(table string, n int) string {
	for _, h := range f.held {
		if h.table == table {
			return "tables." + h.name
		}
	}
	name, _, _ := strings.Cut(table, "_")
	f.held = append(f.held, heldTable{name, table, n})
	return "tables." + name
}

// kinds is the suffix of the functions that convert to and from a field.
var kinds = [...]string{spec.F16: "f16", spec.BF16: "bf16", spec.F32: "f32", spec.E8M0: "e8m0"}

// each writes the loop that computes a vector of a C type, called as given, from x for element k, and perhaps value i.
func (f *function) each(name, c, x string) {
	f.line("%s %s[held_of(block)];", c, name)
	f.line("#pragma unroll")
	f.line("for (int k = 0; k < held_of(block); k++) %s", f.element(name+"[k] = "+x+";"))
}

// element is a statement about element k, which may speak of value i.
func (f *function) element(statement string) string {
	if mentions(statement, "i") {
		return "{ const int i = held_at<block>(k, lane); " + statement + " }"
	}
	return statement
}

// mentions reports whether a text has a name as a word.
func mentions(text, name string) bool {
	for at := 0; ; {
		k := strings.Index(text[at:], name)
		if k < 0 {
			return false
		}
		k += at
		at = k + len(name)
		if (k == 0 || !wordByte(text[k-1])) && (at == len(text) || !wordByte(text[at])) {
			return true
		}
	}
}

func wordByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// array declares a vector of floats in shared memory, or count of them.
func (f *function) array(name string, count int) string {
	name = fresh(f.used, name)
	f.line("float* %s = scratch + %d * block;", name, f.arrays)
	f.arrays += count
	return name
}

// vector writes a vector and returns it as a variable.
func (f *function) vector(name string, kind spec.Kind, x string) variable {
	c := cType(kind)
	if kind == spec.Bool {
		c = "int"
	}
	v := variable{name: fresh(f.used, name), array: true, group: 1}
	f.each(v.name, c, x)
	return v
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
	x := f.value(a.X) // before the vector, so that what it needs comes first
	for _, v := range f.found {
		if v.at() == x {
			f.vars[a.Name] = v
			return
		}
	}
	f.vars[a.Name] = f.vector(a.Name, kind, x)
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

// transform writes the transform of a copy of its argument.
func (f *function) transform(e *spec.Call, name string) variable {
	if name == "" {
		name = e.Transform.Name
	}
	v := f.vector(name, spec.Float, f.value(e.Args[0]))
	direction := "forward"
	if e.Fn == "inverse" {
		direction = "inverse"
	}
	f.line("%s::%s(%s, lane);", transformName(e.Transform), direction, v.name)
	return v
}

// folds say where a reduction starts and how value v joins what there is so far.
var folds = map[string]struct{ start, join string }{
	"sum":      {"0.0f", "so_far + v"},
	"min":      {"3.4028235e+38f", "lesser(v, so_far)"},
	"max":      {"-3.4028235e+38f", "greater(v, so_far)"},
	"absmax":   {"0.0f", "greater(v, so_far)"}, // of magnitudes
	"extremum": {"0.0f", "farther(v, so_far)"},
}

// wholeSum reports whether e is a sum over the block.
func (s *typeText) wholeSum(e spec.Expr) (*spec.Call, bool) {
	c, ok := e.(*spec.Call)
	return c, ok && c.Fn == "sum" && (c.Group == 0 || c.Group == s.t.Block)
}

// beside reports whether two statements are sums over the block of which the second does without the first.
func (s *typeText) beside(a, b *spec.Assign) bool {
	_, first := s.wholeSum(a.X)
	_, second := s.wholeSum(b.X)
	return first && second && !spec.Names(b.X)[a.Name]
}

// sums writes statements that are sums over the block, added beside each other.
func (f *function) sums(all ...*spec.Assign) {
	var terms, names []string
	for _, a := range all {
		terms, names = append(terms, f.value(a.X.(*spec.Call).Args[0])), append(names, fresh(f.used, a.Name))
	}
	addends := f.array("addends", len(terms))
	for n, x := range terms {
		at := addends
		if n > 0 {
			at = fmt.Sprintf("%s + %d * block", addends, n)
		}
		f.line("#pragma unroll")
		f.line("for (int k = 0; k < held_of(block); k++) %s", f.element(fmt.Sprintf("put_addend<block>(%s, k, lane, %s);", at, x)))
	}
	sums := fresh(f.used, "sums")
	f.line("float %s[%d];", sums, len(terms))
	f.line("sum_in_order<block>(%s, %s, lane);", addends, sums)
	for n, a := range all {
		f.vars[a.Name] = variable{name: names[n]}
		f.line("const float %s = %s[%d];", names[n], sums, n)
	}
}

// reduction writes a reduction over the block, or the loop of one over each run of values.
func (f *function) reduction(e *spec.Call, name string) variable {
	if name == "" {
		name = e.Fn
	}
	fold := folds[e.Fn]
	if e.Group == 0 || e.Group == f.types.t.Block {
		if e.Fn == "sum" {
			f.sums(&spec.Assign{Name: name, X: e})
			return f.vars[name]
		}
		x := f.value(e.Args[0])
		if e.Fn == "absmax" {
			x = "magnitude(" + x + ")"
		}
		values := f.vector("values", spec.Float, x)
		v := variable{name: fresh(f.used, name)}
		f.line("const float %s = fold_in_order<block>(%s, %s, lane, [](float v, float so_far) { return %s; });", v.name, values.name, fold.start, fold.join)
		return v
	}
	x := f.value(e.Args[0])
	if e.Fn == "absmax" {
		x = "magnitude(" + x + ")"
	}
	values, v := f.array("values", 1), variable{name: f.array(name, 1), array: true, group: e.Group}
	f.line("#pragma unroll")
	f.line("for (int k = 0; k < held_of(block); k++) %s", f.element(fmt.Sprintf("put_addend<block>(%s, k, lane, %s);", values, x)))
	f.line("warp_sync();")
	f.open("for (int n = lane; n < block / %d; n += 32)", e.Group)
	f.line("float so_far = %s;", fold.start)
	f.open("for (int m = %[1]d * n; m < %[1]d * (n + 1); m++)", e.Group)
	f.line("const float v = %s[m];", values)
	f.line("so_far = %s;", fold.join)
	f.end("}")
	f.line("%s[n] = so_far;", v.name)
	f.end("}")
	f.line("warp_sync();")
	return v
}
