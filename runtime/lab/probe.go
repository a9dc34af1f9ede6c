package lab

import "github.com/kvgen/kvgen/runtime/tokenizer"

// StudyPrompts are the prompts of the study that this project repeats (TheTom/llama-cpp-turboquant,
// pull request 111).
var StudyPrompts = []string{"The capital of France is", "Two plus two equals", "List three colors:"}

// Agreement says how long two completions of one prompt are the same. After the first difference
// they continue different texts, so nothing after it is compared.
type Agreement struct {
	// number of the first token that differs, from 0; -1 where none does
	First int     `json:"first_divergence"`
	Share float64 `json:"agreement"` // tokens before it, of the longer completion
	// nats by which the reference preferred its token there
	Margin float64 `json:"margin"`
	Ref    string  `json:"reference_token,omitempty"`
	Cand   string  `json:"candidate_token,omitempty"`

	Before, RefAfter, CandAfter string `json:"-"` // the common text, and what each makes of it
}

// Agree compares a candidate's completion with the reference's. The token that ends a text counts
// as one, so a candidate that stops early does not agree.
func Agree(t *tokenizer.Tokenizer, ref, cand Completion) Agreement {
	n := 0
	for n < len(ref.Tokens) && n < len(cand.Tokens) && ref.Tokens[n] == cand.Tokens[n] {
		n++
	}
	a := Agreement{First: n, Share: 1, Before: t.Decode(ref.words(n), false)}
	longer := max(len(ref.Tokens), len(cand.Tokens))
	if n == longer {
		a.First = -1
		return a
	}
	a.Share = float64(n) / float64(longer)
	if n < len(ref.Tokens) {
		a.Margin, a.Ref = ref.margins[n], t.Piece(ref.Tokens[n])
	}
	if n < len(cand.Tokens) {
		a.Cand = t.Piece(cand.Tokens[n])
	}
	a.RefAfter, a.CandAfter = after(ref.Text, a.Before), after(cand.Text, a.Before)
	return a
}

// after returns what follows the common beginning of two texts, which was counted in tokens. A
// token may end inside a character, so the texts may part a few bytes earlier.
func after(text, before string) string {
	n := 0
	for n < len(text) && n < len(before) && text[n] == before[n] {
		n++
	}
	return text[n:]
}

// Summary is a policy over all prompts.
type Summary struct {
	Prompts int     `json:"n_prompts"`
	Same    int     `json:"n_same"` // completions without a difference
	Share   float64 `json:"mean_agreement"`
}

// Summarise is the mean over prompts.
func Summarise(all []Agreement) (s Summary) {
	for _, a := range all {
		s.Prompts++
		s.Share += a.Share
		if a.First < 0 {
			s.Same++
		}
	}
	s.Share /= float64(max(1, s.Prompts))
	return s
}
