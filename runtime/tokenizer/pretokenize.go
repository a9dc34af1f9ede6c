package tokenizer

import (
	"fmt"
	"slices"
	"strings"
)

// preTokenizer cuts text into the words that BPE merges inside. The splits are applied one after
// the other, each to every piece the one before it left; none looks past the piece it is given.
type preTokenizer struct {
	names  []string // values of tokenizer.ggml.pre
	splits []split
	// splits by llama.cpp's rules; nil where they are the same
	llama        []split
	words        *wordPattern // the last split, nil where there is none of this shape
	nfc          bool         // text is composed (Unicode normalisation form C) first
	ignoreMerges bool         // a word that is a token is taken whole
	ranked       bool         // ignoreMerges holds for the model's own tokenizer alone
	addBOS       bool         // unless the file says otherwise
}

// split returns the length, above 0, of the first piece of s, which is not empty.
type split func(s string) int

// cut calls yield for each word of text, in order. Together the words are the text.
func (p *preTokenizer) cut(text string, yield func(word string)) { cut(p.splits, text, yield) }

func cut(splits []split, text string, yield func(string)) {
	if len(splits) == 0 {
		if text != "" {
			yield(text)
		}
		return
	}
	for len(text) > 0 {
		n := splits[0](text)
		cut(splits[1:], text[:n], yield)
		text = text[n:]
	}
}

// isolate makes a split of a pattern that does not match everywhere: each match is a piece, and so
// is the text between two matches. match returns the length of a match at the start of its
// argument, or 0.
func isolate(match func(s string) int) split {
	return func(s string) int {
		if n := match(s); n > 0 {
			return n
		}
		i := 0
		for i < len(s) {
			_, _, size := at(s, i)
			i += size
			if i < len(s) && match(s[i:]) > 0 {
				break
			}
		}
		return i
	}
}

// runOf matches characters of a class, as many as there are. With lead, one space may come first.
func runOf(set class, lead bool) func(string) int {
	return func(s string) int {
		start := 0
		if _, c, n := at(s, 0); lead && c&space != 0 {
			start = n
		}
		if end := run(s, start, set); end > start {
			return end
		}
		return 0
	}
}

// oneOf matches a single character of a class.
func oneOf(set class) func(string) int { return upTo(set, 1) }

// upTo matches at most n characters of a class.
func upTo(set class, n int) func(string) int {
	return func(s string) int {
		end := 0
		for range n {
			_, c, size := at(s, end)
			if c&set == 0 {
				break
			}
			end += size
		}
		return end
	}
}

// spaced matches what match does, with white space before it if there is some.
func spaced(match func(string) int) func(string) int {
	return func(s string) int {
		if _, c, n := at(s, 0); c&space != 0 {
			if end := match(s[n:]); end > 0 {
				return n + end
			}
		}
		return match(s)
	}
}

// runOfRunes matches characters for which in holds, as many as there are.
func runOfRunes(in func(rune) bool) func(string) int {
	return func(s string) int {
		i := 0
		for {
			r, _, n := at(s, i)
			if n == 0 || !in(r) {
				return i
			}
			i += n
		}
	}
}

// findPre looks a pre-tokeniser up, as r reads it.
func findPre(name string, r Rules) (preTokenizer, error) {
	var known []string
	for _, p := range preTokenizers {
		if slices.Contains(p.names, name) {
			return r.pre(p), nil
		}
		known = append(known, p.names...)
	}
	slices.Sort(known)
	return preTokenizer{}, fmt.Errorf("tokenizer: %s = %q is not a pre-tokeniser known here; known are %s",
		keyPre, clip(name), strings.Join(known, ", "))
}
