package tokenizer

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/dlclark/regexp2/v2"
)

const (
	reGPT2        = `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
	reContraction = `(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])`
	reLetters     = `|[^\r\n\p{L}\p{N}]?\p{L}+`
	reRest        = `| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	reUpper       = `(?:(?=\p{L})[^a-z])`
	reLower       = `(?:(?=\p{L})[^A-Z])`
	reRestSlash   = `| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	reLead        = `[^\r\n\p{L}\p{N}]?`
)

// llamaPatterns are the regular expressions of each pre-tokeniser as llama.cpp has them, the oracle
// for the scanners. The one difference: llama.cpp's scanner for GPT-2 takes leftover white space
// whole, which its expression leaves unsaid.
var llamaPatterns = map[string][]string{
	"gpt-2":     {reGPT2},
	"smollm":    {`\p{N}`, reGPT2},
	"llama-bpe": {reContraction + reLetters + `|\p{N}{1,3}` + reRest},
	"qwen2":     {reContraction + reLetters + `|\p{N}` + reRest},
	"qwen35":    {reContraction + reMarked},
	"tekken":    {reLead + reUpper + `*` + reLower + `+|` + reLead + reUpper + `+` + reLower + `*|\p{N}` + reRestSlash},
	"gpt-4o": {reLead + reUpper + `*` + reLower + `+` + reContraction + `?|` +
		reLead + reUpper + `+` + reLower + `*` + reContraction + `?|\p{N}{1,3}` + reRestSlash},
	"deepseek-coder": {`[\r\n]`, `\s?\p{L}+`, `\s?\p{P}+`, "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+", `\p{N}`},
	"default":        {`[\p{P}\$\+<=>\^~\|]+`, reGPT2, `\p{N}+`, `[0-9][0-9][0-9]`},
}

// reOwnFold is (?i:'s|'t|'re|'ve|'m|'ll|'d): folding case, U+017F is an s, which regexp2 does not
// know.
const (
	reOwnFold  = `(?:'[sS\u017f]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])`
	reMarked   = `|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	reOwnUpper = `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`
	reOwnLower = `[\p{Ll}\p{Lm}\p{Lo}\p{M}]`
)

// Expressions of single models.
const (
	reV3 = "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+" + `|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*` +
		`|\s*[\r\n]+|\s+(?!\S)|\s+`
	reBloom   = ` ?[^(\s|.,!?…。，、।۔،)]+`
	reKimiCap = `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}-[\u2e80-\u2fd5\u3005\u3007\u3021-\u3029\u3038-\u303b\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufad9]]`
	reKimiLow = `[\p{Ll}\p{Lm}\p{Lo}\p{M}-[\u2e80-\u2fd5\u3005\u3007\u3021-\u3029\u3038-\u303b\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufad9]]`
	reHan     = `[\u2e80-\u2fd5\u3005\u3007\u3021-\u3029\u3038-\u303b\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufad9]+`
)

// ownPatterns are those that the models were published with, in their tokenizer.json or for
// tiktoken.
var ownPatterns = map[string][]string{
	"gpt-2":     {reGPT2},
	"smollm":    {`\p{N}`, reGPT2},
	"llama-bpe": {reOwnFold + reLetters + `|\p{N}{1,3}` + reRest},
	"qwen2":     {reOwnFold + reLetters + `|\p{N}` + reRest},
	"qwen35":    {reOwnFold + reMarked},
	"tekken": {reLead + reOwnUpper + `*` + reOwnLower + `+|` + reLead + reOwnUpper + `+` + reOwnLower + `*|\p{N}` +
		reRestSlash},
	"deepseek-v3": {`\p{N}{1,3}`, "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+", reV3},
	"bloom":       {reBloom},
	"viking":      {reBloom, `\p{N}`},
	"seed-coder":  {reOwnFold + reLetters + `|\p{N}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+`},
	"ufakzeka":    {reLetters[1:] + `|\p{N}` + reRest},
	"laguna":      {`[^\n]+|[\n]+`, reOwnFold + reLetters + `|\p{N}` + reRest},
	"minicpm5":    {`\p{N}{1,3}`, reOwnFold + reLetters + `|\p{N}+` + reRest},
	"falcon":      {"[\\p{P}\\$\\+<=>\\^~\\|`]+", reGPT2, `\p{N}+`, `[0-9][0-9][0-9]`},
	"kimi-k2": {reHan + `|` + reLead + reKimiCap + `*` + reKimiLow + `+` + reOwnFold + `?|` + reLead + reKimiCap + `+` + reKimiLow + `*` +
		reOwnFold + `?|\p{N}{1,3}` + reRest},
	"gpt-4o": {reLead + reOwnUpper + `*` + reOwnLower + `+` + reOwnFold + `?|` +
		reLead + reOwnUpper + `+` + reOwnLower + `*` + reOwnFold + `?|\p{N}{1,3}` + reRestSlash},
}

type oracle struct {
	pre preTokenizer
	re  []*regexp2.Regexp
}

func oracles(t testing.TB) map[string]oracle {
	t.Helper()
	all := map[string]oracle{}
	for rules, patterns := range map[Rules]map[string][]string{Own: ownPatterns, LlamaCpp: llamaPatterns} {
		for name, list := range patterns {
			p, err := findPre(name, rules)
			if err != nil {
				t.Fatal(err)
			}
			o := oracle{pre: p}
			for _, s := range list {
				o.re = append(o.re, regexp2.MustCompile(s, regexp2.None))
			}
			all[name+" "+rules.String()] = o
		}
	}
	return all
}

// words cuts text by each expression in turn: a match is a piece, and so is what lies between
// matches.
func (o oracle) words(t testing.TB, text string) []string {
	parts := []string{text}
	for _, re := range o.re {
		var next []string
		for _, part := range parts {
			found, err := re.FindAllStringIndex(part, -1)
			if err != nil {
				t.Fatal(err)
			}
			end := 0
			for _, at := range found {
				next = append(next, part[end:at[0]], part[at[0]:at[1]])
				end = at[1]
			}
			next = append(next, part[end:])
		}
		parts = slices.DeleteFunc(next, func(s string) bool { return s == "" })
	}
	return parts
}

func (o oracle) check(t testing.TB, name, text string) {
	t.Helper()
	var got []string
	o.pre.cut(text, func(w string) { got = append(got, w) })
	if strings.Join(got, "") != text {
		t.Fatalf("%s: words of %q join to %q", name, text, got)
	}
	if !utf8.ValidString(text) {
		return
	}
	if want := o.words(t, text); !slices.Equal(got, want) {
		t.Errorf("%s: words of %q\n got %q\nwant %q", name, text, got, want)
	}
}

// Short texts over the characters that patterns distinguish reach every transition many times.
func TestWordsAgainstExpressions(t *testing.T) {
	alphabet := []rune("aabzABZ''stdmrevlSTLL019²½ \t \n\r\u00a0\u3000.,/-+$^|éÉǅʰªßſａ日한กฺ\u0301\u0301\u0903😀\x00\u200b\ufffd")
	for name, o := range oracles(t) {
		r := rand.New(rand.NewPCG(1, 2))
		for range 4000 {
			text := make([]rune, 1+r.IntN(12))
			for i := range text {
				text[i] = alphabet[r.IntN(len(alphabet))]
			}
			o.check(t, name, string(text))
		}
	}
}

// Whatever the text, words cover it in order, and valid UTF-8 is cut as the expressions cut it.
func FuzzWords(f *testing.F) {
	for _, s := range []string{"", "a", " \n \r\n", "'", "' 's'S", "\xff\xfe a", "é\u0301\u0301", "1²½", "\u00a0\u2028x",
		"Ab'S'", "\x00\x7f", "日本語 12345 한국", "aB aBC ABc", "€$+", "\xe2\x96"} {
		f.Add(s)
	}
	all := oracles(f)
	f.Fuzz(func(t *testing.T, s string) {
		for name, o := range all {
			o.check(t, name, s)
		}
	})
}
