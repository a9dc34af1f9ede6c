package tokenizer

import (
	"slices"
	"strings"
	"testing"
)

// The words are what the regular expressions of llama.cpp match, or with "own" those of the models,
// worked out by hand; | marks the cuts.
func TestWords(t *testing.T) {
	for _, c := range []struct{ pre, words string }{
		{"gpt-2", "I|'m| here|,| isn|'t| it|?"},
		{"gpt-2", "I|'|M"},
		{"gpt-2", "a|  | b"},
		{"gpt-2", "a|  "},
		{"gpt-2", "a|\n|\n|b"},
		{"gpt-2", "x| 1234| =| y|²"},
		{"gpt-2", "\t|tab"},
		{"gpt-2", "é|\u0301|x"},
		{"smollm", "x| |1|2|3|4| =|5|a"},
		{"smollm", "a|  |1"},
		{"starcoder", "v|2|.|1|0"},
		{"llama-bpe", "I|'M| here|'ll| '|tis"},
		{"llama-bpe", "123|456|7| |89"},
		{"llama-bpe", "(a|-b|\ttab|.\n\n|x"},
		{"llama-bpe", "a|   \n  \n|  | b"},
		{"llama-bpe", "a|  \n|  "},
		{"llama-bpe", "'''|s| ''|d|'D"},
		{"llama-bpe", "日本語|!émile|!"},
		{"qwen2", "1|2|3|.|4|a"},
		{"qwen2", "é|\u0301x"},
		{"qwen35", "e\u0301x\u0301| \u0301"},
		{"qwen35", "\u0301|1|ก็ได้|.."},
		{"tekken", "Hello|World|HTTPServer|X"},
		{"tekken", "don|'t|//\n|a|1|2"},
		{"tekken", "É|COLE| étÉe"},
		{"gpt-4o", "don't|DON'T|foo|Bar's|123|4"},
		{"gpt-4o", "'swe'LL| '|em|Ab's"},
		{"deepseek-coder", "a| b|\n|\n|  | c|1|2| .,!|+"},
		{"deepseek-coder", "日本| |한국ก|็"},
		{"default", "a|+<=|b|123|'|s|$.=|x"},
		{"default", "123|456|78| |9"},
		{"own tekken", "Hello|World| नमस्ते| दुनिया|!e\u0301cole\u0301|AB|.\u0301"},
		{"own tekken", "Привет|Мир| ЁЛКАёлка|ÉCOLE| é|É"},
		{"own gpt-4o", "हिन्दी| don'\u017f|tภาษาไทย|123|4|İstanbul"},
		{"own llama-bpe", "it|'\u017f| ok"},
		{"gemma4", "any text, 12|\n\n|  more|\n"},
	} {
		rules := LlamaCpp
		if own, found := strings.CutPrefix(c.pre, "own "); found {
			rules, c.pre = Own, own
		}
		p := gemma4Pre
		if c.pre != "gemma4" {
			var err error
			if p, err = findPre(c.pre, rules); err != nil {
				t.Fatal(err)
			}
		}
		var got []string
		p.cut(strings.ReplaceAll(c.words, "|", ""), func(w string) { got = append(got, w) })
		if !slices.Equal(got, strings.Split(c.words, "|")) {
			t.Errorf("%s: got %q, want %q", c.pre, got, strings.Split(c.words, "|"))
		}
	}
}
