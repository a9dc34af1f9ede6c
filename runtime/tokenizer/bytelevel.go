package tokenizer

import "unicode/utf8"

// The byte-level alphabet of GPT-2 writes each byte as one printable character: bytes that are
// printable in Latin-1 as themselves, the others, in order, as U+0100 and up (openai/gpt-2,
// src/encoder.py, bytes_to_unicode).
const alphabetEnd = 0x100 + 68

// alphabet maps characters below alphabetEnd to bytes, -1 for characters that stand for none.
var alphabet = func() (a [alphabetEnd]int16) {
	for i := range a {
		a[i] = -1
	}
	next := 0x100
	for b := range 256 {
		if b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xAC || b >= 0xAE {
			a[b] = int16(b)
		} else {
			a[next] = int16(b)
			next++
		}
	}
	return a
}()

// appendBytes appends the bytes that s spells in the byte-level alphabet. It reports false, with
// dst as it was, when s has a character outside the alphabet.
func appendBytes(dst []byte, s string) ([]byte, bool) {
	n := len(dst)
	for i := 0; i < len(s); {
		r, size := rune(s[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(s[i:])
		}
		if r >= alphabetEnd || alphabet[r] < 0 {
			return dst[:n], false
		}
		dst = append(dst, byte(alphabet[r]))
		i += size
	}
	return dst, true
}

// spellBytes fills piece for byte-level vocabularies and returns, for the tokens that BPE can
// produce, the id of each byte string. The pieces share one backing string.
func (v *vocab) spellBytes() map[string]int32 {
	var arena []byte
	end := make([]int, len(v.text))
	spelled := make([]bool, len(v.text))
	for i, s := range v.text {
		arena, spelled[i] = appendBytes(arena, s)
		end[i] = len(arena)
	}
	all := string(arena)
	v.piece = make([]string, len(v.text))
	ids := make(map[string]int32, len(v.text))
	start := 0
	for i, s := range v.text {
		raw := all[start:end[i]]
		start = end[i]
		if _, dup := ids[raw]; spelled[i] && raw != "" && !dup {
			ids[raw] = int32(i)
		}
		switch a := v.attr[i]; {
		case a&(attrHidden|attrUserDefined) != 0:
			v.piece[i] = s
		case a&attrNormal != 0 && spelled[i]:
			v.piece[i] = raw
		case a&attrNormal != 0:
			v.piece[i] = s // not byte-level at all: better its text than nothing
		case a&attrByte != 0:
			if b, ok := byteOf(s); ok {
				v.piece[i] = string([]byte{b})
			}
		}
	}
	return ids
}
