package tokenizer

import "fmt"

// Rules says whose reading of a vocabulary counts where llama.cpp's differs from that of the
// tokenizer the model was trained with. docs/tokenizers.md lists the differences.
type Rules uint8

const (
	Own      Rules = iota // the model's own tokenizer
	LlamaCpp              // llama.cpp, for figures that are compared with its
)

// String is the name of the rules on command lines and in results.
func (r Rules) String() string {
	if r == LlamaCpp {
		return "llama.cpp"
	}
	return "model"
}

// ParseRules reads a name that String gives.
func ParseRules(name string) (Rules, error) {
	for _, r := range []Rules{Own, LlamaCpp} {
		if r.String() == name {
			return r, nil
		}
	}
	return Own, fmt.Errorf("%q: want %s (the model's own tokenizer) or %s", clip(name), Own, LlamaCpp)
}

// pre completes a pre-tokeniser of the table: what is published for the model's own rules, what
// llama.cpp makes of it for its own. llama.cpp normalises nothing, folds ASCII alone, and has no
// classes of capital, title, modifier and other letters nor of marks: a letter outside ASCII is
// capital and small, and a mark is no letter.
func (r Rules) pre(p preTokenizer) preTokenizer {
	if r == LlamaCpp && p.llama != nil {
		p.splits = p.llama
	}
	if p.words != nil {
		w := *p.words
		if r == LlamaCpp {
			w.fold = false
			switch {
			case w.without != 0:
				w.upper, w.lower = letter, letter
			case w.upper != 0:
				w.upper, w.lower = notLower, notUpper
			}
		}
		p.splits = append(p.splits[:len(p.splits):len(p.splits)], w.match)
	}
	if r == LlamaCpp {
		p.nfc = false
		p.ignoreMerges = p.ignoreMerges && !p.ranked
	}
	return p
}
