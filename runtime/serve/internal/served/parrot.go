package served

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/runtime/gguf"
)

// ParrotTemplate writes conversations as ChatML does, with tools. The answer after the result of a
// function begins after a tabulator, any other after a line's end.
const ParrotTemplate = `{% if tools %}<|im_start|>system
A function is called by <tool_call>{"name": ..., "arguments": ...}</tool_call>:
{% for tool in tools %}{{ tool | tojson }}
{% endfor %}<|im_end|>
{% endif %}{% for m in messages %}<|im_start|>{{ m.role }}
{% if m.content %}{{ m.content }}{% endif %}{% if m.tool_calls %}{% for c in m.tool_calls %}<tool_call>{{ {"name": c.function.name, "arguments": c.function.arguments} | tojson }}</tool_call>{% endfor %}{% endif %}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant{{ "\t" if messages[-1].role == "tool" else "\n" }}{% endif %}`

// controlKind is llama.cpp's LLAMA_TOKEN_TYPE_CONTROL.
const controlKind = 3

// Shape of a parrot: one layer of which nothing comes.
const (
	parrotWidth = 128
	parrotInner = 32
)

// Parrot is a tiny model that gives one answer to everybody, and another after the result of a
// function: each token of its vocabulary has one that follows. Neither answer may be empty.
func Parrot(t testing.TB, answer, afterTool string) []byte {
	t.Helper()
	return ParrotOf(t, ParrotTemplate, answer, afterTool)
}

// ParrotOf is a parrot with a chat template of its own, of ChatML's control tokens.
func ParrotOf(t testing.TB, template, answer, afterTool string) []byte {
	t.Helper()
	tokens, kinds := bytesOf()
	control := func(text string) int32 {
		tokens, kinds = append(tokens, text), append(kinds, controlKind)
		return int32(len(tokens) - 1)
	}
	control("<|im_start|>")
	end := control("<|im_end|>")
	next := map[int32]int32{}
	for _, chain := range []struct {
		from byte
		text string
	}{{'\n', answer}, {'\t', afterTool}} {
		last := int32(slices.Index(tokens, spelled(string(chain.from))))
		for _, piece := range pieces(chain.text, tokens) {
			tokens, kinds = append(tokens, spelled(piece)), append(kinds, 1)
			next[last] = int32(len(tokens) - 1)
			last = next[last]
		}
		next[last] = end
	}
	embedding := normal(len(tokens)*parrotWidth, 1)
	output := make([]float32, len(embedding))
	for from, to := range next {
		for k := range parrotWidth {
			output[int(to)*parrotWidth+k] += embedding[int(from)*parrotWidth+k]
		}
	}
	return parrotFile(t, template, tokens, kinds, end, embedding, output)
}

// Random is a tiny model of random weights, whose tokens are bytes and some control tokens.
func Random(t testing.TB, template string, controls ...string) []byte {
	t.Helper()
	tokens, kinds := bytesOf()
	for _, text := range append(controls, "<|im_start|>", "<|im_end|>") {
		tokens, kinds = append(tokens, text), append(kinds, controlKind)
	}
	end := int32(len(tokens) - 1)
	return parrotFile(t, template, tokens, kinds, end, normal(len(tokens)*parrotWidth, 1), normal(len(tokens)*parrotWidth, 2))
}

// normal are values of a normal distribution.
func normal(n int, seed uint64) []float32 {
	r := rand.New(rand.NewPCG(seed, 2))
	all := make([]float32, n)
	for i := range all {
		all[i] = float32(r.NormFloat64())
	}
	return all
}

// pieces cuts a text into tokens that no other has.
func pieces(text string, taken []string) (all []string) {
	seen := map[string]bool{}
	for _, t := range taken {
		seen[t] = true
	}
	for text != "" {
		n := min(3, len(text))
		for n < len(text) && seen[spelled(text[:n])] {
			n++
		}
		all = append(all, text[:n])
		seen[spelled(text[:n])] = true
		text = text[n:]
	}
	return all
}

// bytesOf are the tokens of all bytes, as byte-level BPE spells them.
func bytesOf() (tokens []string, kinds []int32) {
	for b := range 256 {
		tokens, kinds = append(tokens, spelled(string([]byte{byte(b)}))), append(kinds, 1)
	}
	return tokens, kinds
}

// spelled is a text in the letters of byte-level BPE (openai/gpt-2, src/encoder.py): printable
// bytes are themselves, others are counted up from 256.
func spelled(text string) string {
	var out strings.Builder
	for _, b := range []byte(text) {
		out.WriteRune(letter(b))
	}
	return out.String()
}

func letter(b byte) rune {
	printable := func(b int) bool { return b >= '!' && b <= '~' || b >= 0xa1 && b <= 0xac || b >= 0xae }
	if printable(int(b)) {
		return rune(b)
	}
	n := rune(256)
	for i := range int(b) {
		if !printable(i) {
			n++
		}
	}
	return n
}

// parrotFile writes the model: the embedding of a token is a direction, and the row of the output
// that it is of is the sum of those of the tokens before it.
func parrotFile(t testing.TB, template string, tokens []string, kinds []int32, end int32, embedding, output []float32) []byte {
	t.Helper()
	var file bytes.Buffer
	w := gguf.NewWriter(&file)
	for key, v := range map[string]uint32{"block_count": 1, "context_length": 4096, "embedding_length": parrotWidth, "feed_forward_length": parrotInner,
		"attention.head_count": 2, "attention.head_count_kv": 1, "rope.dimension_count": parrotWidth / 2, "vocab_size": uint32(len(tokens))} {
		w.Set("llama."+key, v)
	}
	w.Set("general.architecture", "llama")
	w.Set("general.name", "parrot")
	w.Set("llama.rope.freq_base", float32(10000))
	w.Set("llama.attention.layer_norm_rms_epsilon", float32(1e-5))
	w.Set("tokenizer.ggml.model", "gpt2")
	w.Set("tokenizer.ggml.pre", "gpt-2")
	w.Set("tokenizer.ggml.tokens", tokens)
	w.Set("tokenizer.ggml.token_type", kinds)
	w.Set("tokenizer.ggml.merges", []string{"q z"}) // none that a text has
	w.Set("tokenizer.ggml.eos_token_id", uint32(end))
	w.Set("tokenizer.chat_template", template)
	half := parrotWidth / 2
	ones := make([]float32, parrotWidth)
	for i := range ones {
		ones[i] = 1
	}
	tensors := []struct {
		name          string
		columns, rows int // 0 rows for a vector
		values        []float32
	}{
		{"token_embd.weight", parrotWidth, len(tokens), embedding},
		{"blk.0.attn_norm.weight", parrotWidth, 0, ones},
		{"blk.0.attn_q.weight", parrotWidth, parrotWidth, nil},
		{"blk.0.attn_k.weight", parrotWidth, half, nil},
		{"blk.0.attn_v.weight", parrotWidth, half, nil},
		{"blk.0.attn_output.weight", parrotWidth, parrotWidth, nil},
		{"blk.0.ffn_norm.weight", parrotWidth, 0, ones},
		{"blk.0.ffn_gate.weight", parrotWidth, parrotInner, nil},
		{"blk.0.ffn_up.weight", parrotWidth, parrotInner, nil},
		{"blk.0.ffn_down.weight", parrotInner, parrotWidth, nil},
		{"output_norm.weight", parrotWidth, 0, ones},
		{"output.weight", parrotWidth, len(tokens), output},
	}
	for _, x := range tensors {
		dims := []int64{int64(x.columns)}
		if x.rows > 0 {
			dims = append(dims, int64(x.rows))
		}
		w.Tensor(x.name, 0, dims, int64(4*x.columns*max(1, x.rows)))
	}
	for _, x := range tensors {
		if x.values == nil {
			x.values = make([]float32, x.columns*x.rows)
		}
		w.Data(x.name, floats(x.values))
	}
	if err := w.Close(); err != nil {
		t.Fatal(fmt.Errorf("the parrot: %w", err))
	}
	return file.Bytes()
}
