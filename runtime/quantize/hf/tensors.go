package hf

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/quantize"
	"github.com/kvgen/kvgen/runtime/safetensors"
)

// part is a tensor that a model has.
type part struct {
	from, to      string // names
	rows, columns int64  // a vector has no columns
	heads         int64  // whose rows are put into another order, 0 for none
	optional      bool
}

// tensor is one of a source.
type tensor struct {
	from   *safetensors.Tensor // nil where values says it all
	values []float32
	heads  int64
}

// parts are all tensors of a model.
func (c *config) parts() []part {
	all := []part{{from: "model.embed_tokens.weight", to: "token_embd.weight", rows: c.vocab, columns: c.width}}
	for i := range c.layers {
		for _, p := range c.layer() {
			p.from, p.to = fmt.Sprintf("model.layers.%d.%s", i, p.from), fmt.Sprintf("blk.%d.%s", i, p.to)
			all = append(all, p)
		}
	}
	all = append(all, part{from: "model.norm.weight", to: "output_norm.weight", rows: c.width})
	if !c.family.tied {
		all = append(all, part{from: "lm_head.weight", to: "output.weight", rows: c.vocab, columns: c.width})
	}
	return all
}

// layer is the parts of each layer.
func (c *config) layer() []part {
	q, kv := c.heads*c.dim, c.kvHeads*c.dim
	qHeads, kHeads := int64(0), int64(0)
	if c.adjacent {
		qHeads, kHeads = c.heads, c.kvHeads
	}
	p := []part{
		{from: "input_layernorm.weight", to: "attn_norm.weight", rows: c.width},
		{from: "self_attn.q_proj.weight", to: "attn_q.weight", rows: q, columns: c.width, heads: qHeads},
		{from: "self_attn.q_proj.bias", to: "attn_q.bias", rows: q, heads: qHeads, optional: true},
		{from: "self_attn.k_proj.weight", to: "attn_k.weight", rows: kv, columns: c.width, heads: kHeads},
		{from: "self_attn.k_proj.bias", to: "attn_k.bias", rows: kv, heads: kHeads, optional: true},
		{from: "self_attn.v_proj.weight", to: "attn_v.weight", rows: kv, columns: c.width},
		{from: "self_attn.v_proj.bias", to: "attn_v.bias", rows: kv, optional: true},
		{from: "self_attn.o_proj.weight", to: "attn_output.weight", rows: c.width, columns: q},
		{from: "self_attn.o_proj.bias", to: "attn_output.bias", rows: c.width, optional: true},
		{from: "post_attention_layernorm.weight", to: "ffn_norm.weight", rows: c.width},
		{from: "mlp.gate_proj.weight", to: "ffn_gate.weight", rows: c.inner, columns: c.width},
		{from: "mlp.gate_proj.bias", to: "ffn_gate.bias", rows: c.inner, optional: true},
		{from: "mlp.up_proj.weight", to: "ffn_up.weight", rows: c.inner, columns: c.width},
		{from: "mlp.up_proj.bias", to: "ffn_up.bias", rows: c.inner, optional: true},
		{from: "mlp.down_proj.weight", to: "ffn_down.weight", rows: c.width, columns: c.inner},
		{from: "mlp.down_proj.bias", to: "ffn_down.bias", rows: c.width, optional: true},
	}
	if c.norms {
		p = append(p, part{from: "self_attn.q_norm.weight", to: "attn_q_norm.weight", rows: c.dim},
			part{from: "self_attn.k_norm.weight", to: "attn_k_norm.weight", rows: c.dim})
	}
	return p
}

// computed reports whether a tensor is one that follows from others or from config.json, and is in
// some files all the same.
func (c *config) computed(name string) bool {
	return c.family.tied && name == "lm_head.weight" || strings.HasSuffix(name, ".rotary_emb.inv_freq")
}

// types are the dtypes of weights, with their numbers in ggml.
var types = map[string]int{"F32": 0, "F16": 1, "BF16": 30}

// bind finds the tensors of a model in its files.
func (s *Source) bind(c *config, table *kernels.Table) error {
	if c.rope.factors != nil {
		s.vector(table, "rope_freqs.weight", tensor{values: c.rope.factors}, int64(len(c.rope.factors)))
	}
	used := map[string]bool{}
	for _, p := range c.parts() {
		t := s.folder.Tensors[p.from]
		if t == nil {
			if p.optional {
				continue
			}
			return fmt.Errorf("there is no tensor %s, which a model of %s has", p.from, c.class)
		}
		used[p.from] = true
		shape := []int64{p.rows, p.columns}
		if p.columns == 0 {
			shape = shape[:1]
		}
		id, ok := types[t.Type]
		switch {
		case !slices.Equal(t.Shape, shape):
			return fmt.Errorf("tensor %s has shape %v, and by config.json it is %v", p.from, t.Shape, shape)
		case !ok:
			return fmt.Errorf("tensor %s is of %s: weights are read in F32, F16 and BF16", p.from, t.Type)
		case p.columns == 0:
			s.vector(table, p.to, tensor{from: t, heads: p.heads}, p.rows)
		default:
			s.add(tensor{from: t, heads: p.heads}, quantize.Tensor{Name: p.to, Dims: []int64{p.columns, p.rows},
				Type: table.ByID(id), ID: uint32(id), Size: t.Size})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.folder.Tensors)) {
		if !used[name] && !c.computed(name) {
			return fmt.Errorf("tensor %.80q is not known in a model of %s", name, c.class)
		}
	}
	return nil
}

func (s *Source) add(t tensor, as quantize.Tensor) {
	s.from, s.tensors = append(s.from, t), append(s.tensors, as)
}

// vector adds one of n values, which are f32 whatever they were.
func (s *Source) vector(table *kernels.Table, name string, t tensor, n int64) {
	s.add(t, quantize.Tensor{Name: name, Dims: []int64{n}, Type: table.ByID(0), ID: 0, Size: 4 * n})
}

// sourceRow is where row r of the result is among the n rows of the source. In a head, Hugging Face
// has the first values of all pairs before the second ones, and GGUF each pair together.
func sourceRow(r, n, heads int64) int64 {
	if heads == 0 {
		return r
	}
	dim := n / heads
	in := r % dim
	return r - in + in%2*(dim/2) + in/2
}
