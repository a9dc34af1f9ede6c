package tokenizer

// wordPattern is the shape that the pre-tokenisers of GPT-2, Llama 3, Qwen, Mistral and o200k share. At each position
// the first alternative that matches takes a word:
//
//	contraction   's 't 're 've 'm 'll 'd
//	letters       one optional lead, then letters
//	numbers
//	punctuation   an optional space, then anything that is no space, letter or number, then tail
//	spaces        up to the last line end; else all but the last, which leads the next word; else all
//
// The order is that of the regular expressions in the models' tokenizer.json.
type wordPattern struct {
	gpt2    bool   // the lead of letters and numbers is a space, contractions are lower case, line ends are mere spaces
	short   bool   // contractions are words of their own
	letters class  // what counts as a letter: letter, or letter and mark
	cased   bool   // a word is cut where a small letter is followed by a capital (tekken, o200k)
	suffix  bool   // and takes a contraction at its end (o200k)
	digits  int    // numbers are cut into groups of at most this many; 0 is no limit
	tail    string // line ends and such that punctuation takes along
}

// match returns the length of the word at the start of s, which is not empty.
func (w *wordPattern) match(s string) int {
	r, c, size := at(s, 0)
	if w.short && r == '\'' {
		if n := contraction(s, !w.gpt2); n > 0 {
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
	if w.cased {
		return casedWord(s, lead, w.suffix)
	}
	if end := run(s, lead, w.letters); end > lead {
		return end
	}
	// Where marks are letters, a mark that nothing follows is both lead and word: the lead gives way.
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

// contraction matches 's 't 'm 'd 're 've 'll; fold accepts capitals.
func contraction(s string, fold bool) int {
	get := func(i int) byte {
		if i >= len(s) {
			return 0
		}
		if b := s[i]; fold && b >= 'A' && b <= 'Z' {
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

// spaces matches white space. With lines, it ends after the last line end of the run; otherwise the last character is
// left for the next word, unless nothing follows or it is alone.
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

// casedWord matches capitals* smalls+ or else capitals+ smalls*, starting at lead, and returns the end or 0. Letters
// outside ASCII count as both, and marks as neither: so llama.cpp reads the models' classes of capital, title, modifier
// and other letters, and its ids are the ones to agree with.
func casedWord(s string, lead int, suffix bool) int {
	capitals := lead // end of the letters that may be capital
	lastBoth := -1   // the last of them that may be small too, where the capitals can give way
	for {
		_, c, n := at(s, capitals)
		if n == 0 || c&letter == 0 || c&lower != 0 {
			break
		}
		if c&upper == 0 {
			lastBoth = capitals
		}
		capitals += n
	}
	smalls := capitals
	for {
		_, c, n := at(s, smalls)
		if n == 0 || c&letter == 0 || c&upper != 0 {
			break
		}
		smalls += n
	}
	end := smalls
	if smalls == capitals {
		if capitals == lead {
			return 0
		}
		// capitals* smalls+ wants one small letter at least: back up to the last letter that can be one.
		if lastBoth >= 0 {
			_, _, n := at(s, lastBoth)
			end = lastBoth + n
		}
	}
	if suffix {
		end += contraction(s[end:], true)
	}
	return end
}
