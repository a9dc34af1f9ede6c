package main

import "github.com/kvgen/kvgen/gen/spec"

// role says what a type's codebook holds.
type role int

const (
	levels     role = iota // of the value: each value has a code of its own that picks one
	magnitudes             // of the value, whose sign another code of it gives
	scales                 // shared by a run of values
	parts                  // of something else: points of a grid, one of several tables
)

// String is the role in the words of the audit.
func (r role) String() string { return [...]string{"levels", "magnitudes", "scales", "parts"}[r] }

// roleOf reads the expression of a type's value. Only levels and magnitudes can be compared with
// the best ones.
func roleOf(t *spec.Type) role {
	var looked []*spec.Lookup
	outside := false // a code of each value's own, beside the lookups
	var walk func(x spec.Expr)
	walk = func(x spec.Expr) {
		switch x := x.(type) {
		case *spec.Lookup:
			if x.Book.Name == "" || x.Run() == 1 { // a table of scales is none of levels
				looked = append(looked, x)
			}
		case *spec.Ref:
			outside = outside || x.Code != nil && x.Code.Group == 1
		case *spec.Unary:
			walk(x.X)
		case *spec.Binary:
			walk(x.X)
			walk(x.Y)
		case *spec.Cond:
			walk(x.If)
			walk(x.Then)
			walk(x.Else)
		case *spec.Call:
			for _, a := range x.Args {
				walk(a)
			}
		}
	}
	walk(t.Value)
	for _, l := range looked {
		if l.Run() > 1 {
			return scales
		}
		if ref, plain := l.Index.(*spec.Ref); !plain || ref.Code == nil || ref.Code.Group != 1 {
			return parts
		}
	}
	switch {
	case len(looked) != 1:
		return parts
	case !outside:
		return levels
	}
	for _, v := range t.Codebook.Levels {
		if v < 0 {
			return parts
		}
	}
	return magnitudes
}

// valueLevels are the levels that a value can have, ascending, in the unit of the codebook.
func valueLevels(t *spec.Type, r role) []float64 {
	list := sortedLevels(t.Codebook)
	if r != magnitudes {
		return list
	}
	both := make([]float64, 0, 2*len(list))
	for k := len(list) - 1; k >= 0; k-- {
		if list[k] != 0 {
			both = append(both, -list[k])
		}
	}
	return append(both, list...)
}
