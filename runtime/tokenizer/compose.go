package tokenizer

import (
	"slices"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxJoined is how many characters in a row that join what stands before them are left to the norm
// package. It composes 30 as Unicode says, each of which may be a few after decomposition, and
// breaks longer runs with U+034F (the Stream-Safe Text Format), which no tokenizer does.
const maxJoined = 9

// compose returns text in Unicode normalisation form C. Bytes that are not UTF-8 stay.
func compose(text string) string {
	if norm.NFC.IsNormalString(text) {
		return text
	}
	var out []byte
	short := 0 // from here on no run is too long
	for i := 0; i < len(text); {
		end, joined := segment(text, i)
		if joined > maxJoined {
			out = append(out, norm.NFC.String(text[short:i])...)
			out = composeRun(out, text[i:end])
			short = end
		}
		i = end
	}
	if short == 0 {
		return norm.NFC.String(text)
	}
	return string(append(out, norm.NFC.String(text[short:])...))
}

// segment returns the end of the character at byte i and of those that may join it, and how many
// the latter are.
func segment(text string, i int) (end, joined int) {
	_, n := utf8.DecodeRuneInString(text[i:])
	end = i + n
	for end < len(text) && text[end] >= utf8.RuneSelf {
		r, n := utf8.DecodeRuneInString(text[end:])
		if r == utf8.RuneError || norm.NFC.PropertiesString(text[end:]).BoundaryBefore() {
			break
		}
		end += n
		joined++
	}
	return end, joined
}

// composeRun appends the composition of a segment of any length (UAX #15: decompose, order marks by
// their class, compose with the last starter what is not blocked from it).
func composeRun(out []byte, text string) []byte {
	type character struct {
		r     rune
		class uint8
	}
	var all []character
	for _, r := range text {
		for _, d := range norm.NFD.String(string(r)) {
			all = append(all, character{d, norm.NFD.PropertiesString(string(d)).CCC()})
		}
	}
	for lo := 0; lo < len(all); lo++ {
		hi := lo
		for hi < len(all) && all[hi].class != 0 {
			hi++
		}
		slices.SortStableFunc(all[lo:hi], func(a, b character) int { return int(a.class) - int(b.class) })
		lo = hi
	}
	starter, last := -1, uint8(0)
	kept := all[:0]
	for _, c := range all {
		adjacent := starter == len(kept)-1
		if starter >= 0 && (adjacent || last != 0 && last < c.class) {
			joined := []rune(norm.NFC.String(string([]rune{kept[starter].r, c.r})))
			if len(joined) == 1 {
				kept[starter].r = joined[0]
				continue
			}
		}
		if last = c.class; last == 0 {
			starter = len(kept)
		}
		kept = append(kept, c)
	}
	for _, c := range kept {
		out = utf8.AppendRune(out, c.r)
	}
	return out
}
