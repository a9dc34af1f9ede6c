package hf

import (
	"fmt"
	"strings"
)

// family is a kind of model.
type family struct {
	class    string // in architectures of config.json
	arch     string // general.architecture
	adjacent bool   // its GGUF form has adjacent RoPE pairs, where Hugging Face's has halves
	norms    bool   // of every head of Q and K
	tied     bool   // the output matrix is the embedding, unless config.json says otherwise
	headDim  int64  // unless config.json says otherwise; 0 for width over heads
	check    func(*config)
}

var families = []family{
	{class: "LlamaForCausalLM", arch: "llama", adjacent: true},
	{class: "Qwen2ForCausalLM", arch: "qwen2"},
	{class: "Qwen3ForCausalLM", arch: "qwen3", norms: true, headDim: 128},
	{class: "SmolLM3ForCausalLM", arch: "smollm3", adjacent: true, tied: true, check: everyFourth},
}

// neutral are settings that change what is computed and that no family here has otherwise.
var neutral = map[string][]string{
	"hidden_act":            {`"silu"`},
	"partial_rotary_factor": {"1", "1.0"},
	"rope_interleaved":      {"false"},
	"use_sliding_window":    {"false"},
	"quantization_config":   {"null"},
	"clip_qkv":              {"null"},
	"num_local_experts":     {"0"},
}

// config is what config.json says of a model.
type config struct {
	*object
	family
	title                            string // the name of the folder
	width, layers, inner             int64
	heads, kvHeads, dim, vocab, span int64
	eps                              float64
	rope                             rope
}

// readConfig reads config.json.
func readConfig(dir string) (*config, error) {
	o, err := readObject(dir, "config.json", false)
	if err != nil {
		return nil, err
	}
	c := &config{object: o}
	class := strings.Join(read(o, "architectures", []string(nil)), " ")
	var known []string
	for _, f := range families {
		if known = append(known, f.class); f.class == class {
			c.family = f
		}
	}
	switch {
	case o.err != nil:
		return nil, o.err
	case !o.has("architectures"):
		return nil, fmt.Errorf("%s: architectures is missing", o.name)
	case c.class == "":
		return nil, fmt.Errorf("%s: architectures %.80q are not read here: they are %s; others have to be GGUF files", o.name, class, strings.Join(known, " "))
	}
	c.neutral(neutral)
	c.width, c.layers, c.inner = c.size("hidden_size", 0), c.size("num_hidden_layers", 0), c.size("intermediate_size", 0)
	c.heads = c.size("num_attention_heads", 0)
	c.kvHeads = c.size("num_key_value_heads", c.heads)
	if c.headDim == 0 {
		c.headDim = max(1, c.width/c.heads)
	}
	c.dim = c.size("head_dim", c.headDim)
	c.vocab, c.span = c.size("vocab_size", 0), c.size("max_position_embeddings", 0)
	c.eps = c.real("rms_norm_eps", 0)
	c.family.tied = read(o, "tie_word_embeddings", c.family.tied)
	switch {
	case c.layers > maxLayers:
		c.fail("num_hidden_layers = %d, allowed: %d", c.layers, maxLayers)
	case c.heads%c.kvHeads != 0:
		c.fail("%d heads are no multiple of num_key_value_heads = %d", c.heads, c.kvHeads)
	case c.dim%2 != 0 || c.dim > maxHead:
		c.fail("head_dim = %d, allowed: even, for the pairs of RoPE, and at most %d", c.dim, maxHead)
	}
	if c.err != nil {
		return nil, c.err
	}
	c.rope = readRope(c)
	for i, kind := range read(o, "layer_types", []string(nil)) {
		if kind != "full_attention" {
			c.fail("layer_types: %.40q of layer %d is not supported, only full_attention", kind, i)
		}
	}
	if c.check != nil {
		c.check(c)
	}
	return c, c.err
}

// Limits on what a configuration may ask for.
const (
	maxLayers = 4096
	maxHead   = 1 << 14
)

// everyFourth is that each fourth layer has no RoPE and no other has none, which is what the GGUF
// form means.
func everyFourth(c *config) {
	if n := c.size("no_rope_layer_interval", 4); n != 4 {
		c.fail("no_rope_layer_interval = %d is not supported, only 4", n)
	}
	rotates := read(c.object, "no_rope_layers", []int64(nil)) // 1 where it does, whatever the name
	for i, r := range rotates {
		if (r != 0) != ((i+1)%4 != 0) {
			c.fail("no_rope_layers: layer %d is not supported, only every fourth without RoPE", i)
		}
	}
}

// metadata is what a GGUF file says of the model's shape.
func (c *config) metadata(m *metadata) {
	m.set("general.architecture", c.arch)
	m.set("general.name", c.title)
	key := func(name string, v any) { m.set(c.arch+"."+name, v) }
	key("context_length", uint32(c.span))
	key("embedding_length", uint32(c.width))
	key("block_count", uint32(c.layers))
	key("feed_forward_length", uint32(c.inner))
	key("attention.head_count", uint32(c.heads))
	key("attention.head_count_kv", uint32(c.kvHeads))
	key("attention.key_length", uint32(c.dim))
	key("attention.value_length", uint32(c.dim))
	key("attention.layer_norm_rms_epsilon", float32(c.eps))
	key("vocab_size", uint32(c.vocab))
	key("rope.dimension_count", uint32(c.dim))
	key("rope.freq_base", float32(c.rope.base))
	if c.rope.kind != "" {
		key("rope.scaling.type", c.rope.kind)
		key("rope.scaling.factor", float32(c.rope.factor))
	}
	if c.rope.original > 0 {
		key("rope.scaling.original_context_length", uint32(c.rope.original))
	}
}
