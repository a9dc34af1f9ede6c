package tokenizer

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzRoundTrip holds that decoding undoes encoding, for every kind of vocabulary and for any
// bytes. SPM and gemma4 write a space as U+2581 and cannot tell the two apart, and the tokenizers
// of Qwen compose text.
func FuzzRoundTrip(f *testing.F) {
	for _, s := range []string{"", " ", "  x", "Hello, world", "<|im_end|>", "</s> <s>", "日本語 😀", "\xff\x00\xe2\x96",
		"\u2581", "e\u0301", "a\n\n\nb", "don't 'S 123456", "\ufffd", strings.Repeat("the ", 50)} {
		f.Add(s)
	}
	names := []string{"llama", "gemma4", "gpt-2", "gpt-4o", "llama-bpe", "tekken", "qwen2", "qwen35", "starcoder"}
	toks := map[string]*Tokenizer{}
	for _, name := range names {
		for _, r := range []Rules{Own, LlamaCpp} {
			toks[name+" "+r.String()] = tiny(f, name, r)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		for name, tok := range toks {
			ids := tok.Encode(text, true, false)
			for _, id := range ids {
				if id < 0 || int(id) >= tok.Len() {
					t.Fatalf("%s: id %d outside the vocabulary", name, id)
				}
			}
			want := text
			if tok.Model != "gpt2" {
				want = strings.ReplaceAll(text, lowerBlock, " ")
			}
			if strings.HasPrefix(tok.Pre, "qwen") && tok.Rules == Own {
				want = compose(text)
			}
			if got := tok.Decode(ids, false); got != want {
				t.Fatalf("%s: %q comes back as %q", name, want, got)
			}
			s := tok.NewStream(false)
			for _, id := range tok.Encode(text, true, true) {
				if part := s.Next(id); utf8.ValidString(text) && !utf8.ValidString(part) {
					t.Fatalf("%s: %q streams %q", name, text, part)
				}
			}
		}
	})
}
