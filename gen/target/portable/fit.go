package portable

import (
	"github.com/dave/jennifer/jen"

	"github.com/kvgen/kvgen/gen/target/internal/bits"
)

// formula is arithmetic in an index that can be rendered as Go.
type formula struct{ bits.Sum }

func fit(s []int) (formula, bool) {
	a, ok := bits.Fit(s)
	return formula{a}, ok
}

// code renders a in the index called name, which starts at lo.
func (a formula) code(name string, lo int) *jen.Statement {
	sum, lo := a.From(lo)
	base := sum.Base
	s := jen.Null()
	started := false
	if base != 0 || len(a.Digits) == 0 {
		s.Lit(base)
		started = true
	}
	for _, d := range a.Digits {
		step := d.Step
		switch {
		case started && step < 0:
			s.Op("-")
			step = -step
		case started:
			s.Op("+")
		}
		started = true
		v := jen.Id(name)
		if lo != 0 {
			v = jen.Parens(jen.Id(name).Op("-").Lit(lo))
		}
		bare := true
		if d.Unit > 1 {
			v.Op("/").Lit(d.Unit)
			bare = false
		}
		if d.Unit*d.Size < a.N {
			v.Op("%").Lit(d.Size)
			bare = false
		}
		switch {
		case step == 1:
			s.Add(v)
		case bare:
			s.Lit(step).Op("*").Add(v)
		default:
			s.Lit(step).Op("*").Parens(v)
		}
	}
	return s
}
