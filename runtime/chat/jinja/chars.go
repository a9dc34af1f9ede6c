package jinja

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// runes is the length of a text in code points.
func runes(s string) int { return utf8.RuneCountInString(s) }

// size is the length in bytes of the first code point of s.
func size(s string) int {
	_, n := utf8.DecodeRuneInString(s)
	return n
}

// offset is the byte at which code point i of s begins.
func offset(s string, i int) int {
	at := 0
	for ; i > 0 && at < len(s); i-- {
		at += size(s[at:])
	}
	return at
}

func charAt(s string, i int) (any, bool) {
	if i < 0 {
		if i += runes(s); i < 0 {
			return nil, false
		}
	}
	at := offset(s, i)
	if at >= len(s) {
		return nil, false
	}
	return s[at : at+size(s[at:])], true
}

// isSpace is str.isspace of one character.
func isSpace(r rune) bool {
	return r >= 0x1c && r <= 0x1f || unicode.IsSpace(r)
}

// isLineEnd is where str.splitlines cuts.
func isLineEnd(r rune) bool {
	return r >= '\n' && r <= '\r' || r >= 0x1c && r <= 0x1e || r == 0x85 || r == 0x2028 || r == 0x2029
}

// splitLines is str.splitlines.
func splitLines(s string, keep bool) []string {
	var lines []string
	for s != "" {
		i := strings.IndexFunc(s, isLineEnd)
		if i < 0 {
			return append(lines, s)
		}
		end := i + size(s[i:])
		if s[i] == '\r' && end < len(s) && s[end] == '\n' {
			end++
		}
		if keep {
			i = end
		}
		lines = append(lines, s[:i])
		s = s[end:]
	}
	return lines
}

func isIdentifier(s string) bool {
	for i, r := range s {
		start := r == '_' || unicode.IsLetter(r) || unicode.Is(unicode.Nl, r) || unicode.Is(unicode.Other_ID_Start, r)
		if !start && (i == 0 || !unicode.In(r, unicode.Mn, unicode.Mc, unicode.Nd, unicode.Pc, unicode.Other_ID_Continue)) {
			return false
		}
	}
	return s != ""
}

func upper(s string) string { return mapped(s, unicode.ToUpper, upperOf) }

// lower is str.lower: a capital sigma at the end of a word is a final one.
func lower(s string) string {
	if !strings.ContainsAny(s, "Σİ") {
		return mapped(s, unicode.ToLower, nil)
	}
	all := []rune(s)
	var b strings.Builder
	for i, r := range all {
		switch r {
		case 'İ':
			b.WriteString("i̇")
		case 'Σ':
			b.WriteRune(sigma(all, i))
		default:
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return b.String()
}

func sigma(all []rune, i int) rune {
	ignored := func(r rune) bool {
		return unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf, unicode.Lm, unicode.Sk) || strings.ContainsRune("'.:·’", r)
	}
	before, after := i-1, i+1
	for before >= 0 && ignored(all[before]) {
		before--
	}
	for after < len(all) && ignored(all[after]) {
		after++
	}
	if before >= 0 && cased(all[before]) && (after >= len(all) || !cased(all[after])) {
		return 'ς'
	}
	return 'σ'
}

func cased(r rune) bool {
	return unicode.IsUpper(r) || unicode.IsLower(r) || unicode.IsTitle(r) || unicode.In(r, unicode.Other_Lowercase, unicode.Other_Uppercase)
}

func mapped(s string, one func(rune) rune, special map[rune]string) string {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			var b strings.Builder
			for _, r := range s {
				if t, ok := special[r]; ok {
					b.WriteString(t)
				} else {
					b.WriteRune(one(r))
				}
			}
			return b.String()
		}
	}
	return strings.Map(one, s)
}

// titled is the title case of one character.
func titled(c string) string {
	r, _ := utf8.DecodeRuneInString(c)
	if t, ok := titleOf[r]; ok {
		return t
	}
	return string(unicode.ToTitle(r))
}

func capitalize(s string) string {
	if s == "" {
		return s
	}
	n := size(s)
	return titled(s[:n]) + lower(s)[len(lower(s[:n])):]
}

// title is str.title: what follows a letter is small, all else a capital.
func title(s string) string {
	var b strings.Builder
	before := false
	all := []rune(s)
	for i, r := range all {
		switch {
		case before && r == 'Σ':
			b.WriteRune(sigma(all, i))
		case before:
			b.WriteString(lower(string(r)))
		default:
			b.WriteString(titled(string(r)))
		}
		before = cased(r)
	}
	return b.String()
}

// caseFold is the small letter of the capital of each character, but for the one without a dot.
func caseFold(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r == 'ı' {
			b.WriteRune(r)
		} else {
			b.WriteString(lower(upper(string(r))))
		}
	}
	return b.String()
}

func swapCase(s string) string {
	var b strings.Builder
	all := []rune(s)
	for i, r := range all {
		switch {
		case r == 'Σ':
			b.WriteRune(sigma(all, i))
		case unicode.IsUpper(r):
			b.WriteString(lower(string(r)))
		case unicode.IsLower(r):
			b.WriteString(upper(string(r)))
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
