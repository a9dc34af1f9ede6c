package tokenizer

import (
	"unicode"
	"unicode/utf8"
)

// class is the set of Unicode properties that pre-tokenisers ask about.
type class uint16

const (
	letter   class = 1 << iota // \p{L}
	number                     // \p{N}
	mark                       // \p{M}
	punct                      // \p{P}
	sign                       // \p{S}
	space                      // \s: White_Space
	capital                    // [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]
	small                      // [\p{Ll}\p{Lm}\p{Lo}\p{M}]
	notLower                   // a letter that is not a-z: capital as llama.cpp reads it
	notUpper                   // a letter that is not A-Z: small as llama.cpp reads it
	han                        // \p{Han}
	digit                      // \p{Nd}
)

// properties are the tables of each class; unicode16 completes them.
var properties = []struct {
	in  []*unicode.RangeTable
	set class
}{
	{[]*unicode.RangeTable{unicode.L}, letter | notLower | notUpper},
	{[]*unicode.RangeTable{unicode.N}, number},
	{[]*unicode.RangeTable{unicode.M}, mark},
	{[]*unicode.RangeTable{unicode.P}, punct},
	{[]*unicode.RangeTable{unicode.S}, sign},
	{[]*unicode.RangeTable{unicode.White_Space}, space},
	{[]*unicode.RangeTable{unicode.Lu, unicode.Lt, unicode.Lm, unicode.Lo, unicode.M}, capital},
	{[]*unicode.RangeTable{unicode.Ll, unicode.Lm, unicode.Lo, unicode.M}, small},
	{[]*unicode.RangeTable{unicode.Han}, han},
	{[]*unicode.RangeTable{unicode.Nd}, digit},
}

// page is the classes of neighbouring characters.
type page [256]class

// pages are the classes of all characters, by r>>8. Pages without properties share one.
var pages = func() (t [(unicode.MaxRune + 1) >> 8]*page) {
	var none page
	for i := range t {
		t[i] = &none
	}
	set := func(lo, hi, stride uint32, c class) {
		for r := lo; r <= hi; r += stride {
			if t[r>>8] == &none {
				t[r>>8] = new(page)
			}
			t[r>>8][r&0xFF] |= c
		}
	}
	for _, p := range properties {
		for _, table := range p.in {
			for _, x := range table.R16 {
				set(uint32(x.Lo), uint32(x.Hi), uint32(x.Stride), p.set)
			}
			for _, x := range table.R32 {
				set(x.Lo, x.Hi, x.Stride, p.set)
			}
		}
	}
	for _, x := range unicode16 {
		set(x.lo, x.hi, 1, x.set)
	}
	for i := range rune(26) {
		t[0]['a'+i] &^= notLower
		t[0]['A'+i] &^= notUpper
	}
	return t
}()

// ascii is the first page.
var ascii = pages[0]

// classOf looks a character up.
func classOf(r rune) class { return pages[r>>8][r&0xFF] }

// at decodes the character of s at byte i. Past the end the size is 0 and the class empty, which is
// what every pattern wants there. A byte that is not UTF-8 is U+FFFD of size 1, a symbol.
func at(s string, i int) (r rune, c class, size int) {
	if i >= len(s) {
		return -1, 0, 0
	}
	if b := s[i]; b < utf8.RuneSelf {
		return rune(b), ascii[b], 1
	}
	r, size = utf8.DecodeRuneInString(s[i:])
	return r, classOf(r), size
}

// run returns the end of the characters from byte i on whose class meets set.
func run(s string, i int, set class) int {
	for {
		_, c, n := at(s, i)
		if n == 0 || c&set == 0 {
			return i
		}
		i += n
	}
}

// runOther returns the end of the characters from byte i on whose class does not meet set.
func runOther(s string, i int, set class) int {
	for {
		_, c, n := at(s, i)
		if n == 0 || c&set != 0 {
			return i
		}
		i += n
	}
}

// runBytes returns the end of the bytes from i on that are in set, which is ASCII.
func runBytes(s string, i int, set string) int {
next:
	for ; i < len(s); i++ {
		for j := range len(set) {
			if s[i] == set[j] {
				continue next
			}
		}
		break
	}
	return i
}
