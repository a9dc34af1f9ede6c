package tokenizer

import (
	"fmt"
	"hash/fnv"
	"io"
	"strings"
	"unicode/utf8"
)

// published are the pre-tokenisers of vocabularies that many models share, by mergesHash. Qwen 2 is
// not told by its tokens: it was made with marks in words, and is published with an expression that
// cuts them off.
var published = map[uint64]string{
	0xf5248a744c4e2b67: "gpt-2",
	0xf41f0274d7cb0f34: "llama-bpe",
	0x525cc7409d935b29: "qwen2", // Qwen 1 to 3
	0x9d1decb01a34acc7: "dbrx",  // cl100k
}

// hashedMerges is how many merges tell a vocabulary from others. Models that add tokens leave
// merges as they are.
const hashedMerges = 1000

func mergesHash(merges []string) uint64 {
	h := fnv.New64a()
	for _, m := range merges[:min(hashedMerges, len(merges))] {
		io.WriteString(h, m+"\n")
	}
	return h.Sum64()
}

// candidates are the pre-tokenisers that a vocabulary is tried with. Others differ from these in
// little that a vocabulary shows.
var candidates = []string{"gpt-2", "smollm", "llama-bpe", "qwen2", "qwen35", "seed-coder", "tekken", "gpt-4o", "deepseek-v3",
	"deepseek-llm", "deepseek-coder", "falcon", "bloom", "viking", "kimi-k2"}

// probe is cut into more words by a finer pre-tokeniser.
const probe = "Don't we'll SAY it's 12345 things: getURLValue(x)->y[10] += 3.14159;\n\n\t// e\u0301cole \u0939\u093f\u0928\u094d\u0926\u0940 \u0441\u0442\u0440\u041d\u0430\u0434\r\n" +
	"   \u65e5\u672c\u8a9e\u30c6\u30b9\u30c8 \u4e2d\u6587\uff0c$5.00 (#1) a_b ... !?\n  \n x"

// leastTokens is how many tokens of two bytes and more must fit, if a guess is to be made.
const leastTokens = 100

// guess finds the pre-tokeniser of a byte-level vocabulary whose file does not name it, and says
// how sure that is. Merges happen inside words, so a token that a pre-tokeniser would cut was not
// made with it. Of those that cut none, the finest is taken. One token in a thousand may be an
// exception; vocabularies have tokens that were put in by hand.
func (v *vocab) guess(merges []string, r Rules) (name, why string) {
	if name := published[mergesHash(merges)]; name != "" {
		return name, "its merges are those of the models that have it"
	}
	var words []string
	for i, s := range v.piece {
		if v.attr[i] == attrNormal && len(s) > 1 && utf8.ValidString(s) {
			words = append(words, s)
		}
	}
	if len(words) < leastTokens {
		return "", ""
	}
	most := 0
	for _, c := range candidates {
		p, err := findPre(c, r)
		if err != nil {
			continue
		}
		if n := p.count(probe); n > most && p.fits(words) {
			name, most = c, n
		}
	}
	return name, fmt.Sprintf("it is the finest split that leaves the %d tokens of the vocabulary whole", len(words))
}

func (p *preTokenizer) count(text string) (n int) {
	p.cut(text, func(string) { n++ })
	return n
}

// fits reports whether the words that p cuts are few. A token may be the beginning of a longer
// word: "we'r" of "we're".
func (p *preTokenizer) fits(words []string) bool {
	left := len(words) / 1000
	for _, w := range words {
		if p.count(w) == 1 || strings.Contains(w, "'") && (p.count(w+"e") == 1 || p.count(w+"l") == 1 || p.count(w+"s") == 1) {
			continue
		}
		if left--; left < 0 {
			return false
		}
	}
	return true
}
