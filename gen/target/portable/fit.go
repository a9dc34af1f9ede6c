package portable

import "github.com/dave/jennifer/jen"

// A digit is one term of arithmetic in an index: Step * (i / Unit % Size).
type digit struct {
	Step, Unit, Size int
}

// arith is a sequence written as arithmetic in its index: Base plus the digits.
type arith struct {
	Base   int
	Digits []digit
	n      int // length of the sequence
}

// maxDigits is how many terms a reader is asked to follow; anything longer becomes a table.
const maxDigits = 3

// fit finds arithmetic in k for s[k], as a spec author would have written it: q4_0's bit 8*(k%16) + 4*(k/16).
func fit(s []int) (arith, bool) {
	digits, ok := fitDigits(s, 1)
	a := arith{Base: s[0], n: len(s)}
	for _, d := range digits {
		if d.Step != 0 {
			a.Digits = append(a.Digits, d)
		}
	}
	return a, ok && len(a.Digits) <= maxDigits
}

// fitDigits writes s in mixed radix, the fastest digit as long as possible: s[k] = s[k-k%d] + step*(k%d), and the
// values at multiples of d are fitted in turn.
func fitDigits(s []int, unit int) ([]digit, bool) {
	n := len(s)
	if n == 1 {
		return nil, true
	}
	for d := n; d >= 2; d-- {
		if n%d != 0 || !linear(s, d) {
			continue
		}
		slow := make([]int, 0, n/d)
		for k := 0; k < n; k += d {
			slow = append(slow, s[k])
		}
		rest, ok := fitDigits(slow, unit*d)
		return append([]digit{{s[1] - s[0], unit, d}}, rest...), ok
	}
	return nil, false
}

// linear reports whether every run of d values rises by the step of the first.
func linear(s []int, d int) bool {
	step := s[1] - s[0]
	for k, v := range s {
		if v != s[k-k%d]+step*(k%d) {
			return false
		}
	}
	return true
}

// constant reports whether a is the same for every index.
func (a arith) constant() bool { return len(a.Digits) == 0 }

// code renders a in the index called name, which starts at lo.
func (a arith) code(name string, lo int) *jen.Statement {
	base := a.Base
	simple := len(a.Digits) == 1 && a.Digits[0].Unit == 1 && a.Digits[0].Size == a.n
	if simple { // the offset of the index goes into the constant
		base -= lo * a.Digits[0].Step
	}
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
		if lo != 0 && !simple {
			v = jen.Parens(jen.Id(name).Op("-").Lit(lo))
		}
		bare := true
		if d.Unit > 1 {
			v.Op("/").Lit(d.Unit)
			bare = false
		}
		if d.Unit*d.Size < a.n {
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
