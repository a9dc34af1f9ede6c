package tokenizer

import (
	"unicode"
	"unicode/utf8"
)

// class is the set of Unicode properties that pre-tokenisers ask about.
type class uint8

const (
	letter class = 1 << iota // \p{L}
	number                   // \p{N}
	mark                     // \p{M}
	punct                    // \p{P}
	sign                     // \p{S}
	space                    // \s: White_Space, as unicode.IsSpace
	upper                    // A-Z
	lower                    // a-z
)

// classOf looks a character up, ASCII from a table.
func classOf(r rune) class {
	if r < utf8.RuneSelf {
		return ascii[r]
	}
	switch {
	case unicode.IsLetter(r):
		return letter
	case unicode.IsNumber(r):
		return number
	case unicode.IsMark(r):
		return mark
	case unicode.IsPunct(r):
		return punct
	case unicode.IsSymbol(r):
		return sign
	case unicode.IsSpace(r):
		return space
	}
	return 0
}

var ascii = func() (t [utf8.RuneSelf]class) {
	for r := range rune(utf8.RuneSelf) {
		switch {
		case r >= 'A' && r <= 'Z':
			t[r] = letter | upper
		case r >= 'a' && r <= 'z':
			t[r] = letter | lower
		case r >= '0' && r <= '9':
			t[r] = number
		case unicode.IsSpace(r):
			t[r] = space
		case unicode.IsPunct(r):
			t[r] = punct
		case unicode.IsSymbol(r):
			t[r] = sign
		}
	}
	return t
}()

// at decodes the character of s at byte i. Past the end the size is 0 and the class empty, which is what every pattern
// wants there. A byte that is not UTF-8 is U+FFFD of size 1, a symbol.
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
