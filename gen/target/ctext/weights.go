package ctext

import (
	"math"

	"github.com/kvgen/kvgen/gen/lower"
	"github.com/kvgen/kvgen/gen/spec"
)

// weights writes what rows of weights need beyond parts: which codes are whole numbers as they
// are, other levels as numbers, and scales in the fewest bytes that hold them.
func (s *typeText) weights(p *lower.Product) {
	off, linear := p.Offset()
	s.line("")
	s.line("%s bool linear = %t; %[1]s int offset = %[3]d; // level = code + offset", s.Constant, linear, off)
	if !linear && p.Code.Bits <= 6 {
		levels := s.table("levels", "float", len(p.Levels), func(k int) string { return number(p.Levels[k]) })
		s.line("%s %s levels() { return %s; } // by code", s.Function, s.Entries, levels)
	}
	scaleBase, scaleStep, stepped := lower.Steps(p.Scale)
	stepped = stepped && isHalf(scaleBase) && s.t.Block%32 == 0
	var leastBase, leastStep spec.Expr
	if stepped && p.Min != nil {
		leastBase, leastStep, stepped = lower.Steps(p.Min)
		stepped = stepped && isHalf(leastBase)
	}
	s.line("%s bool stepped = %t; // scale and least are a base, an f16 of the block, times a whole number of a byte", s.Constant, stepped)
	if !stepped {
		s.line("%s Element scales = %s; // holds all bits of scale and least", s.Constant, max(storage(p.Scale), storage(p.Min)))
		return
	}
	s.read("float scale_base", "The base of the scale of value i.", scaleBase)
	s.read("int scale_step", "What the base is multiplied by.", scaleStep)
	if p.Min != nil {
		s.read("float least_base", "The base of what is added to value i.", leastBase)
		s.read("int least_step", "What that is multiplied by.", leastStep)
	}
}

// element is a format of numbers as an enumerator of the frames; the larger holds what a smaller
// one does, or is f32.
type element int

const (
	anyElement element = iota
	f16Element
	bf16Element
	f32Element
)

func (e element) String() string {
	return "Element::" + [...]string{anyElement: "f16", f16Element: "f16", bf16Element: "bf16", f32Element: "f32"}[e]
}

// storage is the format that holds e, a scale or what is added, without rounding.
func storage(e spec.Expr) element {
	switch e := e.(type) {
	case nil:
		return anyElement
	case *spec.Ref:
		if e.Field != nil {
			return map[spec.FieldKind]element{spec.F16: f16Element, spec.BF16: bf16Element, spec.E8M0: bf16Element}[e.Field.Kind].orF32()
		}
	case *spec.Cond:
		a, b := storage(e.Then), storage(e.Else)
		if a == b {
			return a
		}
	case *spec.Binary:
		// Powers of two by one near 1 stay powers of two of bf16, whose smallest is 2^-133.
		ref, ok := e.X.(*spec.Ref)
		by, constant := e.Y.(*spec.Num)
		if ok && constant && e.Op == "*" && ref.Field != nil && ref.Field.Kind == spec.E8M0 {
			if f, n := math.Frexp(float64(by.F)); f == 0.5 && n > -5 && n <= 1 {
				return bf16Element
			}
		}
	}
	return f32Element
}

func (e element) orF32() element {
	if e == anyElement {
		return f32Element
	}
	return e
}
