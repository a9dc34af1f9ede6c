package tokenizer

import (
	"slices"
	"strings"
	"testing"
)

// Texts in 20 languages, with marks, case, both normalisation forms, emoji, code and white space,
// are cut into the ids of the models' own tokenizers: HF tokenizers and SentencePiece on the same
// vocabulary.
func TestLanguages(t *testing.T) {
	for _, name := range []string{"gpt-2", "llama-bpe", "qwen2", "qwen35", "deepseek-coder", "gemma-4", "llama-spm", "o200k-8k",
		"tekken-8k", "deepseek-v3-8k"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tok := load(t, name)
			for _, c := range languages(t, name) {
				if got := tok.Encode(c.text, false, false); !slices.Equal(got, c.ids) {
					t.Errorf("Encode(%q)\n got %v\nwant %v", c.text, pieces(tok, got), pieces(tok, c.ids))
				}
			}
		})
	}
}

// By llama.cpp's rules the same texts are cut otherwise where its expressions differ, and nowhere
// else.
func TestLanguagesOfLlamaCpp(t *testing.T) {
	for name, differ := range map[string]bool{"gpt-2": false, "deepseek-coder": false, "gemma-4": false, "llama-spm": false,
		"deepseek-v3-8k": false, "llama-bpe": false, "qwen2": true, "qwen35": true, "o200k-8k": true, "tekken-8k": true} {
		tok := loadAs(t, name, LlamaCpp)
		var wrong []string
		for _, c := range languages(t, name) {
			if !slices.Equal(tok.Encode(c.text, false, false), c.ids) {
				wrong = append(wrong, c.text)
			}
		}
		if (len(wrong) > 0) != differ {
			t.Errorf("%s: other ids for %q", name, wrong)
		}
		for _, text := range wrong {
			if strings.HasPrefix(text, "Alle Menschen") {
				t.Errorf("%s: other ids for German", name)
			}
		}
	}
}

func languages(t *testing.T, name string) []textCase {
	t.Helper()
	return casesIn(t, "languages.inp", name+".languages.out")
}
