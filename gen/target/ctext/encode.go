package ctext

import (
	"strings"

	"github.com/kvgen/kvgen/gen/spec"
)

// encode writes the encoder of one block for a warp. Vectors lie in registers, value Lanes*k + lane
// in element k, and so do tables; a statement of the spec is a loop over the elements. A sum is
// added by every lane from the first value to the last, through shared memory, since its order is
// part of the type. That is what takes the time, so sums that do not depend on one another are
// added beside each other. The file is compiled without fusion of products and sums. What it calls
// is in the frames.
func (s *typeText) encode() {
	t := s.t
	f := s.function()
	f.warp = true
	body := &text{Dialect: s.Dialect, depth: s.depth + 1}
	f.text = body
	f.each("own", "float", term{text: "x[held_at<block>(k, lane)]"})
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
			f.storeCode(c, v.at().text)
		}
	}
	s.heldTables(f)
	s.line("")
	s.line("// The encoder: x[block] into the zeroed words of a block, by the lanes of a warp. All three are in shared memory; scratch has")
	s.line("// room for arrays*block floats.")
	s.line(s.Constant+" int arrays = %d;", f.arrays)
	s.open("%s void encode(%s b, %s x, %s scratch, %sconst Tables& tables, int lane)", s.Inline, s.Words, s.Given, s.Shared, s.Held)
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
	s.open("%s Tables(int lane)", s.Init)
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

// each writes the loop that computes a vector of a C type, called as given, from x for element k,
// and perhaps value i.
func (f *function) each(name, c string, x term) {
	f.line("%s %s[held_of(block)];", c, name)
	f.overElements(termOf("%s[k] = %s;", name, x))
}

// overElements writes the loop of a statement about element k.
func (f *function) overElements(statement term) {
	if statement.index {
		statement.text = "{ const int i = held_at<block>(k, lane); " + statement.text + " }"
	}
	f.unrolled(statement.text)
}

// array declares a vector of floats in shared memory, or count of them.
func (f *function) array(name string, count int) string {
	name = fresh(f.used, name)
	f.line("%s %s = scratch + %d * block;", f.Shared, name, f.arrays)
	f.arrays += count
	return name
}

// vector writes a vector and returns it as a variable.
func (f *function) vector(name string, kind spec.Kind, x term) variable {
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
		case call.Reduces():
			f.vars[a.Name] = f.reduction(call, a.Name)
			return
		}
	}
	kind, shape := a.X.Type()
	if shape == spec.Const || shape == spec.Scalar {
		x := f.value(a.X)
		v := variable{name: fresh(f.used, a.Name)}
		f.line("const %s %s = %s;", cType(kind), v.name, x.text)
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
