package jinja

import (
	"strings"
	"unicode"
)

// wrapper breaks a line into lines as Python's textwrap does.
type wrapper struct {
	width                int
	breakWords, onHyphen bool
}

const asciiSpaces = "\t\n\v\f\r "

// chunks cuts a line into words and runs of white space, and words after their hyphens.
func (w wrapper) chunks(s string) (all []string) {
	for s != "" {
		n := len(s) - len(strings.TrimLeft(s, asciiSpaces))
		if n == 0 {
			if n = strings.IndexAny(s, asciiSpaces); n < 0 {
				n = len(s)
			}
			if w.onHyphen {
				all = append(all, hyphenated(s[:n])...)
				s = s[n:]
				continue
			}
		}
		all = append(all, s[:n])
		s = s[n:]
	}
	return all
}

func isWordRune(r rune) bool   { return isWord(r) }
func isLetterRune(r rune) bool { return isWord(r) && !unicode.IsDigit(r) && r != '_' }

// hyphenated cuts a word after a hyphen between letters, and at dashes of two hyphens and more.
func hyphenated(s string) (parts []string) {
	word := []rune(s)
	start := 0
	cut := func(end int) {
		if end > start {
			parts = append(parts, string(word[start:end]))
			start = end
		}
	}
	for i := 0; i < len(word); i++ {
		if word[i] != '-' {
			continue
		}
		n := i
		for n < len(word) && word[n] == '-' {
			n++
		}
		switch {
		case n-i >= 2 && i > 0 && n < len(word) && isWordRune(word[n]) && (isWordRune(word[i-1]) || strings.ContainsRune(`!"'&.,?`, word[i-1])):
			cut(i)
			cut(n)
		case n-i == 1 && i-start >= 2 && isLetterRune(word[i-1]) && (isLetterRune(word[i-2]) || word[i-2] == '-') &&
			i+2 < len(word) && isLetterRune(word[i+1]) && (isLetterRune(word[i+2]) || word[i+2] == '-'):
			cut(i + 1)
		}
		i = n - 1
	}
	cut(len(word))
	return parts
}

func (w wrapper) wrap(s string) (lines []string) {
	if w.width <= 0 {
		fail("invalid width %d (must be > 0)", w.width)
	}
	chunks := w.chunks(s)
	for len(chunks) > 0 {
		var line []string
		n := 0
		if strings.Trim(chunks[0], asciiSpaces) == "" && len(lines) > 0 {
			chunks = chunks[1:]
		}
		for len(chunks) > 0 && n+runes(chunks[0]) <= w.width {
			line, n = append(line, chunks[0]), n+runes(chunks[0])
			chunks = chunks[1:]
		}
		if len(chunks) > 0 && runes(chunks[0]) > w.width {
			if w.breakWords {
				left := max(1, w.width-n)
				if w.width < 1 {
					left = 1
				}
				c := chunks[0]
				end := offset(c, left)
				if w.onHyphen && runes(c) > left {
					if h := strings.LastIndexByte(c[:end], '-'); h > 0 && strings.Trim(c[:h], "-") != "" {
						end = h + 1
					}
				}
				if w.width-n > 0 || len(line) == 0 {
					line = append(line, c[:end])
					chunks[0] = c[end:]
				}
			} else if len(line) == 0 {
				line = append(line, chunks[0])
				chunks = chunks[1:]
			}
		}
		if k := len(line); k > 0 && strings.Trim(line[k-1], asciiSpaces) == "" {
			line = line[:k-1]
		}
		if len(line) > 0 {
			lines = append(lines, strings.Join(line, ""))
		}
	}
	return lines
}
