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

// UTF8 is one of the characters in UTF-8. No two of its alternatives begin alike, so that the
// automaton is about as small as the expression.
func (r Runes) UTF8() Expr {
	var all []Expr
	low := rune(0)
	for more, high := range []rune{0x7F, 0x7FF, 0xFFFF, utf8.MaxRune} { // bytes behind the first
		var list Runes
		for _, x := range r.Normal() {
			if lo, hi := max(x[0], low), min(x[1], high); lo <= hi {
				list = append(list, [2]rune{lo, hi})
			}
		}
		if len(list) > 0 {
			all = append(all, encoded(list, more, []byte{0, 0xC0, 0xE0, 0xF0}[more]))
		}
		low = high + 1
	}
	if len(all) == 1 {
		return all[0]
	}
	return Alt(all...)
}

// encoded are bits of characters, as a byte above a base and so many more of 6 bits each.
func encoded(list Runes, more int, base byte) Expr {
	if more == 0 {
		e := Expr{kind: oneOf}
		for _, x := range list {
			e.set.Add(base+byte(x[0]), base+byte(x[1]))
		}
		return e
	}
	size := rune(1) << (6 * more)
	var all []Expr
	var before Runes // what follows the last byte of all
	for v, last := list[0][0]/size, list[len(list)-1][1]/size; v <= last; v++ {
		var rest Runes
		for _, x := range list {
			if lo, hi := max(x[0]-v*size, 0), min(x[1]-v*size, size-1); lo <= hi {
				rest = append(rest, [2]rune{lo, hi})
			}
		}
		b := base + byte(v)
		switch {
		case len(rest) == 0:
		case slices.Equal(rest, before):
			all[len(all)-1].kids[0].set.Add(b, b)
		default:
			all = append(all, Seq(Range(b, b), encoded(rest, more-1, 0x80)))
		}
		before = rest
	}
	return Alt(all...)
}
