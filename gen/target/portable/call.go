package portable

import (
	"fmt"
	"strings"

	"github.com/dave/jennifer/jen"

	"github.com/kvgen/kvgen/gen/spec"
	"github.com/kvgen/kvgen/gen/target"
)

// call is a built-in function.
func (s *scope) call(e *spec.Call) term {
	switch e.Fn {
	case "sum", "absmax", "extremum":
		return atom(s.reduction(e, folds[e.Fn].name).at("i"))
	case "min", "max":
		if len(e.Args) == 1 {
			return atom(s.reduction(e, folds[e.Fn].name).at("i"))
		}
		name := map[string]string{"min": "lesser", "max": "greater"}[e.Fn]
		x, y := s.operand(e, e.Args[0]), s.operand(e, e.Args[1])
		if isNum(e.Args[1]) {
			return atom(jen.Id(name).Call(typed(e.Args[0], x), y.code))
		}
		return atom(jen.Id(name).Call(x.code, y.code))
	case "clamp":
		x, lo, hi := s.operand(e, e.Args[0]), s.operand(e, e.Args[1]), s.operand(e, e.Args[2])
		return atom(jen.Id("clamp").Call(typed(e.Args[0], x), lo.code, hi.code))
	case "abs":
		if e.Kind == spec.Int {
			return atom(jen.Id("absInt").Call(s.operand(e, e.Args[0]).code))
		}
		return atom(jen.Id("abs").Call(s.operand(e, e.Args[0]).code))
	case "sqrt", "inv", "floor", "trunc", "rint", "round":
		return atom(jen.Id(e.Fn).Call(s.operand(e, e.Args[0]).code))
	case "f16", "bf16", "e8m0":
		suffix := strings.ToUpper(e.Fn)
		return atom(jen.Id("from" + suffix).Call(jen.Id(e.Fn).Call(s.operand(e, e.Args[0]).code)))
	case "as_f16":
		return atom(jen.Id("fromF16").Call(jen.Uint16().Call(s.operand(e, e.Args[0]).code)))
	case "float":
		return atom(jen.Float32().Call(s.operand(e, e.Args[0]).code))
	case "nearest":
		table := s.tables.table("thresholds", "thresholds", func(name string) jen.Code {
			t := e.Book.Thresholds
			return jen.Var().Id(name).Op("=").Index(jen.Lit(len(t))).Float32().Add(floats(t, 8))
		})
		return atom(jen.Id("nearest").Call(jen.Id(table).Index(jen.Op(":")), s.operand(e, e.Args[0]).code))
	case "transform", "inverse":
		return atom(s.transform(e, e.Transform.Name).at("i"))
	}
	panic(fmt.Sprintf("portable: %s: unknown function %s", s.typ.Name, e.Fn))
}

// transform emits the transformed vector, under that name if it is free.
func (s *scope) transform(e *spec.Call, name string) variable {
	direction := "forward"
	if e.Fn == "inverse" {
		direction = "inverse"
	}
	arg := s.value(e.Args[0])
	name = s.fresh(name)
	s.emit(
		jen.Var().Id(name).Index(jen.Lit(s.typ.Block)).Float32(),
		s.overBlock(jen.Id(name).Index(jen.Id("i")).Op("=").Add(arg)),
		jen.Id(direction+target.Ident(e.Transform.Name)+"Generic").Call(jen.Id(name).Index(jen.Op(":"))),
	)
	return variable{name: name, array: true, group: 1}
}

// A fold is a reduction: where it starts, and how value v joins the result so far.
type fold struct {
	name  string // of the result
	start func() *jen.Statement
	step  func(acc, v jen.Code) jen.Code
}

var (
	largest = func() *jen.Statement { return jen.Qual("math", "MaxFloat32") }
	folds   = map[string]fold{
		"sum": {"sum", nil, func(acc, v jen.Code) jen.Code { return jen.Add(acc).Op("+=").Add(v) }},
		"min": {"lowest", largest, func(acc, v jen.Code) jen.Code {
			return jen.Add(acc).Op("=").Id("lesser").Call(v, acc)
		}},
		"max": {"highest", func() *jen.Statement { return jen.Op("-").Add(largest()) }, func(acc, v jen.Code) jen.Code {
			return jen.Add(acc).Op("=").Id("greater").Call(v, acc)
		}},
		"absmax": {"absmax", nil, func(acc, v jen.Code) jen.Code {
			return jen.Add(acc).Op("=").Id("greater").Call(jen.Id("abs").Call(v), acc)
		}},
		"extremum": {"extreme", nil, func(acc, v jen.Code) jen.Code {
			return jen.Add(acc).Op("=").Id("farther").Call(v, acc)
		}},
	}
)

// reduction emits the loop of a reduction. Its result goes under that name if it is free. A NaN
// never wins a comparison, so only sum lets it through. min and max start from the largest finite
// values.
func (s *scope) reduction(e *spec.Call, name string) variable {
	f := folds[e.Fn]
	arg := s.lane(e.Args[0]).code
	block, n := s.typ.Block, e.Group
	name = s.fresh(name)
	if n == 0 || n == block {
		acc := jen.Id(name)
		if f.start == nil {
			s.emit(jen.Var().Id(name).Float32())
		} else {
			s.emit(jen.Var().Id(name).Float32().Op("=").Add(f.start()))
		}
		s.emit(s.overBlock(f.step(acc, arg)))
		return variable{name: name}
	}
	v := variable{name: name, array: true, group: n}
	acc := v.at("i")
	s.emit(jen.Var().Id(name).Index(jen.Lit(block / n)).Float32())
	if f.start != nil {
		s.emit(jen.For(jen.Id("g").Op(":=").Range().Id(name)).Block(
			jen.Id(name).Index(jen.Id("g")).Op("=").Add(f.start())))
	}
	s.emit(s.overBlock(f.step(acc, arg)))
	return v
}
