package tokenizer

import "strings"

// wordPattern is the shape that the pre-tokenisers of GPT-2, Llama 3, Qwen, Mistral and o200k
// share. At each position the first alternative that matches takes a word:
//
//	contraction   's 't 're 've 'm 'll 'd
//	letters       one optional lead, then letters
//	numbers
//	punctuation   an optional space, then anything that is no space, letter or number, then tail
//	spaces        up to the last line end; else all but the last, which leads the next
//	              word; else all
//
// The order is that of the regular expressions in the models' tokenizer.json.
type wordPattern struct {
	// the lead of letters and numbers is a space, contractions are lower case, line ends are mere
	// spaces
	gpt2    bool
	short   bool  // contractions are words of their own
	fold    bool  // contractions are matched with Unicode's case folding, in which U+017F is an s
	letters class // what counts as a letter: letter, or letter and mark
	// where a word is cut between a small letter and a capital (tekken, o200k): the capitals,
	upper   class
	lower   class  // and the small letters; a character may be both
	without class  // letters of this class are no part of words, but words of their own (Kimi)
	suffix  bool   // such a word takes a contraction at its end (o200k)
	digits  int    // numbers are cut into groups of at most this many; 0 is no limit
	tail    string // line ends and such that punctuation takes along
}

// match returns the length of the word at the start of s, which is not empty.
func (w *wordPattern) match(s string) int {
	r, c, size := at(s, 0)
	if c&w.without != 0 {
		return run(s, 0, w.without)
	}
	if w.short && r == '\'' {
		if n := w.contraction(s); n > 0 {
			return n
		}
	}
	if n := w.word(s, r, c, size); n > 0 {
		return n
	}
	if n := w.number(s, r, c, size); n > 0 {
		return n
	}
	body := 0
	if r == ' ' {
		body = size
	}
	if end := runOther(s, body, space|number|w.letters); end > body {
		return runBytes(s, end, w.tail)
	}
	return spaces(s, !w.gpt2)
}

// word matches letters with their lead; r, c and size describe the first character of s.
func (w *wordPattern) word(s string, r rune, c class, size int) int {
	lead := 0
	switch {
	case w.gpt2 && r == ' ', !w.gpt2 && r != '\r' && r != '\n' && c&(letter|number) == 0:
		lead = size
	}
	if w.upper != 0 {
		return w.casedWord(s, lead)
	}
	if end := run(s, lead, w.letters); end > lead {
		return end
	}
	// Where marks are letters, a mark that nothing follows is both lead and word: the lead gives
	// way.
	if c&w.letters != 0 {
		return size
	}
	return 0
}

// number matches numbers; for GPT-2 with a space before them.
func (w *wordPattern) number(s string, r rune, c class, size int) int {
	if w.gpt2 {
		lead := 0
		if r == ' ' {
			lead = size
		}
		if end := run(s, lead, number); end > lead {
			return end
		}
		return 0
	}
	end := 0
	for n := 0; c&number != 0 && n < w.digits; n++ {
		end += size
		_, c, size = at(s, end)
	}
	return end
}

// contraction matches 's 't 'm 'd 're 've 'll, except for GPT-2 with capitals too.
func (w *wordPattern) contraction(s string) int {
	const longS = "'\u017f"
	if w.fold && strings.HasPrefix(s, longS) {
		return len(longS)
	}
	get := func(i int) byte {
		if i >= len(s) {
			return 0
		}
		if b := s[i]; !w.gpt2 && b >= 'A' && b <= 'Z' {
			return b + 'a' - 'A'
		}
		return s[i]
	}
	if get(0) != '\'' {
		return 0
	}
	switch get(1) {
	case 's', 't', 'm', 'd':
		return 2
	case 'r', 'v':
		if get(2) == 'e' {
			return 3
		}
	case 'l':
		if get(2) == 'l' {
			return 3
		}
	}
	return 0
}

// spaces matches white space. With lines, it ends after the last line end of the run; otherwise the
// last character is left for the next word, unless nothing follows or it is alone.
func spaces(s string, lines bool) int {
	end, last, line := 0, 0, 0
	for {
		r, c, n := at(s, end)
		if n == 0 || c&space == 0 {
			break
		}
		last = end
		end += n
		if r == '\r' || r == '\n' {
			line = end
		}
	}
	switch {
	case lines && line > 0:
		return line
	case last > 0 && end < len(s):
		return last
	}
	return end
}

// casedWord matches lead? capitals* smalls+ or else lead? capitals+ smalls* and returns the end or
// 0. As in the expressions, a lead that can be a letter too, which a mark is, gives way where
// nothing matches behind it.
func (w *wordPattern) casedWord(s string, lead int) int {
	end := 0
	if lead > 0 {
		end = w.smallWord(s, lead)
	}
	if end == 0 {
		end = w.smallWord(s, 0)
	}
	if end == 0 {
		// There is no small letter in either place, so the word is capitals.
		if end = w.run(s, lead, w.upper); end == lead {
			end = w.run(s, 0, w.upper)
		}
	}
	if end > 0 && w.suffix {
		end += w.contraction(s[end:])
	}
	return end
}

// smallWord matches capitals* smalls+ from byte i on and returns the end or 0.
func (w *wordPattern) smallWord(s string, i int) int {
	end := 0 // behind the last capital that can be small too, where the capitals can give way
	for {
		_, c, n := at(s, i)
		if n == 0 || c&w.upper == 0 || c&w.without != 0 {
			break
		}
		i += n
		if c&w.lower != 0 {
			end = i
		}
	}
	if smalls := w.run(s, i, w.lower); smalls > i {
		return smalls
	}
	return end
}

// run is the end of the characters from byte i on that are in set and not in without.
func (w *wordPattern) run(s string, i int, set class) int {
	for {
		_, c, n := at(s, i)
		if n == 0 || c&set == 0 || c&w.without != 0 {
			return i
		}
		i += n
	}
}
