package tokenizer

import "strings"

// The patterns below restate, name by name, the table in llama.cpp's src/llama-vocab.cpp, with the names that share one.
var (
	gpt2Words  = wordPattern{gpt2: true, short: true, letters: letter}
	llama3     = wordPattern{short: true, letters: letter, digits: 3, tail: "\r\n"}
	qwen2      = wordPattern{short: true, letters: letter, digits: 1, tail: "\r\n"}
	qwen35     = wordPattern{short: true, letters: letter | mark, digits: 1, tail: "\r\n"}
	tekken     = wordPattern{cased: true, letters: letter, digits: 1, tail: "\r\n/"}
	o200k      = wordPattern{cased: true, suffix: true, letters: letter, digits: 3, tail: "\r\n/"}
	oneDigit   = isolate(oneOf(number))
	gemma4Pre  = preTokenizer{names: []string{"gemma4"}, splits: []split{lines}, addBOS: true}
	threeASCII = isolate(func(s string) int {
		if len(s) >= 3 && ascii3(s[0]) && ascii3(s[1]) && ascii3(s[2]) {
			return 3
		}
		return 0
	})
)

// preTokenizers is every pre-tokeniser of the gpt2 model, in the order they are listed in errors.
var preTokenizers = []preTokenizer{
	{
		names: []string{"gpt-2", "phi-2", "jina-es", "jina-de", "gigachat", "jina-v2-es", "jina-v2-de", "a.x-4.0",
			"mellum", "modern-bert", "exaone4", "mpt", "olmo", "jais", "trillion", "granite-docling"},
		splits: []split{gpt2Words.match},
	},
	{
		names:  []string{"smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b"},
		splits: []split{oneDigit, gpt2Words.match},
	},
	{
		names: []string{"llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2",
			"jina-v5-nano"},
		splits: []split{llama3.match}, ignoreMerges: true, addBOS: true,
	},
	{names: []string{"dbrx", "smaug-bpe"}, splits: []split{llama3.match}},
	{
		names: []string{"qwen2", "deepseek-r1-qwen", "kormo", "f2llmv2", "megrez", "stablelm2", "hunyuan", "solar-open",
			"grok-2"},
		splits: []split{qwen2.match},
	},
	{names: []string{"qwen35"}, splits: []split{qwen35.match}},
	{names: []string{"tekken"}, splits: []split{tekken.match}, ignoreMerges: true, addBOS: true},
	{names: []string{"gpt-4o", "llama4", "kanana2", "minimax-m2"}, splits: []split{o200k.match}},
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

// eastAsian is the class written 一-龥ࠀ-一가-퟿ in DeepSeek's pattern.
func eastAsian(r rune) bool {
	return r >= 0x0800 && r <= 0x9FA5 || r >= 0xAC00 && r <= 0xD7FF
}

func ascii3(b byte) bool { return b >= '0' && b <= '9' }
