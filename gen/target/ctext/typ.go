package ctext

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kvgen/kvgen/gen/lower"
	"github.com/kvgen/kvgen/gen/spec"
	"github.com/kvgen/kvgen/gen/target"
)

// typeText is the struct of one type being written, and the tables that go in front of it.
type typeText struct {
	*text
	t      *spec.Type
	id     string // at the end of the names of tables
	tables text
	names  map[string]string // of tables, by what they hold
}

// function starts the body of a function, whose locals hide neither the tables nor the codes of
// the type.
func (s *typeText) function() *function {
	f := &function{text: s.text, types: s, used: map[string]bool{}, vars: map[string]variable{}}
	bases := []string{"levels", "thresholds", "place", "index", "bytes", "put_bit"}
	for _, word := range strings.Fields(s.Taken) {
		f.used[word] = true
	}
	for _, c := range s.t.Codes {
		f.used["code_"+c.Name] = true
		bases = append(bases, c.Name+"_bit", "code_"+c.Name+"_bit")
	}
	for _, base := range bases {
		f.used[base+"_"+s.id] = true
		for k := 2; k < 10; k++ {
			f.used[fmt.Sprintf("%s%d_%s", base, k, s.id)] = true
		}
	}
	for _, name := range transforms(s.t) {
		f.used["Transform_"+name] = true
	}
	return f
}

// table declares a table in front of the struct, or finds the one with the same content, and
// returns its name.
func (s *typeText) table(base, kind string, n int, value func(k int) string) string {
	var content strings.Builder
	content.WriteString(kind)
	for k := range n {
		content.WriteString(" " + value(k))
	}
	if name, ok := s.names[content.String()]; ok {
		return name
	}
	name := base + "_" + s.id
	for k, all := 2, slices.Collect(maps.Values(s.names)); slices.Contains(all, name); k++ {
		name = fmt.Sprintf("%s%d_%s", base, k, s.id)
	}
	s.names[content.String()] = name
	s.tables.list(fmt.Sprintf("%s %s %s[%d]", s.Table, kind, name, n), n, 16, value)
	s.tables.line("")
	return name
}

// Type is the struct of one type.
func (d Target) Type(t *spec.Type) []byte {
	s := &typeText{text: &text{Dialect: d.Dialect, depth: 1}, t: t, id: target.Ident(t.Name), names: map[string]string{}}
	s.body()
	out := &text{Dialect: d.Dialect}
	out.line("%s", target.Header(t.File))
	out.line("")
	for _, name := range transforms(t) {
		out.line(out.Include, "transform-"+name+out.Suffix)
		out.line("")
	}
	out.WriteString(s.tables.String())
	out.line("// %s: %s.", t.Name, t.Summary)
	out.line("struct Type_%s {", t.Name) // a name that no frame of a kernel uses for something else
	out.WriteString(s.text.String())
	out.line("};")
	return []byte(out.String())
}

// transforms names those that reading and writing a type take, sorted.
func transforms(t *spec.Type) []string {
	used := map[string]bool{}
	note := func(e spec.Expr) {
		if c, ok := e.(*spec.Call); ok && c.Transform != nil {
			used[c.Transform.Name] = true
		}
	}
	if t.Domain != nil {
		used[t.Domain.Name] = true
	}
	spec.Walk(t.Value, note)
	for _, a := range t.Encode {
		spec.Walk(a.X, note)
	}
	return slices.Sorted(maps.Keys(used))
}

func (s *typeText) body() {
	t := s.t
	s.line(s.Constant+" int block = %d, bytes = %d; // of a block: values, bytes", t.Block, t.Bytes)
	p, why := lower.Split(t)
	if why == "" && (p.Run%32 != 0 && p.Run != 16 || p.Code.Bits > 8 || p.Code.Bits > 6 && !p.Exact) {
		why = fmt.Sprintf("codes of %d bits with scales for %d values", p.Code.Bits, p.Run)
	}
	if why == "" && p.Rounds {
		why = "levels that are no multiples of one number"
	}
	if why == "" && t.Whole() {
		why = "a value needs the whole block"
	}
	weights := why == ""
	if why == "" && p.Run%32 != 0 {
		why = fmt.Sprintf("codes of %d bits with scales for %d values", p.Code.Bits, p.Run)
	}
	codes := why == ""
	s.line(s.Constant+" bool codes = %t; // rows of the cache are kept as codes and scales", codes)
	s.line(s.Constant+" bool weight_codes = %t; // and so are rows of weights", weights)
	if weights {
		s.line(s.Constant+" int bits = %d, run = %d; // of a code; values that share a scale", p.Code.Bits, p.Run)
	}
	if !codes {
		s.line(s.Constant+" Element element = %s; // what rows are kept as otherwise, since %s", s.element(), s.because(why))
	}
	for _, c := range t.Codes {
		s.function().readCode(c, "code_"+c.Name)
	}
	if t.Whole() {
		s.line("")
		s.line("// One value needs the whole block, which no kernel computes; a program that asks for it does not compile.")
		head, size := s.nobody()
		if s.Reader != "" {
			head, size = s.Reader, "sizeof("+s.Block+")"
		}
		s.open("%s float value(%s, int)", head, s.Block)
		s.line("static_assert(%s == 0, \"%s: a value that is a transform or a sum over the block cannot be read on a GPU\");", size, t.Name)
		s.line("return 0;")
		s.end("}")
	} else {
		s.read("float value", "Value i of a block, in the domain in which it is stored.", t.Value)
	}
	if weights {
		s.parts(&p)
		s.weights(&p)
	}
	if t.KV && t.Encode != nil && t.Block > 1 { // weights are packed on the processor
		s.encode()
	}
	s.line("")
	domain := "Identity"
	if t.Domain != nil {
		domain = transformName(t.Domain)
	}
	s.line("using Domain = %s; // what is stored is transformed by it", domain)
}

// element is the kind of number that rows of a type without codes are kept as.
func (s *typeText) element() string {
	if ref, ok := s.t.Value.(*spec.Ref); ok && s.t.Block == 1 && ref.Field != nil {
		return map[spec.FieldKind]string{spec.F16: "Element::f16", spec.BF16: "Element::bf16"}[ref.Field.Kind] + ifOther(ref.Field.Kind)
	}
	return "Element::f32"
}

func ifOther(k spec.FieldKind) string {
	if k == spec.F16 || k == spec.BF16 {
		return ""
	}
	return "Element::f32"
}

func (s *typeText) because(why string) string {
	if s.t.Block == 1 {
		return "a block is one number"
	}
	return why
}

// parts writes scale, least and level: what codes are kept with, and what they stand for.
func (s *typeText) parts(p *lower.Product) {
	s.line("")
	s.line(s.Constant+" bool has_least = %t, half_scale = %t; // value = scale*level + least; scales keep all their bits in f16", p.Min != nil, isHalf(p.Scale) && isHalf(p.Min))
	s.read("float scale", "The scale of value i.", orConstant(p.Scale, 1))
	s.read("float least", "What is added to value i.", orConstant(p.Min, 0))
	s.line("")
	if p.Made != nil {
		s.made(p)
	} else {
		s.line("%s int code(%s b, int i) { return code_%s(b, i) & %d; }", s.reader(), s.Block, p.Code.Name, 1<<p.Code.Bits-1)
	}
	s.keep(p)
	bytes := byteBook(p)
	if p.Code.Bits > 6 {
		rows := bytes.Rows[0]
		table := s.table("bytes", "signed char", len(rows), func(k int) string { return fmt.Sprint(rows[k]) })
		s.line("%s int level(int code) { return %s[code]; }", s.Function, table)
		if s.Levels == nil {
			return
		}
		s.line("%s int exact_terms = 1, exact_coarse = 1, fast_terms = 1, fast_coarse = 1;", s.Constant)
		s.line(s.Constant+" float exact_unit = %s, fast_unit = %[1]s;", number(bytes.Unit))
		return
	}
	if s.Levels == nil {
		return
	}
	s.line("")
	s.line("// The levels of four codes, as bytes of words: unit * (the sum of the coarse terms + the sum of the others / fine_levels). low")
	s.line("// holds the lower four bits of the codes as nibbles, inverse is ~low, high holds the others.")
	exact := exactBook(p)
	exact.Sums, bytes.Sums = !s.t.KV, !s.t.KV
	s.lookup("exact", exact)
	s.lookup("fast", bytes)
}

// made writes the code of a level that none of the block's selects: its place among the levels.
func (s *typeText) made(p *lower.Product) {
	least := int(p.Levels[0])
	table := s.table("place", "signed char", int(p.Levels[p.Known-1])-least+1, func(k int) string {
		place, _ := slices.BinarySearch(p.Levels[:p.Known], float32(least+k))
		return fmt.Sprint(place)
	})
	s.read("float made", "The level of value i.", p.Made)
	s.line("%s int code(%s b, int i) { return %s[(int)made(b, i) - (%d)]; }", s.reader(), s.Block, table, least)
}

// read writes a function, given by its type and name, that evaluates e for value i of a packed
// block.
func (s *typeText) read(name, doc string, e spec.Expr) {
	f := s.function()
	s.line("")
	s.line("// %s", doc)
	s.open("%s %s(%s b, int i)", s.reader(), name, s.Block)
	used := spec.Names(e)
	for _, fd := range s.t.Fields {
		if used[fd.Name] {
			v := variable{name: fresh(f.used, fd.Name)}
			f.vars[fd.Name] = v
			kind := kinds[fd.Kind]
			s.line("const float %s = from_%s(read_bytes<%d>(b + %d));", v.name, kind, fd.Bytes, fd.Offset)
		}
	}
	for _, c := range s.t.Codes {
		f.vars[c.Name] = variable{name: "code_" + c.Name, call: true}
	}
	s.line("return %s;", f.value(e).text)
	s.end("}")
}

// isHalf reports whether e is a field stored as f16, or nothing.
func isHalf(e spec.Expr) bool {
	if e == nil {
		return true
	}
	ref, ok := e.(*spec.Ref)
	return ok && ref.Field != nil && ref.Field.Kind == spec.F16
}

func orConstant(e spec.Expr, c float32) spec.Expr {
	if e != nil {
		return e
	}
	return &spec.Num{Node: spec.Node{Kind: spec.Float, Shape: spec.Const, Same: 1}, F: c}
}
