package lab

import (
	"math"
	"strings"
	"testing"
)

func TestJudge(t *testing.T) {
	for answer, want := range map[string]string{
		" APRICOT-7-BLUE.":            Found,
		"It is Apricot-7-blue":        Found,
		"apricot blue":                Partly,
		"The colour is blue":          Partly,
		"7":                           Missed,
		"":                            Missed,
		"a paint color":               Missed,
		strings.ToUpper(needleAnswer): Found,
	} {
		if got := Judge(answer); got != want {
			t.Errorf("%q: %s, want %s", answer, got, want)
		}
	}
}

// TestHide looks where the needle stands and how long the prompt is.
func TestHide(t *testing.T) {
	_, tok := openDemo(t)
	hay := strings.Repeat("One sentence ends here. Another one is longer than the first! Is this the third? ", 20)
	h := Haystack{Text: hay, Prompt: func(s string) ([]int32, error) { return tok.Encode(s+NeedleLead, true, false), nil }}
	for _, at := range []float64{0, .1, .5, .9, 1} {
		tokens, used, err := h.Hide(300, at)
		if err != nil {
			t.Fatal(err)
		}
		text := tok.Decode(tokens, false)
		i := strings.Index(text, NeedleText)
		if i < 0 || strings.Count(text, NeedleText) != 1 || !strings.HasSuffix(text, NeedleLead) {
			t.Fatalf("at %v: %q", at, text)
		}
		if before := strings.TrimRight(text[:i], " "); at > 0 && at < 1 && !strings.ContainsAny(before[len(before)-1:], ".!?") {
			t.Errorf("at %v the needle follows %q", at, before[max(0, len(before)-20):])
		}
		if share := float64(i) / float64(used); math.Abs(share-at) > .15 {
			t.Errorf("at %v it stands at %.2f", at, share)
		}
		if len(tokens) > 300 || len(tokens) < 270 {
			t.Errorf("at %v: %d tokens for 300", at, len(tokens))
		}
	}
	if _, used, err := h.Hide(5000, .5); err != nil || used <= len(hay) {
		t.Errorf("a short text is repeated: %d bytes used, %v", used, err)
	}
	if _, _, err := h.Hide(10, .5); err == nil {
		t.Error("a haystack shorter than the needle was accepted")
	}
	// no sentence ends, no spaces: the cut must not split a character
	h.Text = strings.Repeat("日本語の文章", 300)
	if tokens, _, err := h.Hide(400, .37); err != nil || strings.ContainsRune(tok.Decode(tokens, false), '\ufffd') {
		t.Errorf("%v: a character was cut", err)
	}
}

func TestScoreNeedles(t *testing.T) {
	cells := func(verdicts string) (all []NeedleCell) {
		for i, v := range verdicts {
			c := NeedleCell{Length: 100 * (1 + i/2), Verdict: Missed}
			if v == '+' {
				c.Verdict = Found
			}
			all = append(all, c)
		}
		return all
	}
	for _, c := range []struct {
		ref, cand string
		want      NeedleScore
	}{
		{"++++", "++++", NeedleScore{1, 1, 0, false}},
		{"++++", "++--", NeedleScore{1, .5, .5, false}},
		// gains elsewhere do not make up for a loss
		{"++--", "--++", NeedleScore{.5, .5, .5, false}},
		{"+-++", "-++-", NeedleScore{.75, .5, .25, false}}, // another at the same length does
		{"----", "++--", NeedleScore{0, .5, 0, true}},
	} {
		if got := ScoreNeedles(cells(c.ref), cells(c.cand)); got != c.want {
			t.Errorf("%s %s: %+v, want %+v", c.ref, c.cand, got, c.want)
		}
	}
}
