package tokenizer

import (
	"math"
	"strings"
)

// The expressions that several models share. Contractions fold as the expressions do, so U+017F is
// an s.
var (
	gpt2Words = wordPattern{gpt2: true, short: true, letters: letter}
	llama3    = wordPattern{short: true, fold: true, letters: letter, digits: 3, tail: "\r\n"}
	qwen2     = wordPattern{short: true, fold: true, letters: letter, digits: 1, tail: "\r\n"}
	qwen35    = wordPattern{short: true, fold: true, letters: letter | mark, digits: 1, tail: "\r\n"}
	tekken    = wordPattern{upper: capital, lower: small, letters: letter, digits: 1, tail: "\r\n/"}
	o200k     = wordPattern{upper: capital, lower: small, suffix: true, fold: true, letters: letter, digits: 3, tail: "\r\n/"}
	oneDigit  = isolate(oneOf(number))

	seedCoder     = wordPattern{short: true, fold: true, letters: letter, digits: 1}
	noContraction = wordPattern{letters: letter, digits: 1, tail: "\r\n"}
	anyDigits     = wordPattern{short: true, fold: true, letters: letter, digits: math.MaxInt, tail: "\r\n"}
	kimiK2        = wordPattern{upper: capital, lower: small, without: han, suffix: true, fold: true, letters: letter, digits: 3, tail: "\r\n"}

	threeASCII = isolate(func(s string) int {
		if len(s) >= 3 && ascii3(s[0]) && ascii3(s[1]) && ascii3(s[2]) {
			return 3
		}
		return 0
	})
)

// gemma4Pre belongs to the gemma4 model, which tokenizer.ggml.pre does not choose.
var gemma4Pre = preTokenizer{names: []string{"gemma4"}, splits: []split{lines}, addBOS: true}

// preTokenizers is every pre-tokeniser of the gpt2 model, in the order they are listed in errors.
// The names are those of llama.cpp's src/llama-vocab.cpp, with the names that share an expression;
// the expressions and normalizers are those of the tokenizer.json that the models were published
// with. What llama.cpp reads differently, Rules.pre puts back.
var preTokenizers = []preTokenizer{
	{
		names: []string{"gpt-2", "phi-2", "jina-es", "jina-de", "gigachat", "jina-v2-es", "jina-v2-de", "a.x-4.0",
			"mellum", "exaone4", "jais", "trillion", "granite-docling"},
		words: &gpt2Words,
	},
	{names: []string{"mpt", "olmo", "modern-bert"}, words: &gpt2Words, nfc: true},
	{
		names:  []string{"smollm", "starcoder", "refact", "codeshell", "exaone", "minerva-7b", "mellum2"},
		splits: []split{oneDigit}, words: &gpt2Words,
	},
	{names: []string{"command-r"}, splits: []split{oneDigit}, words: &gpt2Words, nfc: true},
	{
		names: []string{"llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2",
			"jina-v5-nano"},
		words: &llama3, ignoreMerges: true, addBOS: true,
	},
	{names: []string{"dbrx", "smaug-bpe", "chatglm-bpe", "glm4", "glm5"}, words: &llama3},
	{names: []string{"qwen2", "deepseek-r1-qwen", "kormo", "f2llmv2", "megrez", "hunyuan"}, words: &qwen2, nfc: true},
	{names: []string{"stablelm2", "solar-open", "grok-2", "bailingmoe", "bailingmoe2", "llada-moe"}, words: &qwen2},
	{names: []string{"seed-coder"}, words: &seedCoder},
	{names: []string{"ufakzeka"}, words: &noContraction},
	{names: []string{"laguna"}, splits: []split{lines}, words: &qwen2},
	{names: []string{"minicpm5"}, splits: []split{isolate(upTo(number, 3))}, words: &anyDigits, ignoreMerges: true},
	{names: []string{"qwen35"}, words: &qwen35, nfc: true},
	{names: []string{"tekken"}, words: &tekken, ignoreMerges: true, addBOS: true},
	{names: []string{"gpt-4o", "llama4", "kanana2", "minimax-m2", "talkie"}, words: &o200k, ignoreMerges: true, ranked: true},
	{names: []string{"kimi-k2"}, words: &kimiK2, ignoreMerges: true, ranked: true},
	{
		names: []string{"deepseek-v3", "hunyuan-dense", "joyai-llm", "hy_v4"},
		splits: []split{
			isolate(upTo(number, 3)),
			isolate(runOfRunes(hanKana)),
			isolate(deepseekWord),
		},
	},
	{
		names: []string{"deepseek-llm"},
		splits: []split{
			isolate(func(s string) int { return min(1, runBytes(s[:1], 0, "\r\n")) }),
			isolate(spaced(runOfRunes(isCased))),
			isolate(spaced(runOfRunes(deepseekPunct))),
			isolate(trailingSpace),
			isolate(runOfRunes(eastAsian)),
			isolate(runOf(number, false)),
		},
	},
	{
		names: []string{"deepseek-coder"},
		splits: []split{
			isolate(func(s string) int { return min(1, runBytes(s[:1], 0, "\r\n")) }),
			isolate(runOf(letter, true)),
			isolate(runOf(punct, true)),
			isolate(runOfRunes(eastAsian)),
			oneDigit,
		},
	},
	{names: []string{"bloom", "poro-chat", "gpt3-finnish"}, splits: []split{isolate(bloomWord)}},
	{names: []string{"viking"}, splits: []split{isolate(bloomWord), oneDigit}},
	{
		names:  []string{"falcon"},
		splits: []split{isolate(runOfRunes(falconPunct)), gpt2Words.match, isolate(runOf(number, false)), threeASCII},
		llama:  []split{isolate(runOfRunes(falconPunct)), gpt2Words.match, threeASCII},
	},
	{
		names: []string{"default"},
		splits: []split{
			isolate(runOfRunes(func(r rune) bool { return classOf(r)&punct != 0 || strings.ContainsRune("$+<=>^~|", r) })),
			gpt2Words.match,
			isolate(runOf(number, false)),
			threeASCII,
		},
	},
}

// lines cuts text into runs of line ends and runs of anything else.
func lines(s string) int {
	if n := runBytes(s, 0, "\n"); n > 0 {
		return n
	}
	if n := strings.IndexByte(s, '\n'); n > 0 {
		return n
	}
	return len(s)
}

func ascii3(b byte) bool { return b >= '0' && b <= '9' }
