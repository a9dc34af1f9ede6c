package tokenizer

import (
	"slices"
	"strings"
)

// The expressions of single families: DeepSeek's, which are lists of splits, BLOOM's and Falcon's.

// hanKana is [\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff].
func hanKana(r rune) bool { return r >= 0x4E00 && r <= 0x9FA5 || r >= 0x3040 && r <= 0x30FF }

// eastAsian is [\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff].
func eastAsian(r rune) bool {
	return r >= 0x0800 && r <= 0x9FA5 || r >= 0xAC00 && r <= 0xD7FF
}

// deepseekPunct is [!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002], capitals and small
// letters included.
func deepseekPunct(r rune) bool {
	return r >= '!' && r <= '/' || r >= ':' && r <= '~' || r >= 0xFF01 && r <= 0xFF0F || r >= 0xFF1A && r <= 0xFF5E ||
		r >= 0x2018 && r <= 0x201F || r >= 0x3000 && r <= 0x3002
}

// trailingSpace is \s+$, where $ is the end of the text or before its last line end.
func trailingSpace(s string) int {
	if end := run(s, 0, space); end == len(s) {
		return end
	}
	return 0
}

// deepseekWord is the main expression of DeepSeek-V3:
//
//	[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+
//	[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+
//	 ?[\p{P}\p{S}]+[\r\n]*
//	\s*[\r\n]+ | \s+(?!\S) | \s+
func deepseekWord(s string) int {
	r, c, size := at(s, 0)
	if r < 0x80 && c&(punct|sign) != 0 {
		end := 1
		for end < len(s) && (s[end]|0x20) >= 'a' && (s[end]|0x20) <= 'z' {
			end++
		}
		if end > 1 {
			return end
		}
	}
	lead := 0
	if r != '\r' && r != '\n' && c&(letter|punct|sign) == 0 {
		lead = size
	}
	if end := run(s, lead, letter|mark); end > lead {
		return end
	}
	if c&(letter|mark) != 0 {
		return size
	}
	body := 0
	if r == ' ' {
		body = 1
	}
	if end := run(s, body, punct|sign); end > body {
		return runBytes(s, end, "\r\n")
	}
	return spacesOnly(s)
}

// spacesOnly is spaces where there may be none.
func spacesOnly(s string) int {
	if _, c, _ := at(s, 0); c&space == 0 {
		return 0
	}
	return spaces(s, true)
}

// bloomWord is  ?[^(\s|.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c)]+
func bloomWord(s string) int {
	i := 0
	if s[0] == ' ' {
		i = 1
	}
	start := i
	for i < len(s) {
		r, c, n := at(s, i)
		if c&space != 0 || strings.ContainsRune("(|.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c)", r) {
			break
		}
		i += n
	}
	if i == start {
		return 0
	}
	return i
}

// falconPunct is \p{P} and what else is punctuation in ASCII.
func falconPunct(r rune) bool { return classOf(r)&punct != 0 || strings.ContainsRune("$+<=>^~|`", r) }

// cased are the ranges of letters with case that the expression of DeepSeek-LLM lists.
var cased = [][2]rune{
	{0x41, 0x5A}, {0x61, 0x7A}, {0xB5, 0xB5}, {0xC0, 0xD6}, {0xD8, 0xF6}, {0xF8, 0x1BA}, {0x1BC, 0x1BF}, {0x1C4, 0x293},
	{0x295, 0x2AF}, {0x370, 0x373}, {0x376, 0x376}, {0x377, 0x377}, {0x37B, 0x37D}, {0x37F, 0x37F}, {0x386, 0x386},
	{0x388, 0x38A}, {0x38C, 0x38C}, {0x38E, 0x3A1}, {0x3A3, 0x3F5}, {0x3F7, 0x481}, {0x48A, 0x52F}, {0x531, 0x556},
	{0x10A0, 0x10C5}, {0x13A0, 0x13F5}, {0x13F8, 0x13FD}, {0x1C90, 0x1CBA}, {0x1CBD, 0x1CBF}, {0x1D00, 0x1D2B},
	{0x1D6B, 0x1D77}, {0x1D79, 0x1D9A}, {0x1E00, 0x1F15}, {0x1F18, 0x1F1D}, {0x1F20, 0x1F45}, {0x1F48, 0x1F4D},
	{0x1F50, 0x1F57}, {0x1F59, 0x1F59}, {0x1F5B, 0x1F5B}, {0x1F5D, 0x1F5D}, {0x1F5F, 0x1F7D}, {0x1F80, 0x1FB4},
	{0x1FB6, 0x1FBC}, {0x1FBE, 0x1FBE}, {0x1FC2, 0x1FC4}, {0x1FC6, 0x1FCC}, {0x1FD0, 0x1FD3}, {0x1FD6, 0x1FDB},
	{0x1FE0, 0x1FEC}, {0x1FF2, 0x1FF4}, {0x1FF6, 0x1FFC}, {0x2102, 0x2102}, {0x2107, 0x2107}, {0x210A, 0x2113},
	{0x2115, 0x2115}, {0x2119, 0x211D}, {0x2124, 0x2124}, {0x2126, 0x2126}, {0x2128, 0x2128}, {0x212A, 0x212D},
	{0x212F, 0x2134}, {0x2139, 0x2139}, {0x213C, 0x213F}, {0x2145, 0x2149}, {0x214E, 0x214E}, {0x2183, 0x2183},
	{0x2184, 0x2184}, {0x2C00, 0x2C7B}, {0x2C7E, 0x2CE4}, {0x2CEB, 0x2CEE}, {0x2CF2, 0x2CF2}, {0x2CF3, 0x2CF3},
	{0xA640, 0xA66D}, {0xA680, 0xA69B}, {0xA722, 0xA76F}, {0xA771, 0xA787}, {0xA78B, 0xA78E}, {0xAB70, 0xABBF},
	{0xFB00, 0xFB06}, {0xFB13, 0xFB17}, {0xFF21, 0xFF3A}, {0xFF41, 0xFF5A}, {0x10400, 0x1044F}, {0x104B0, 0x104D3},
	{0x104D8, 0x104FB}, {0x10C80, 0x10CB2}, {0x10CC0, 0x10CF2}, {0x118A0, 0x118DF}, {0x1E900, 0x1E943},
}

// isCased reports whether r is in cased.
func isCased(r rune) bool {
	_, found := slices.BinarySearchFunc(cased, r, func(p [2]rune, r rune) int {
		switch {
		case p[1] < r:
			return -1
		case p[0] > r:
			return 1
		}
		return 0
	})
	return found
}
