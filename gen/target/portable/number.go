package portable

import (
	"fmt"
	"math"
	"strconv"

	"github.com/dave/jennifer/jen"

	"github.com/kvgen/kvgen/gen/spec"
)

// number is an f32 as the shortest decimal that rounds to it.
func number(f float32) *jen.Statement {
	switch {
	case f == 0 && math.Signbit(float64(f)): // Go's -0.0 is +0
		return jen.Qual("math", "Float32frombits").Call(jen.Lit(1 << 31))
	case f-f != 0:
		return jen.Qual("math", "Float32frombits").Call(jen.Id("0x" + strconv.FormatUint(uint64(math.Float32bits(f)), 16)))
	case f == float32(int32(f)) && f > -1e6 && f < 1e6:
		return jen.Lit(int(f))
	}
	decimal, _ := strconv.ParseFloat(strconv.FormatFloat(float64(f), 'g', -1, 32), 64)
	return jen.Lit(decimal)
}

// literal is a constant of the spec as an untyped constant of Go.
func literal(n *spec.Num) term {
	switch n.Kind {
	case spec.Bool:
		return atom(jen.Lit(n.I != 0))
	case spec.Int:
		return atom(jen.Lit(n.I))
	}
	return atom(number(n.F))
}

// perIndex is arithmetic in i, or a table where there is none.
func (s *scope) perIndex(e *spec.PerIndex) term {
	if e.Kind == spec.Bool {
		return s.perIndexBool(e)
	}
	if a, ok := fit(e.I); ok {
		return atom(jen.Int32().Call(a.code("i", 0)))
	}
	return atom(jen.Id(s.tables.ints("index", "int32", e.I)).Index(jen.Id("i")))
}

// perIndexBool is i < n, i >= n, or arithmetic that is compared with 1.
func (s *scope) perIndexBool(e *spec.PerIndex) term {
	edges, at := 0, 0
	for k := 1; k < len(e.I); k++ {
		if e.I[k] != e.I[k-1] {
			edges, at = edges+1, k
		}
	}
	if edges == 1 {
		op := ">="
		if e.I[0] != 0 {
			op = "<"
		}
		return term{jen.Id("i").Op(op).Lit(at), comparePrec}
	}
	if a, ok := fit(e.I); ok {
		return term{a.code("i", 0).Op("==").Lit(1), comparePrec}
	}
	return term{jen.Id(s.tables.ints("index", "int32", e.I)).Index(jen.Id("i")).Op("==").Lit(1), comparePrec}
}

// ints declares a table of integers and returns its name.
func (t *tables) ints(base, kind string, values []int) string {
	return t.table(base, fmt.Sprint(kind, values), func(name string) jen.Code {
		return jen.Var().Id(name).Op("=").Index(jen.Lit(len(values))).Id(kind).Add(
			list(len(values), 16, func(k int) jen.Code { return jen.Lit(values[k]) }))
	})
}
