package regular

import (
	"errors"
	"math/big"
	"strings"
)

// Number is which numbers Decimal accepts, as JSON writes them.
type Number struct {
	Integer            bool // without fraction and exponent
	Min, Max           *big.Rat
	AboveMin, BelowMax bool     // without the bound itself
	MultipleOf         *big.Rat // above 0
	Digits, Fraction   int      // at most, before and behind the point
	Exponent           int      // digits of the exponent; 0 for none
	NegativeZero       bool     // -0 is written too, of numbers that are not integers
}

// bound is a limit as digits.
type bound struct {
	negative          bool
	integer, fraction string // without zeros at the outer ends; integer "0" for none
}

// newBound writes a limit in decimal digits.
func newBound(r *big.Rat, digits int) (bound, error) {
	text, ok := finite(r, digits)
	if !ok {
		return bound{}, errors.New("the bound has more decimal digits than can be enforced")
	}
	b := bound{negative: r.Sign() < 0}
	b.integer, b.fraction, _ = strings.Cut(strings.TrimPrefix(text, "-"), ".")
	return b, nil
}

// finite is r in decimal digits with nothing needless behind the point, if it has at most so many
// before and behind it.
func finite(r *big.Rat, digits int) (string, bool) {
	text := r.FloatString(digits)
	if back, _ := new(big.Rat).SetString(text); back.Cmp(r) != 0 || len(text) > 2*digits+2 {
		return "", false
	}
	if strings.Contains(text, ".") {
		text = strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
	}
	whole, _, _ := strings.Cut(strings.TrimPrefix(text, "-"), ".")
	return text, len(whole) <= digits
}

// The parts of a number.
const (
	atBegin = iota
	behindSign
	inInteger
	behindZero // an integer part of 0
	behindPoint
	inFraction
	behindE
	behindExponentSign
	inExponent
)

// reading is how far a number has been read.
type reading struct {
	part          int8
	negative      bool
	digits        int8 // of the part
	least, most   int8 // how the digits compare with those of Min and Max, as far as they have come
	zero          bool // all digits are 0
	rest          int32
	wholeCompared bool // least and most are those of whole integer parts
}

// decimal is a Number made ready.
type decimal struct {
	Number
	min, max *bound
	modulus  int32 // of rest, which counts units of the last digit of the fraction; 0 for none
	scale    int   // digits of the fraction
	counts   bool  // digits of the integer part
}

// maxModulus bounds the states that a MultipleOf takes.
const maxModulus = 4096

// Decimal makes the automaton of the numbers, of limit states at most.
func Decimal(w *Work, n Number, limit int) (*DFA, error) {
	d := &decimal{Number: n, counts: true}
	for _, b := range []struct {
		r  *big.Rat
		to **bound
	}{{n.Min, &d.min}, {n.Max, &d.max}} {
		if b.r == nil {
			continue
		}
		x, err := newBound(b.r, max(n.Digits, n.Fraction))
		if err != nil {
			return nil, err
		}
		*b.to = &x
	}
	if n.MultipleOf != nil {
		if err := d.multiples(); err != nil {
			return nil, err
		}
	}
	if d.Integer {
		d.Fraction = 0
	}
	if d.Integer || d.min != nil || d.max != nil || d.modulus > 0 {
		d.Exponent = 0
	}
	return explore(w, reading{}, d.step, d.accept, numberClasses(), limit)
}

// numberClasses tells the bytes of numbers apart.
func numberClasses() (class [256]uint8) {
	for i, c := range []byte("0123456789-+.eE") {
		class[c] = uint8(i + 1)
	}
	return class
}

// multiples finds the digits that the fraction may have, and the modulus.
func (d *decimal) multiples() error {
	m := d.MultipleOf
	scale := new(big.Int).Set(m.Denom())
	power := big.NewInt(1)
	for d.scale = 0; new(big.Int).Mod(power, scale).Sign() != 0; d.scale++ {
		if d.scale == d.Fraction {
			return errors.New("it has more decimal digits than can be enforced")
		}
		power.Mul(power, big.NewInt(10))
	}
	unit := new(big.Int).Div(new(big.Int).Mul(m.Num(), power), m.Denom())
	if d.Integer {
		// An integer n is a multiple of a/b, in lowest terms, if it is one of a.
		d.scale, unit = 0, m.Num()
	}
	if !unit.IsInt64() || unit.Int64() > maxModulus {
		return TooLarge{maxModulus}
	}
	d.modulus, d.Fraction = int32(unit.Int64()), d.scale
	d.counts = d.modulus <= 64 || d.min != nil || d.max != nil
	return nil
}

func (d *decimal) step(r reading, b byte) (reading, bool) {
	digit := b >= '0' && b <= '9'
	switch r.part {
	case atBegin, behindSign:
		switch {
		case b == '-' && r.part == atBegin:
			r.part, r.negative = behindSign, true
		case b == '0':
			r.part, r.zero = behindZero, true
			d.compare(&r, b)
		case digit:
			r.part, r.digits = inInteger, 1
			d.compare(&r, b)
		default:
			return r, false
		}
		return r, true
	case inInteger:
		if digit {
			return d.more(r, b, d.Digits)
		}
	case inFraction, behindPoint:
		if r.part = inFraction; digit {
			r.zero = r.zero && b == '0'
			return d.more(r, b, d.Fraction)
		}
		if r.digits == 0 {
			return r, false
		}
	case behindE:
		if b == '+' || b == '-' {
			return reading{part: behindExponentSign}, true
		}
		fallthrough
	case behindExponentSign:
		return reading{part: inExponent, digits: 1}, digit
	case inExponent:
		r.digits++
		return r, digit && int(r.digits) <= d.Exponent
	}
	switch {
	case b == '.' && r.part != inFraction && d.Fraction > 0:
		d.endInteger(&r)
		r.part, r.digits = behindPoint, 0
		return r, true
	case (b == 'e' || b == 'E') && d.Exponent > 0:
		return reading{part: behindE}, true
	}
	return r, false
}

// more takes a further digit of a part that may have most.
func (d *decimal) more(r reading, b byte, most int) (reading, bool) {
	if r.digits++; int(r.digits) > most {
		if r.part == inFraction || d.counts {
			return r, false
		}
		r.digits = int8(most)
	}
	d.compare(&r, b)
	if !d.counts && r.part == inInteger {
		r.digits = 1
	}
	return r, true
}

// compare takes a digit into the comparisons and the rest.
func (d *decimal) compare(r *reading, b byte) {
	if d.modulus > 0 {
		r.rest = (r.rest*10 + int32(b-'0')) % d.modulus
	}
	at := max(int(r.digits)-1, 0)
	for _, c := range []struct {
		with *bound
		so   *int8
	}{{d.min, &r.least}, {d.max, &r.most}} {
		if c.with == nil || *c.so != 0 {
			continue
		}
		digits, beyond := c.with.integer, byte(0)
		if r.part == inFraction {
			digits, beyond = c.with.fraction, '0'
		}
		if at < len(digits) {
			beyond = digits[at]
		}
		switch {
		case beyond == 0 || b > beyond:
			*c.so = 1
		case b < beyond:
			*c.so = -1
		}
	}
}

// endInteger makes the comparisons those of the whole integer parts: of more digits is more.
func (d *decimal) endInteger(r *reading) {
	if r.wholeCompared {
		return
	}
	n := max(int(r.digits), 1)
	for _, c := range []struct {
		with *bound
		so   *int8
	}{{d.min, &r.least}, {d.max, &r.most}} {
		switch {
		case c.with == nil:
		case n > len(c.with.integer):
			*c.so = 1
		case n < len(c.with.integer):
			*c.so = -1
		}
	}
	r.wholeCompared = true
}

func (d *decimal) accept(r reading) bool {
	switch r.part {
	case inExponent:
		return true
	case inInteger, behindZero:
		d.endInteger(&r)
		r.digits = 0
	case inFraction:
		if r.digits == 0 {
			return false
		}
	default:
		return false
	}
	if r.negative && r.zero && (d.Integer || !d.NegativeZero) {
		return false
	}
	for range d.scale - int(r.digits) {
		r.rest = r.rest * 10 % max(d.modulus, 1)
	}
	if d.modulus > 0 && r.rest%d.modulus != 0 {
		return false
	}
	low, high := r.against(d.min, r.least), r.against(d.max, r.most)
	return (d.min == nil || low > 0 || low == 0 && !d.AboveMin) && (d.max == nil || high < 0 || high == 0 && !d.BelowMax)
}

// against compares the number with a bound, from how their digits compare.
func (r *reading) against(b *bound, digits int8) int8 {
	if b == nil {
		return 0
	}
	if digits == 0 && int(r.digits) < len(b.fraction) {
		digits = -1
	}
	switch {
	case r.negative && b.negative:
		return -digits
	case b.negative:
		return 1
	case r.negative && r.zero && b.integer == "0" && b.fraction == "":
		return 0
	case r.negative:
		return -1
	}
	return digits
}
