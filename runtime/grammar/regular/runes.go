package regular

import (
	"errors"
	"slices"
	"unicode/utf8"
)

// ErrNested is an expression whose parts nest more than 200 deep.
var ErrNested = errors.New("it nests too deeply")

// Runes are ranges of characters, each from the first to the second, both included.
type Runes [][2]rune

// AnyRune is all characters, without surrogates.
func AnyRune() Runes { return Runes{{0, 0xD7FF}, {0xE000, utf8.MaxRune}} }

// Normal are the same characters in ascending ranges that do not touch, without surrogates.
func (r Runes) Normal() Runes {
	all := slices.Clone(r)
	slices.SortFunc(all, func(a, b [2]rune) int { return int(a[0]) - int(b[0]) })
	var out Runes
	for _, x := range all {
		if x[0] > x[1] {
			continue
		}
		if n := len(out); n > 0 && x[0] <= out[n-1][1]+1 {
			out[n-1][1] = max(out[n-1][1], x[1])
			continue
		}
		out = append(out, x)
	}
	return out.cut(0xD800, 0xDFFF)
}

// cut takes lo to hi out of ranges in order.
func (r Runes) cut(lo, hi rune) (out Runes) {
	for _, x := range r {
		if x[1] < lo || x[0] > hi {
			out = append(out, x)
			continue
		}
		if x[0] < lo {
			out = append(out, [2]rune{x[0], lo - 1})
		}
		if x[1] > hi {
			out = append(out, [2]rune{hi + 1, x[1]})
		}
	}
	return out
}

// Not are all other characters.
func (r Runes) Not() Runes {
	out := AnyRune()
	for _, x := range r.Normal() {
		out = out.cut(x[0], x[1])
	}
	return out
}

// Has says whether a character is in one of the ranges.
func (r Runes) Has(c rune) bool {
	return slices.ContainsFunc(r, func(x [2]rune) bool { return c >= x[0] && c <= x[1] })
}

// UTF8 is one of the characters in UTF-8.
func (r Runes) UTF8() Expr {
	var all []Expr
	for _, x := range r.Normal() {
		lo := x[0]
		for _, last := range []rune{0x7F, 0x7FF, 0xFFFF, utf8.MaxRune} { // by length
			if hi := min(x[1], last); lo <= hi {
				all = append(all, spans(utf8.AppendRune(nil, lo), utf8.AppendRune(nil, hi)))
				lo = hi + 1
			}
		}
	}
	if len(all) == 1 {
		return all[0]
	}
	return Alt(all...)
}

// spans are the encodings from lo to hi, which have the same length.
func spans(lo, hi []byte) Expr {
	if len(lo) == 1 {
		return Range(lo[0], hi[0])
	}
	if lo[0] == hi[0] {
		return Seq(Range(lo[0], lo[0]), spans(lo[1:], hi[1:]))
	}
	least, most := make([]byte, len(lo)-1), make([]byte, len(lo)-1)
	for i := range least {
		least[i], most[i] = 0x80, 0xBF
	}
	var all []Expr
	first, last := lo[0], hi[0]
	if !slices.Equal(lo[1:], least) {
		all = append(all, Seq(Range(first, first), spans(lo[1:], most)))
		first++
	}
	if !slices.Equal(hi[1:], most) {
		all = append(all, Seq(Range(last, last), spans(least, hi[1:])))
		last--
	}
	if first <= last {
		all = append(all, Seq(Range(first, last), spans(least, most)))
	}
	return Alt(all...)
}
