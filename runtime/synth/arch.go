package synth

import (
	"fmt"
	"strings"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/demo"
	"github.com/kvgen/kvgen/runtime/gguf"
)

// arch lists what a family has beyond the tensors that all have.
type arch struct {
	name      string
	biases    bool // on Q, K and V
	headNorms bool // of every query and key head
	postNorms bool // after each branch
	window    bool // a sliding window in some layers
	experts   bool // in place of one feed-forward network
	fused     bool // Q, K and V in one tensor, and gate and up in another
	layerNorm bool // with biases, on all matrices too, and a feed-forward network without a gate
	positions bool // a vector per position
}

var archs = []arch{
	{name: "llama"},
	{name: "mistral3"},
	{name: "qwen2", biases: true},
	{name: "qwen3", headNorms: true},
	{name: "qwen3moe", headNorms: true, experts: true},
	{name: "gemma2", postNorms: true, window: true},
	{name: "gemma3", headNorms: true, postNorms: true, window: true},
	{name: "phi3", fused: true},
	{name: "starcoder2", biases: true, layerNorm: true},
	{name: "gpt2", biases: true, layerNorm: true, fused: true, positions: true},
}

// Architectures are the families that can be written.
func Architectures() []string {
	var names []string
	for _, a := range archs {
		names = append(names, a.name)
	}
	return names
}

// Slides reports whether a family has layers with a sliding window.
func Slides(name string) bool { return archNamed(name).window }

// HasExperts reports whether a family has experts.
func HasExperts(name string) bool { return archNamed(name).experts }

func (s *Shape) arch() arch { return archNamed(s.Arch) }

func archNamed(name string) arch {
	for _, a := range archs {
		if a.name == name {
			return a
		}
	}
	return arch{}
}

// tensors lists all tensors in the order of the file.
func (s *Shape) tensors() []tensor {
	a, q, kv := s.arch(), s.Heads*s.HeadDim, s.KVHeads*s.HeadDim
	f32 := kernels.Default().ByID(0)
	var all []tensor
	matrix := func(name string, rows, columns int, t *kernels.Type) {
		all = append(all, tensor{name: name + ".weight", rows: rows, columns: columns, typ: t, spread: deviation(columns)})
	}
	stack := func(name string, rows, columns int) { // of all experts
		matrix(name, s.Experts*rows, columns, s.Type)
		all[len(all)-1].stack = s.Experts
	}
	bias := func(name string, n int) {
		all = append(all, tensor{name: name + ".bias", rows: 1, columns: n, vector: true, typ: f32, spread: .1})
	}
	norm := func(name string, n int) {
		all = append(all, tensor{name: name + ".weight", rows: 1, columns: n, vector: true, typ: f32, mean: 1})
		if a.layerNorm {
			bias(name, n)
		}
	}
	linear := func(name string, rows, columns int, biased bool) {
		matrix(name, rows, columns, s.Type)
		if biased {
			bias(name, rows)
		}
	}
	matrix("token_embd", s.Vocab, s.Width, s.Output)
	if a.positions {
		matrix("position_embd", s.Context, s.Width, f32)
	}
	for i := range s.Layers {
		in := func(name string) string { return fmt.Sprintf("blk.%d.%s", i, name) }
		norm(in("attn_norm"), s.Width)
		if a.fused {
			linear(in("attn_qkv"), q+2*kv, s.Width, a.biases)
		} else {
			linear(in("attn_q"), q, s.Width, a.biases)
			linear(in("attn_k"), kv, s.Width, a.biases)
			linear(in("attn_v"), kv, s.Width, a.biases)
		}
		linear(in("attn_output"), s.Width, q, a.layerNorm)
		if a.headNorms {
			norm(in("attn_q_norm"), s.HeadDim)
			norm(in("attn_k_norm"), s.HeadDim)
		}
		if a.postNorms {
			norm(in("post_attention_norm"), s.Width)
		}
		norm(in("ffn_norm"), s.Width)
		switch {
		case a.experts:
			matrix(in("ffn_gate_inp"), s.Experts, s.Width, f32)
			stack(in("ffn_gate_exps"), s.Inner, s.Width)
			stack(in("ffn_up_exps"), s.Inner, s.Width)
			stack(in("ffn_down_exps"), s.Width, s.Inner)
		case a.layerNorm:
			linear(in("ffn_up"), s.Inner, s.Width, true)
			linear(in("ffn_down"), s.Width, s.Inner, true)
		case a.fused:
			linear(in("ffn_up"), 2*s.Inner, s.Width, false)
			linear(in("ffn_down"), s.Width, s.Inner, false)
		default:
			linear(in("ffn_gate"), s.Inner, s.Width, false)
			linear(in("ffn_up"), s.Inner, s.Width, false)
			linear(in("ffn_down"), s.Width, s.Inner, false)
		}
		if a.postNorms {
			norm(in("post_ffw_norm"), s.Width)
		}
	}
	norm("output_norm", s.Width)
	if s.Untied {
		matrix("output", s.Vocab, s.Width, s.Output)
	}
	return all
}

// metadata writes the hyperparameters and a vocabulary.
func (s *Shape) metadata(w *gguf.Writer) error {
	set := func(key string, v any) {
		w.Set(key, v) // the writer keeps its first error, and Close returns it
	}
	own := func(key string, n int) { set(s.Arch+"."+key, uint32(n)) }
	set("general.architecture", s.Arch)
	set("general.name", "random weights")
	own("block_count", s.Layers)
	own("context_length", s.Context)
	own("embedding_length", s.Width)
	own("feed_forward_length", s.Inner)
	own("attention.head_count", s.Heads)
	own("attention.head_count_kv", s.KVHeads)
	own("attention.key_length", s.HeadDim)
	own("attention.value_length", s.HeadDim)
	own("rope.dimension_count", s.HeadDim)
	own("vocab_size", s.Vocab)
	set(s.Arch+".rope.freq_base", float32(10000))
	epsilon := "attention.layer_norm_rms_epsilon"
	if s.arch().layerNorm {
		epsilon = "attention.layer_norm_epsilon"
	}
	set(s.Arch+"."+epsilon, float32(1e-5))
	if s.arch().experts {
		own("expert_count", s.Experts)
		own("expert_used_count", s.Used)
		own("expert_feed_forward_length", s.Inner)
	}
	switch {
	case s.arch().window:
		own("attention.sliding_window", s.Window)
	case s.Arch == "phi3":
		own("attention.sliding_window", s.Context) // without it some engines refuse the file
	}
	return s.vocabulary(w)
}

// vocabulary copies the embedded model's vocabulary, and fills it up with tokens that no text has.
// A smaller vocabulary gets none of that: such a model runs on token ids only.
func (s *Shape) vocabulary(w *gguf.Writer) error {
	f, err := gguf.Parse(demo.Model(), func(id uint32) (int, int, bool) {
		t := kernels.Default().ByID(int(id))
		if t == nil {
			return 0, 0, false
		}
		return t.Block, t.Bytes, true
	})
	if err != nil {
		return err
	}
	tokens, _, err := f.Strs("tokenizer.ggml.tokens")
	if err != nil || len(tokens) > s.Vocab {
		return err
	}
	kinds, _, err := f.I32s("tokenizer.ggml.token_type")
	if err != nil {
		return err
	}
	const unused = 5 // llama.cpp: LLAMA_TOKEN_TYPE_UNUSED
	for i := len(tokens); i < s.Vocab; i++ {
		tokens = append(tokens, fmt.Sprintf("[unused%d]", i))
	}
	for i := len(kinds); i < s.Vocab; i++ {
		kinds = append(kinds, unused)
	}
	w.Set("tokenizer.ggml.tokens", tokens)
	w.Set("tokenizer.ggml.token_type", kinds)
	for _, key := range f.Keys() {
		name, ok := strings.CutPrefix(key, "tokenizer.ggml.")
		if !ok || name == "tokens" || name == "token_type" {
			continue
		}
		if err := copyKey(w, f, key); err != nil {
			return err
		}
	}
	return nil
}

// copyKey copies a metadata entry of one of the kinds that vocabularies have.
func copyKey(w *gguf.Writer, f *gguf.File, key string) error {
	kind, n, _ := f.Kind(key)
	var v any
	var err error
	switch {
	case kind == gguf.KindString && n < 0:
		v, _, err = f.Str(key)
	case kind == gguf.KindString:
		v, _, err = f.Strs(key)
	case kind == gguf.KindBool && n < 0:
		v, _, err = f.Bool(key)
	case kind == gguf.KindU32 && n < 0:
		v, _, err = f.U32(key)
	case kind == gguf.KindF32 && n >= 0:
		v, _, err = f.F32s(key)
	default:
		return nil // nothing that a vocabulary needs
	}
	if err != nil {
		return err
	}
	return w.Set(key, v)
}
