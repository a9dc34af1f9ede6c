// Package bits says where the bits of a code lie in a block, for back ends that read and store them
// one by one: stretches of entries that are cut alike, and arithmetic in an index for their places.
// So generated code says it in the way a person would have written it: 8*(i%16) + 4*(i/16).
package bits

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

// From is a for an index that starts at lo. Where a is one multiple of the index, or of its
// quotient by a divisor of lo, lo goes into the base and rest is 0. Else rest is what is to be
// taken from the index first.
func (a Sum) From(lo int) (from Sum, rest int) {
	if a.Constant() {
		return a, 0
	}
	if d := a.Digits[0]; len(a.Digits) == 1 && d.Unit*d.Size == a.N && lo%d.Unit == 0 {
		a.Base -= lo / d.Unit * d.Step
		return a, 0
	}
	return a, lo
}
