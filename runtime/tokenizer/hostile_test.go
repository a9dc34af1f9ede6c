package tokenizer

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

// fake is metadata made up by a test.
type fake map[string]any

func get[T any](m fake, key string) (v T, found bool, err error) {
	x, found := m[key]
	if !found {
		return v, false, nil
	}
	v, ok := x.(T)
	if !ok {
		return v, true, fmt.Errorf("%s holds %T", key, x)
	}
	return v, true, nil
}

func (m fake) Str(key string) (string, bool, error)     { return get[string](m, key) }
func (m fake) U32(key string) (uint32, bool, error)     { return get[uint32](m, key) }
func (m fake) Bool(key string) (bool, bool, error)      { return get[bool](m, key) }
func (m fake) Strs(key string) ([]string, bool, error)  { return get[[]string](m, key) }
func (m fake) F32s(key string) ([]float32, bool, error) { return get[[]float32](m, key) }
func (m fake) I32s(key string) ([]int32, bool, error)   { return get[[]int32](m, key) }

func goodBPE() fake {
	return fake{
		keyModel: "gpt2", keyPre: "gpt-2", keyTokens: []string{"a", "b", "ab", "<|endoftext|>", "Ġ"},
		keyTokenTypes: []int32{1, 1, 1, 3, 1}, keyMerges: []string{"a b"}, "tokenizer.ggml.eos_token_id": uint32(3),
	}
}

func goodSPM() fake {
	return fake{
		keyModel: "llama", keyTokens: []string{"<unk>", "<s>", "</s>", "a", "▁", "▁a"},
		keyScores: []float32{0, 0, 0, -3, -2, -1}, keyTokenTypes: []int32{2, 3, 3, 1, 1, 1},
	}
}

func TestBadMetadata(t *testing.T) {
	for _, c := range []struct {
		name string
		meta fake
		key  string
		val  any // nil removes the key
		want string
	}{
		{"no model", goodBPE(), keyModel, nil, "tokenizer.ggml.model is missing"},
		{"model of another type", goodBPE(), keyModel, uint32(1), "tokenizer.ggml.model holds uint32"},
		{"unknown model", goodBPE(), keyModel, "rwkv", `"rwkv" (the RWKV trie); the models read here are llama, gpt2 and gemma4`},
		{"unknown pre", goodBPE(), keyPre, "nonesuch", `"nonesuch" is not a pre-tokeniser known here; known are a.x-4.0,`},
		{"no tokens", goodBPE(), keyTokens, nil, `a "gpt2" vocabulary needs tokenizer.ggml.tokens, which the file does not have`},
		{"empty tokens", goodBPE(), keyTokens, []string{}, "tokenizer.ggml.tokens has 0 entries"},
		{"too many tokens", goodBPE(), keyTokens, make([]string, maxTokens+1), "allowed are 1 to 4194304"},
		{"tokens of another type", goodBPE(), keyTokens, []int32{1}, "tokenizer.ggml.tokens holds []int32"},
		{"short types", goodBPE(), keyTokenTypes, []int32{1, 1}, "token_type has 2 entries, tokenizer.ggml.tokens has 5"},
		{"short scores", goodSPM(), keyScores, []float32{1}, "scores has 1 entries, tokenizer.ggml.tokens has 6"},
		{"no scores", goodSPM(), keyScores, nil, `a "llama" vocabulary needs tokenizer.ggml.scores, which`},
		{"score not a number", goodSPM(), keyScores, []float32{0, 0, 0, 0, 0, float32(math.NaN())}, "scores[5] is not a number"},
		{"no merges", goodBPE(), keyMerges, nil, `a "gpt2" vocabulary needs tokenizer.ggml.merges, which`},
		{"too many merges", goodBPE(), keyMerges, make([]string, maxMerges+1), "the limit is 8388608"},
		{"merge of one part", goodBPE(), keyMerges, []string{"a b", "ab"}, `merges[1] = "ab" is not two parts`},
		{"empty merge", goodBPE(), keyMerges, []string{""}, `merges[0] = "" is not two parts`},
		{"merge without right", goodBPE(), keyMerges, []string{"a "}, `merges[0] = "a " is not two parts`},
		{"eos out of range", goodBPE(), "tokenizer.ggml.eos_token_id", uint32(5), "eos_token_id = 5, the vocabulary has 5 tokens"},
		{"eos of another type", goodBPE(), "tokenizer.ggml.eos_token_id", "3", "eos_token_id holds string"},
		{"add_bos without bos", goodBPE(), keyAddBOS, true, "add_bos_token is set and the vocabulary has no such token"},
		{"add_bos of another type", goodBPE(), keyAddBOS, "yes", "add_bos_token holds string"},
		{"prefix of another type", goodSPM(), keyAddSpacePrefix, "yes", "add_space_prefix holds string"},
		{"name of another type", goodSPM(), keyModelName, uint32(1), "general.name holds uint32"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := New(c.meta); err != nil {
				t.Fatalf("the metadata is bad before the change: %v", err)
			}
			if c.val == nil {
				delete(c.meta, c.key)
			} else {
				c.meta[c.key] = c.val
			}
			_, err := New(c.meta)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %q, want one that contains %q", fmt.Sprint(err), c.want)
			}
		})
	}
}

// Odd but readable metadata is read.
func TestOddMetadata(t *testing.T) {
	m := goodBPE()
	m["tokenizer.ggml.bos_token_id"] = uint32(math.MaxUint32) // -1: there is none
	m[keyMerges] = []string{"a b", "a b", "ab ab", "日 本", "a Ġ"}
	m[keyTokens] = []string{"a", "b", "ab", "<|endoftext|>", ""}
	tok, err := New(m)
	if err != nil {
		t.Fatal(err)
	}
	if tok.BOS != None {
		t.Errorf("BOS = %d", tok.BOS)
	}
	// "abab" merges to a word that is no token, so its bytes are spelled; a byte without a token is
	// dropped.
	for text, want := range map[string]string{"abab": "abab", "abc": "ab", "a ": "a", "\xff": ""} {
		if got := tok.Decode(tok.Encode(text, true, true), true); got != want {
			t.Errorf("%q comes back as %q, want %q", text, got, want)
		}
	}
	if got := tok.Decode([]int32{-1, 5, 1 << 30, 0}, true); got != "a" {
		t.Errorf("ids outside the vocabulary decode to %q", got)
	}
	// What SPM has no piece and no byte for is the unknown token.
	spm, err := New(goodSPM())
	if err != nil {
		t.Fatal(err)
	}
	if got := spm.Encode("a日", false, false); len(got) != 4 || got[0] != 5 || got[3] != spm.UNK {
		t.Errorf("Encode(\"a日\") = %v", got)
	}
}
