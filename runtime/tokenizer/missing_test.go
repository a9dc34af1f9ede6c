package tokenizer

import (
	"math"
	"slices"
	"strings"
	"testing"
)

// all names every part that is missing at once.
func TestMissingParts(t *testing.T) {
	m := goodBPE()
	delete(m, keyTokens)
	delete(m, keyMerges)
	_, err := New(m)
	if err == nil || !strings.Contains(err.Error(), `a "gpt2" vocabulary needs tokenizer.ggml.tokens and tokenizer.ggml.merges`) {
		t.Errorf("error %v", err)
	}
	for model, kind := range map[string]string{"bert": "WordPiece", "t5": "Unigram", "no_vocab": "no vocabulary at all"} {
		m := goodBPE()
		m[keyModel] = model
		if _, err := New(m); err == nil || !strings.Contains(err.Error(), kind) {
			t.Errorf("%s: error %v", model, err)
		}
	}
}

// Scores are numbers of any kind, and a vocabulary that merges by rank needs none.
func TestScores(t *testing.T) {
	want, err := New(goodSPM())
	if err != nil {
		t.Fatal(err)
	}
	m := goodSPM()
	m[keyScores] = []int32{0, 0, 0, -3, -2, -1}
	got, err := New(m)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := got.Encode("a a", true, false), want.Encode("a a", true, false); !slices.Equal(a, b) {
		t.Errorf("ids %v with integer scores, %v with floats", a, b)
	}
	m[keyScores] = []string{"1"}
	if _, err := New(m); err == nil {
		t.Error("scores of text are accepted")
	}
	for _, scores := range []any{[]int32{0}, []float32{float32(math.NaN())}, []string{"x"}} {
		b := goodBPE()
		b[keyScores] = scores
		if _, err := New(b); err != nil {
			t.Errorf("BPE with scores %v: %v", scores, err)
		}
	}
}

// A repeated entry is encoded to the lowest id; all of them decode.
func TestRepeatedEntries(t *testing.T) {
	m := goodBPE()
	m[keyTokens] = []string{"a", "b", "ab", "<|endoftext|>", "Ġ", "ab", "<|endoftext|>"}
	m[keyTokenTypes] = []int32{1, 1, 1, 3, 1, 1, 3}
	tok, err := New(m)
	if err != nil {
		t.Fatal(err)
	}
	if got := tok.Encode("ab<|endoftext|>ab", false, true); !slices.Equal(got, []int32{2, 3, 2}) {
		t.Errorf("ids %v", got)
	}
	if got := tok.Decode([]int32{2, 5, 6}, true); got != "abab<|endoftext|>" {
		t.Errorf("text %q", got)
	}
}

// add_eos_token is for training: nothing is put behind a text that is to be continued, and a note
// says so.
func TestNoEndTokenIsAdded(t *testing.T) {
	for _, r := range []Rules{Own, LlamaCpp} {
		m := goodSPM()
		m[keyAddEOS] = true
		tok, err := Read(m, r)
		if err != nil {
			t.Fatal(err)
		}
		if got := tok.Encode("a", true, true); !slices.Equal(got, []int32{1, 5}) {
			t.Errorf("%s: ids %v", r, got)
		}
		if len(tok.Notes) != 1 || !strings.Contains(tok.Notes[0], "add_eos_token") {
			t.Errorf("%s: notes %q", r, tok.Notes)
		}
	}
}

// What a file calls text is text, whatever it looks like, unless the file itself names it as
// special.
func TestTypesDecide(t *testing.T) {
	read := func(r Rules, change func(fake)) *Tokenizer {
		m := goodBPE()
		m[keyTokens] = []string{"a", "b", "ab", "<|endoftext|>", "Ġ", "</s>", "<|im_end|>", "[PAD]"}
		m[keyTokenTypes] = []int32{1, 1, 1, 3, 1, 1, 1, 1}
		change(m)
		tok, err := Read(m, r)
		if err != nil {
			t.Fatal(err)
		}
		return tok
	}
	for _, c := range []struct {
		name   string
		rules  Rules
		change func(fake)
		ends   []int32
		found  bool // "<|im_end|>" is found in text
	}{
		{"normal", Own, func(fake) {}, []int32{3}, false},
		{"llama.cpp", LlamaCpp, func(fake) {}, []int32{3, 5, 6, 7}, true},
		{"named", Own, func(m fake) { m["tokenizer.ggml.eot_token_id"] = uint32(6) }, []int32{3, 6}, true},
		{"no types", Own, func(m fake) { delete(m, keyTokenTypes) }, []int32{3, 5, 6, 7}, true},
		{"all normal", Own, func(m fake) { m[keyTokenTypes] = slices.Repeat([]int32{1}, 8) }, []int32{3, 5, 6, 7}, true},
		{"user-defined", Own, func(m fake) { m[keyTokenTypes] = []int32{1, 1, 1, 3, 1, 4, 4, 1} }, []int32{3, 6}, true},
	} {
		tok := read(c.rules, c.change)
		if got := tok.EOG(); !slices.Equal(got, c.ends) {
			t.Errorf("%s: ends %v, want %v", c.name, got, c.ends)
		}
		if got := slices.Contains(tok.Encode("a<|im_end|>", false, true), 6); got != c.found {
			t.Errorf("%s: <|im_end|> found in text: %v, want %v", c.name, got, c.found)
		}
	}
}
