package tokenizer

import (
	"cmp"
	"slices"
	"sort"
	"strings"
)

// specials finds tokens written out in text. Control tokens are looked for only when the caller
// parses special tokens, user-defined ones always.
type specials struct {
	v      *vocab
	rules  Rules
	sorted []int32     // by text
	first  [256][2]int // the range of sorted whose texts begin with a byte
}

func newSpecials(v *vocab, r Rules) *specials {
	s := &specials{v: v, rules: r}
	for i, a := range v.attr {
		if a&(attrHidden|attrUserDefined) != 0 && v.text[i] != "" && v.id[v.text[i]] == int32(i) {
			s.sorted = append(s.sorted, int32(i))
		}
	}
	slices.SortFunc(s.sorted, func(a, b int32) int { return strings.Compare(v.text[a], v.text[b]) })
	for b := range s.first {
		s.first[b][0], s.first[b][1] = s.narrow(0, len(s.sorted), 0, byte(b))
	}
	return s
}

// narrow returns the part of sorted[lo:hi] whose texts have byte b at depth. The texts agree before
// depth and are longer than depth.
func (s *specials) narrow(lo, hi, depth int, b byte) (int, int) {
	part := s.sorted[lo:hi]
	from := sort.Search(len(part), func(i int) bool { return s.v.text[part[i]][depth] >= b })
	to := sort.Search(len(part), func(i int) bool { return s.v.text[part[i]][depth] > b })
	return lo + from, lo + to
}

// present returns the tokens that occur anywhere in text, the longest first. A vocabulary may have
// thousands of special tokens and a text of megabytes contain none, so this one pass comes before
// the search for each.
func (s *specials) present(text string, parse bool) []int32 {
	var ids []int32
	seen := make([]bool, len(s.sorted))
	for i := range len(text) {
		r := s.first[text[i]]
		lo, hi := r[0], r[1]
		for depth := 1; lo < hi; depth++ {
			if id := s.sorted[lo]; len(s.v.text[id]) == depth {
				if !seen[lo] && (parse || s.v.attr[id]&attrHidden == 0) {
					ids = append(ids, id)
				}
				seen[lo] = true
				lo++
			}
			if i+depth >= len(text) {
				break
			}
			lo, hi = s.narrow(lo, hi, depth, text[i+depth])
		}
	}
	slices.SortFunc(ids, func(a, b int32) int {
		return cmp.Or(len(s.v.text[b])-len(s.v.text[a]), int(a-b))
	})
	return ids
}

// fragment is a piece of the input: text, or a token found in it.
type fragment struct {
	text string
	id   int32 // None for text
}

// partition cuts text at special tokens. For the model's own tokenizer that is a walk from left to
// right, which takes the longest token that begins where it stands.
func (s *specials) partition(text string, parse bool) []fragment {
	if text == "" {
		return nil
	}
	if s.rules == LlamaCpp {
		return s.claim(text, parse)
	}
	var parts []fragment
	start := 0 // of text that is no token
	for i := 0; i < len(text); {
		id := s.longest(text[i:], parse)
		if id == None {
			i++
			continue
		}
		left, a := text[start:i], s.v.attr[id]
		i += len(s.v.text[id])
		if a&attrLeftStrip != 0 {
			left = strings.TrimRight(left, stripped)
		}
		if a&attrRightStrip != 0 {
			i = len(text) - len(strings.TrimLeft(text[i:], stripped))
		}
		if start = i; left != "" {
			parts = append(parts, fragment{left, None})
		}
		parts = append(parts, fragment{id: id})
	}
	if start < len(text) {
		parts = append(parts, fragment{text[start:], None})
	}
	return parts
}

// longest returns the longest token that text, which is not empty, begins with, or None.
func (s *specials) longest(text string, parse bool) int32 {
	found := None
	r := s.first[text[0]]
	lo, hi := r[0], r[1]
	for depth := 1; lo < hi; depth++ {
		if id := s.sorted[lo]; len(s.v.text[id]) == depth {
			if parse || s.v.attr[id]&attrHidden == 0 {
				found = id
			}
			lo++
		}
		if depth >= len(text) {
			break
		}
		lo, hi = s.narrow(lo, hi, depth, text[depth])
	}
	return found
}

// claim cuts text as llama.cpp does. The longest token claims its occurrences first, from left to
// right; the next looks only in the text that is left.
func (s *specials) claim(text string, parse bool) []fragment {
	parts := []fragment{{text, None}}
	for _, id := range s.present(text, parse) {
		var next []fragment
		for _, f := range parts {
			if f.id != None {
				next = append(next, f)
				continue
			}
			next = s.split(next, f.text, id)
		}
		parts = next
	}
	return parts
}

func (s *specials) split(out []fragment, text string, id int32) []fragment {
	word, a := s.v.text[id], s.v.attr[id]
	for text != "" {
		i := strings.Index(text, word)
		if i < 0 {
			return append(out, fragment{text, None})
		}
		left := text[:i]
		text = text[i+len(word):]
		if a&attrLeftStrip != 0 {
			left = strings.TrimRight(left, stripped)
		}
		if a&attrRightStrip != 0 {
			text = strings.TrimLeft(text, stripped)
		}
		if left != "" {
			out = append(out, fragment{left, None})
		}
		out = append(out, fragment{id: id})
	}
	return out
}

// stripped is isspace of the C locale.
const stripped = " \t\n\v\f\r"
