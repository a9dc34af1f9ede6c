package lab

import (
	"errors"
	"fmt"
	"strings"
)

// The sentence that is hidden, what is asked, and what an answer must contain, in any case of
// letters: those of REFRACT's retrieval test (TheTom/turboquant_plus). A sentence about a password
// makes tuned models refuse.
const (
	NeedleText     = "Note: APRICOT-7-BLUE is the rare paint color featured in this article."
	NeedleQuestion = "What is the rare paint color featured in this article? Answer with its name only."
	// for a model that continues text
	NeedleLead   = "\n\nThe rare paint color featured in this article is"
	needleAnswer = "apricot-7-blue"
)

// Verdicts on an answer.
const (
	Found  = "found"
	Partly = "partly" // a part of the name
	Missed = "missed"
)

// Judge looks for the needle in an answer, which must not hold the prompt.
func Judge(answer string) string {
	answer = strings.ToLower(answer)
	if strings.Contains(answer, needleAnswer) {
		return Found
	}
	for part := range strings.SplitSeq(needleAnswer, "-") {
		if len(part) > 1 && strings.Contains(answer, part) {
			return Partly
		}
	}
	return Missed
}

// Haystack makes the prompt of a needle test.
type Haystack struct {
	Text   string // to hide the needle in, repeated when it is too short
	Prompt func(hay string) ([]int32, error)
}

// Hide makes a prompt of at most length tokens. The needle stands about a share at (0 to 1) into
// the text, after the nearest end of a sentence. chars is the length in bytes of the text used.
func (h Haystack) Hide(length int, at float64) (prompt []int32, chars int, err error) {
	bare, err := h.Prompt(" " + NeedleText + " ")
	if err != nil {
		return nil, 0, err
	}
	if len(bare) >= length {
		return nil, 0, fmt.Errorf("a haystack of %d tokens: want more than the %d of needle and question", length, len(bare))
	}
	if h.Text == "" {
		return nil, 0, errors.New("a haystack needs a text: it has none")
	}
	// A cut is found by bisection, as how many tokens a text takes is known only when it is cut
	// into them.
	lo, hi := 0, 16*length
	for hi-lo > max(1, length/50) {
		mid := (lo + hi) / 2
		p, err := h.Prompt(h.with(mid, at))
		if err != nil {
			return nil, 0, err
		}
		if len(p) <= length {
			lo, prompt = mid, p
		} else {
			hi = mid
		}
	}
	if prompt == nil {
		prompt = bare
	}
	return prompt, lo, nil
}

// with is the first n bytes of the text with the needle in it.
func (h Haystack) with(n int, at float64) string {
	text := h.Text
	for len(text) < n {
		text += "\n" + h.Text
	}
	text = strings.ToValidUTF8(text[:n], "")
	cut := boundary(text, int(at*float64(len(text))))
	return text[:cut] + " " + NeedleText + " " + text[cut:]
}

// boundary returns the end of a sentence within 200 bytes of at, the nearest one; else the end of a
// word; else at.
func boundary(text string, at int) int {
	const reach = 200
	best, word := -1, -1
	near := func(old, i int) int {
		if old < 0 || distance(i, at) < distance(old, at) {
			return i
		}
		return old
	}
	for i := max(1, at-reach); i < min(len(text), at+reach); i++ {
		if text[i] != ' ' && text[i] != '\n' {
			continue
		}
		word = near(word, i)
		if strings.IndexByte(".!?", text[i-1]) >= 0 {
			best = near(best, i)
		}
	}
	switch {
	case at <= 0:
		return 0
	case best >= 0:
		return best
	case word >= 0:
		return word
	}
	for at < len(text) && text[at]&0xc0 == 0x80 { // not inside a character
		at++
	}
	return min(at, len(text))
}

func distance(a, b int) int { return max(a-b, b-a) }

// NeedleCell is one needle and what came of it.
type NeedleCell struct {
	Length  int     `json:"length"` // tokens asked for
	Tokens  int     `json:"n_prompt"`
	At      float64 `json:"position"`
	Answer  string  `json:"answer"`
	Verdict string  `json:"verdict"`
}

// NeedleScore compares a candidate with the reference on the same needles.
type NeedleScore struct {
	Reference float64 `json:"reference_hits"` // share found
	Candidate float64 `json:"candidate_hits"`
	// mean over lengths of what the candidate loses there; gains count as nothing
	Degradation float64 `json:"degradation"`
	Low         bool    `json:"low_confidence"`
}

// lowAccuracy is the share of needles below which a reference says nothing about a candidate
// (REFRACT, axis C).
const lowAccuracy = .2

// ScoreNeedles reads the cells of a candidate against those of the reference, which are in the same
// order.
func ScoreNeedles(ref, cand []NeedleCell) (s NeedleScore) {
	type counts struct{ n, ref, cand float64 }
	byLength := map[int]*counts{}
	for i := range ref {
		c := byLength[ref[i].Length]
		if c == nil {
			c = &counts{}
			byLength[ref[i].Length] = c
		}
		c.n++
		if ref[i].Verdict == Found {
			c.ref++
			s.Reference++
		}
		if cand[i].Verdict == Found {
			c.cand++
			s.Candidate++
		}
	}
	for _, c := range byLength {
		s.Degradation += max(0, c.ref-c.cand) / c.n
	}
	n := float64(max(1, len(ref)))
	s.Reference, s.Candidate, s.Degradation = s.Reference/n, s.Candidate/n, s.Degradation/float64(max(1, len(byLength)))
	s.Low = s.Reference < lowAccuracy
	return s
}
