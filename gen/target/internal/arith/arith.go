// Package arith finds arithmetic in an index for a sequence of integers, so that generated code
// says where a bit lies in the way a person would have written it: 8*(i%16) + 4*(i/16).
package arith

// A Digit is one term: Step * (i / Unit % Size).
type Digit struct {
	Step, Unit, Size int
}

// Sum is a sequence written as arithmetic in its index: Base plus the digits.
type Sum struct {
	Base   int
	Digits []Digit
	N      int // length of the sequence
}

// maxDigits is how many terms a reader is asked to follow; anything longer becomes a table.
const maxDigits = 3

// Fit finds arithmetic in k for s[k], as a spec author would have written it.
func Fit(s []int) (Sum, bool) {
	digits, ok := fitDigits(s, 1)
	a := Sum{Base: s[0], N: len(s)}
	for _, d := range digits {
		if d.Step != 0 {
			a.Digits = append(a.Digits, d)
		}
	}
	return a, ok && len(a.Digits) <= maxDigits
}

// fitDigits writes s in mixed radix, the fastest digit as long as possible: s[k] = s[k-k%d] +
// step*(k%d), and the values at multiples of d are fitted in turn.
func fitDigits(s []int, unit int) ([]Digit, bool) {
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
		return append([]Digit{{s[1] - s[0], unit, d}}, rest...), ok
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

// Constant reports whether a is the same for every index.
func (a Sum) Constant() bool { return len(a.Digits) == 0 }
