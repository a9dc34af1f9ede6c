package portable

import (
	"github.com/dave/jennifer/jen"

	"github.com/kvgen/kvgen/gen/spec"
	"github.com/kvgen/kvgen/gen/target"
	"github.com/kvgen/kvgen/gen/target/internal/bits"
)

// fieldKinds is the suffix of the functions that load and store a field.
var fieldKinds = [...]string{spec.F16: "F16", spec.BF16: "BF16", spec.F32: "F32", spec.E8M0: "E8M0"}

// encodeBlock generates the encoder of one block: the statements of encode in order, then fields
// and codes in the order of the layout.
func encodeBlock(t *spec.Type, tables *tables) jen.Code {
	s := newScope(t, tables)
	s.vars["x"] = variable{name: "x", array: true, group: 1}
	read := t.Stored()
	for _, a := range t.Encode {
		if read[a.Name] {
			s.assign(a)
		}
	}
	s.emit(jen.Op("*").Id("b").Op("=").Index(jen.Lit(t.Bytes)).Byte().Values())
	for _, f := range t.Fields {
		if v, ok := s.vars[f.Name]; ok {
			value := jen.Id(v.name)
			if v.array { // a block of one value
				value = jen.Id(v.name).Index(jen.Lit(0))
			}
			s.emit(jen.Id("store"+fieldKinds[f.Kind]).Call(jen.Id("b").Index(jen.Lit(f.Offset).Op(":")), value))
		}
	}
	for _, c := range t.Codes {
		if v, ok := s.vars[c.Name]; ok {
			s.pack(c, v)
		}
	}
	name := "encodeBlock" + target.Ident(t.Name)
	return jen.Commentf("%s is the encode block of %s: x into b.", name, t.File).Line().Func().Id(name).Params(
		jen.Id("b").Op("*").Index(jen.Lit(t.Bytes)).Byte(), jen.Id("x").Op("*").Index(jen.Lit(t.Block)).Float32(),
	).Block(s.body...).Line()
}

// assign emits one statement of encode: a plain variable, or an array filled by a loop. A transform
// or reduction over the block leaves its result under the name itself.
func (s *scope) assign(a *spec.Assign) {
	if call, ok := a.X.(*spec.Call); ok && s.assignCall(a.Name, call) {
		return
	}
	kind, shape := a.X.Type()
	x := s.lane(a.X)
	v := s.declare(a.Name, shape)
	if !v.array {
		s.emit(jen.Id(v.name).Op(":=").Add(typed(a.X, x)))
		return
	}
	s.emit(
		jen.Var().Id(v.name).Index(jen.Lit(s.typ.Block)).Add(goKind(kind)),
		s.overBlock(jen.Add(v.at("i")).Op("=").Add(x.code)),
	)
}

// assignCall emits name = call where the call needs a loop and a variable of its own.
func (s *scope) assignCall(name string, call *spec.Call) bool {
	_, folds := folds[call.Fn]
	switch {
	case call.Fn == "transform" || call.Fn == "inverse":
		s.vars[name] = s.transform(call, name)
	case folds && len(call.Args) == 1:
		s.vars[name] = s.reduction(call, name)
	default:
		return false
	}
	return true
}

// pack emits the loops that store one code.
func (s *scope) pack(c *spec.Code, v variable) {
	index := "i"
	if c.Group > 1 {
		index = "g"
	}
	entry := func() jen.Code {
		switch {
		case !v.array:
			return jen.Id(v.name)
		case c.Group > 1:
			return jen.Id(v.name).Index(jen.Id("g").Op("*").Lit(c.Group))
		}
		return jen.Id(v.name).Index(jen.Id("i"))
	}
	all := bits.Written(bits.Entries(c))
	cut := bits.Stretches(all)
	if len(cut) > maxStretches {
		table := s.places(c, all)
		s.emit(jen.For(jen.List(jen.Id(index), jen.Id("to")).Op(":=").Range().Id(table)).Block(
			jen.Id("scatter").Call(jen.Id("b").Index(jen.Op(":")), jen.Id("to"), entry())))
		return
	}
	for _, st := range cut {
		code := s.write(st, index, entry())
		if len(all) == 1 {
			s.emit(code...)
		} else {
			s.emit(loop(st, index, code...))
		}
	}
}

// decodeBlock generates the decoder of one block: load fields and codes, then evaluate value for
// every i.
func decodeBlock(t *spec.Type, tables *tables) jen.Code {
	s := newScope(t, tables)
	used := spec.Names(t.Value)
	for _, f := range t.Fields {
		if used[f.Name] {
			v := s.declare(f.Name, spec.Scalar)
			s.emit(jen.Id(v.name).Op(":=").Id("load" + fieldKinds[f.Kind]).Call(jen.Id("b").Index(jen.Lit(f.Offset).Op(":"))))
		}
	}
	for _, c := range t.Codes {
		if used[c.Name] {
			s.unpack(c)
		}
	}
	value := s.value(t.Value)
	s.emit(s.overBlock(jen.Id("y").Index(jen.Id("i")).Op("=").Add(value)))
	name := "decodeBlock" + target.Ident(t.Name)
	return jen.Commentf("%s is the value of %s: b into y.", name, t.File).Line().Func().Id(name).Params(
		jen.Id("y").Op("*").Index(jen.Lit(t.Block)).Float32(), jen.Id("b").Op("*").Index(jen.Lit(t.Bytes)).Byte(),
	).Block(s.body...).Line()
}

// unpack emits the loops that load one code into an array with an entry per run of equal values.
func (s *scope) unpack(c *spec.Code) {
	all := bits.Entries(c)
	name := s.fresh(c.Name)
	v := variable{name: name, array: true, group: c.Group}
	index := "i"
	if c.Group > 1 {
		index = "g"
	}
	cut := bits.Stretches(all)
	if len(all) == 1 && len(cut) == 1 {
		s.vars[c.Name] = variable{name: name}
		s.emit(jen.Id(name).Op(":=").Add(s.read(c, cut[0], index)))
		return
	}
	s.vars[c.Name] = v
	s.emit(jen.Var().Id(name).Index(jen.Lit(len(all))).Int32())
	if len(cut) > maxStretches {
		table := s.places(c, all)
		s.emit(jen.For(jen.List(jen.Id(index), jen.Id("from")).Op(":=").Range().Id(table)).Block(
			jen.Id(name).Index(jen.Id(index)).Op("=").Id("gather").Call(jen.Id("b").Index(jen.Op(":")), jen.Id("from"))))
		return
	}
	for _, st := range cut {
		s.emit(loop(st, index, jen.Id(name).Index(jen.Id(index)).Op("=").Add(s.read(c, st, index))))
	}
}
