package tokenizer

import (
	"slices"
	"strings"
	"testing"
)

func TestSpecialTokensInText(t *testing.T) {
	for _, c := range []struct {
		vocab, text string
		add, parse  bool
		want        []int32
	}{
		{"qwen2", "<|im_start|>user\nhi<|im_end|>\n", true, true, []int32{151644, 872, 198, 6023, 151645, 198}},
		{"llama-bpe", "<|begin_of_text|>Hello", false, true, []int32{128000, 9906}},
		{"llama-bpe", "Hello", true, false, []int32{128000, 9906}},
		{"llama-bpe", "", true, false, []int32{128000}},
		{"llama-bpe", "", false, false, nil},
		// SPM puts a space before text at the start and after a special token; Phi-3's markers
		// swallow white space.
		{"llama-spm", "Hello</s>Hello", true, true, []int32{1, 15043, 2, 15043}},
		{"phi-3", "<|user|>\n Hello<|end|>\n<|assistant|>", false, true, []int32{32010, 15043, 32007, 32001}},
		// A user-defined token is found whether or not special tokens are parsed.
		{"deepseek-coder", "õx", false, false, []int32{32000, 87}},
		{"phi-3", "a</s>", false, false, []int32{263, 2}},
		// A normal one is text, though it looks like a marker (HF tokenizers on the same
		// vocabulary).
		{"qwen2", "a</s>b", false, true, []int32{64, 522, 82, 51407}},
		// A written begin token is the one that would have been added.
		{"llama-bpe", "<|begin_of_text|>Hello", true, true, []int32{128000, 9906}},
		{"llama-spm", "<s>Hello", true, true, []int32{1, 15043}},
	} {
		tok := load(t, c.vocab)
		if got := tok.Encode(c.text, c.add, c.parse); !slices.Equal(got, c.want) {
			t.Errorf("%s: Encode(%q, %v, %v) = %v, want %v", c.vocab, c.text, c.add, c.parse, got, c.want)
		}
	}
}

// llama.cpp makes tokens that look like markers control tokens, and puts BOS before a written one.
func TestSpecialTokensOfLlamaCpp(t *testing.T) {
	for _, c := range []struct {
		vocab, text string
		parse       bool
		want        []int32
	}{
		{"phi-3", "a</s>", false, []int32{1, 263, 829, 29879, 29958}},
		{"qwen2", "a</s>b", true, []int32{64, 128247, 65}},
		{"llama-bpe", "<|begin_of_text|>Hello", true, []int32{128000, 128000, 9906}},
	} {
		tok := loadAs(t, c.vocab, LlamaCpp)
		if got := tok.Encode(c.text, true, c.parse); !slices.Equal(got, c.want) {
			t.Errorf("%s: Encode(%q, true, %v) = %v, want %v", c.vocab, c.text, c.parse, got, c.want)
		}
	}
}

// Text that spells a control token must come out as text when special tokens are not parsed.
func TestControlTokensStayText(t *testing.T) {
	for vocab, text := range map[string]string{
		"qwen2": "a<|im_end|>b", "llama-bpe": "<|eot_id|>", "llama-spm": "x</s>", "gemma-4": "<turn|> <eos>",
	} {
		tok := load(t, vocab)
		got := tok.Encode(text, false, false)
		if i := slices.IndexFunc(got, tok.IsControl); i >= 0 {
			t.Errorf("%s: Encode(%q) has control token %d", vocab, text, got[i])
		}
		if back := tok.Decode(got, false); back != text {
			t.Errorf("%s: Decode(Encode(%q)) = %q", vocab, text, back)
		}
	}
}

func TestRoles(t *testing.T) {
	for _, c := range []struct {
		vocab         string
		bos, eos, eot string
		ends          []string
		add, prefix   bool
	}{
		{"gpt-2", "<|endoftext|>", "<|endoftext|>", "<|endoftext|>", []string{"<|endoftext|>"}, false, false},
		{"llama-bpe", "<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>",
			[]string{"<|end_of_text|>", "<|eot_id|>"}, true, false},
		{"llama-spm", "<s>", "</s>", "", []string{"</s>"}, true, true},
		{"phi-3", "<s>", "<|endoftext|>", "<|end|>", []string{"<|endoftext|>", "<|end|>"}, true, true},
		{"qwen2", "<|endoftext|>", "<|endoftext|>", "<|im_end|>", []string{"<|endoftext|>", "<|im_end|>"}, false,
			false},
		{"gemma-4", "<bos>", "<eos>", "", []string{"<eos>", "<|tool_response>", "<turn|>"}, true, false},
	} {
		tok := load(t, c.vocab)
		for _, r := range []struct {
			name, want string
			id         int32
		}{{"BOS", c.bos, tok.BOS}, {"EOS", c.eos, tok.EOS}, {"EOT", c.eot, tok.EOT}} {
			if got := tok.Piece(r.id); got != r.want {
				t.Errorf("%s: %s = %d %q, want %q", c.vocab, r.name, r.id, got, r.want)
			}
		}
		var ends []string
		for _, id := range tok.EOG() {
			ends = append(ends, tok.Piece(id))
			if !tok.IsEOG(id) {
				t.Errorf("%s: EOG() lists %d, IsEOG denies it", c.vocab, id)
			}
		}
		if !slices.Equal(ends, c.ends) {
			t.Errorf("%s: generation ends at %q, want %q", c.vocab, ends, c.ends)
		}
		if tok.AddBOS != c.add || tok.AddSpacePrefix != c.prefix {
			t.Errorf("%s: AddBOS %v, AddSpacePrefix %v; want %v, %v", c.vocab, tok.AddBOS, tok.AddSpacePrefix, c.add, c.prefix)
		}
		if tok.IsEOG(None) || tok.IsEOG(int32(tok.Len())) {
			t.Errorf("%s: an id outside the vocabulary ends generation", c.vocab)
		}
	}
}

// naive looks for every special token in turn, as llama.cpp does; the sorted search must find the
// same.
func naive(s *specials, text string, parse bool) []fragment {
	order := slices.Clone(s.sorted)
	slices.SortFunc(order, func(a, b int32) int {
		if d := len(s.v.text[b]) - len(s.v.text[a]); d != 0 {
			return d
		}
		return int(a - b)
	})
	parts := []fragment{{text, None}}
	for _, id := range order {
		if !parse && s.v.attr[id]&attrHidden != 0 {
			continue
		}
		var next []fragment
		for _, f := range parts {
			if f.id != None {
				next = append(next, f)
			} else {
				next = s.split(next, f.text, id)
			}
		}
		parts = next
	}
	return parts
}

func TestPartitionAgainstNaiveSearch(t *testing.T) {
	v := &vocab{}
	for _, x := range []struct {
		text string
		attr attr
	}{
		{"<a>", attrControl}, {"<a", attrUserDefined}, {"a>", attrControl}, {"<<a>>", attrUnknown}, {"plain", attrNormal},
		{"b", attrUserDefined}, {"bb", attrControl | attrRightStrip}, {" b", attrUserDefined | attrLeftStrip},
		{"b<", attrUserDefined},
	} {
		v.text, v.attr = append(v.text, x.text), append(v.attr, x.attr)
	}
	s := newSpecials(v, LlamaCpp)
	const alphabet = "<<aab> >"
	for n := range 1 << 18 {
		var text strings.Builder
		for i := n; i > 0; i >>= 3 {
			text.WriteByte(alphabet[i&7])
		}
		if text.Len() == 0 {
			continue
		}
		for _, parse := range []bool{false, true} {
			got, want := s.partition(text.String(), parse), naive(s, text.String(), parse)
			if !slices.Equal(got, want) {
				t.Fatalf("partition(%q, %v) = %v, want %v", text.String(), parse, got, want)
			}
		}
	}
}
