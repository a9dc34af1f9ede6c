package tokenizer

import (
	"slices"
	"strings"
	"testing"
)

// A file that does not name its pre-tokeniser is read as if it did, and a note says so.
func TestGuess(t *testing.T) {
	for _, v := range vocabularies {
		if v.pre != "" || v.name == "gemma-4" || v.name == "llama-spm" || v.name == "phi-3" {
			continue
		}
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			m, err := readGzip(vocabDir + v.name + ".gguf.gz")
			if err != nil {
				t.Fatal(err)
			}
			tok, err := New(withPre{m, unnamed})
			if err != nil {
				t.Fatal(err)
			}
			if tok.Pre != v.name {
				t.Errorf("guessed %s", tok.Pre)
			}
			if len(tok.Notes) != 1 || !strings.Contains(tok.Notes[0], keyPre) || !strings.Contains(tok.Notes[0], v.name) {
				t.Errorf("notes %q", tok.Notes)
			}
			const text = "It's 12345 things:\n\n\tgetURL(x)  e\u0301cole \u0939\u093f\u0928\u094d\u0926\u0940"
			if got, want := tok.Encode(text, true, false), load(t, v.name).Encode(text, true, false); !slices.Equal(got, want) {
				t.Errorf("ids %v, want %v", got, want)
			}
		})
	}
}

// Without the merges that tell some vocabularies, their tokens do.
func TestGuessByTokens(t *testing.T) {
	for name, want := range map[string]string{"gpt-2": "gpt-2", "llama-bpe": "llama-bpe", "deepseek-coder": "deepseek-coder",
		"qwen2": "qwen35"} { // see published
		tok := load(t, name)
		if got, why := tok.v.guess(nil, Own); got != want || why == "" {
			t.Errorf("%s: guessed %q since %q", name, got, why)
		}
	}
}

// Where nothing can be told, and by llama.cpp's rules, llama.cpp's default is taken, never in
// silence.
func TestNoGuess(t *testing.T) {
	for _, r := range []Rules{Own, LlamaCpp} {
		m := goodBPE()
		delete(m, keyPre)
		tok, err := Read(m, r)
		if err != nil {
			t.Fatal(err)
		}
		if tok.Pre != unnamed || len(tok.Notes) != 1 || !strings.Contains(tok.Notes[0], "llama.cpp's default is taken") {
			t.Errorf("%s: %s, notes %q", r, tok.Pre, tok.Notes)
		}
	}
	tok, err := New(goodBPE())
	if err != nil || len(tok.Notes) > 0 {
		t.Errorf("notes %q, error %v", tok.Notes, err)
	}
}
