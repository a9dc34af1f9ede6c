package model

import (
	"fmt"
	"maps"
	"strings"
	"testing"
)

// TestSameModelOtherShape writes the same model in other shapes, which must give the same logits.
func TestSameModelOtherShape(t *testing.T) {
	for _, c := range []struct {
		name, base string
		edit       func(r *recipe)
	}{
		{"numbers of heads by layer", "llama_hd64", func(r *recipe) {
			r.keys["llama.attention.head_count"], r.keys["llama.attention.head_count_kv"] = []uint32{4, 4}, []uint32{2, 2}
			r.keys["llama.feed_forward_length"] = []uint32{64, 64}
		}},
		{"fused QKV", "qwen2_hd64", func(r *recipe) {
			for i := range 2 {
				at := fmt.Sprintf("blk.%d.attn_", i)
				r.stack(at+"qkv.weight", at+"q.weight", at+"k.weight", at+"v.weight")
				r.stack(at+"qkv.bias", at+"q.bias", at+"k.bias", at+"v.bias")
			}
		}},
		{"mixtral as mistral3", "mixtral", func(r *recipe) {
			for key, v := range maps.Clone(r.keys) {
				delete(r.keys, key)
				r.keys[strings.Replace(key, "llama.", "mistral3.", 1)] = v
			}
			r.keys["general.architecture"] = "mistral3"
		}},
		{"a tensor for each expert", "mixtral", func(r *recipe) {
			for i := range 2 {
				for _, kind := range []string{"gate", "up", "down"} {
					r.scatter(fmt.Sprintf("blk.%d.ffn_%s_exps.weight", i, kind), fmt.Sprintf("blk.%d.ffn_%s", i, kind))
				}
			}
		}},
		{"numbers of another kind", "llama_hd64", func(r *recipe) {
			r.keys["llama.rope.freq_base"], r.keys["llama.embedding_length"] = uint32(10000), float64(64)
		}},
		{"values longer than keys", "llama_hd64", func(r *recipe) {
			r.keys["llama.attention.value_length"] = uint32(80)
			for i := range 2 {
				r.padRows(fmt.Sprintf("blk.%d.attn_v.weight", i), 64, 80)
				r.padColumns(fmt.Sprintf("blk.%d.attn_output.weight", i), 64, 80)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			base := readCase(t, c.base)
			want, first := base.want(t, "exact")
			r := recipeOf(t, c.base)
			c.edit(r)
			x, err := (&conformance{model: r.model(t)}).context(t, "f32", "f32", Options{Threads: 2})
			if err != nil {
				t.Fatal(err)
			}
			if d, _ := differ(prefill(t, x, base.Tokens, first), want); !(d <= 2e-4) {
				t.Errorf("max %.2g, allowed 2e-4", d)
			}
		})
	}
}

// scatter gives each expert of a tensor one of its own, the last first.
func (r *recipe) scatter(name, one string) {
	x := *r.tensor(name)
	count := int(x.Dims[2])
	size := len(r.data[name]) / count
	for e := count - 1; e >= 0; e-- {
		y := x
		y.Name, y.Dims = fmt.Sprintf("%s.%d.weight", one, e), x.Dims[:2]
		r.tensors, r.data[y.Name] = append(r.tensors, y), r.data[name][e*size:(e+1)*size]
	}
	r.drop(name)
}

// stack puts the rows of tensors into one and drops them.
func (r *recipe) stack(name string, parts ...string) {
	x := *r.tensor(parts[0])
	x.Name, x.Dims = name, append([]int64{}, x.Dims...)
	last := len(x.Dims) - 1
	x.Dims[last] = 0
	var data []byte
	for _, p := range parts {
		x.Dims[last] += r.tensor(p).Dims[last]
		data = append(data, r.data[p]...)
		r.drop(p)
	}
	r.tensors, r.data[name] = append(r.tensors, x), data
}

// padRows appends rows of zeros to each block of n rows of an f16 matrix, up to m.
func (r *recipe) padRows(name string, n, m int64) {
	x := r.tensor(name)
	r.pad(x.Name, 2*x.Dims[0]*n, 2*x.Dims[0]*m)
	x.Dims[1] = x.Dims[1] / n * m
}

// padColumns appends zeros to each n values of the rows of an f16 matrix, up to m.
func (r *recipe) padColumns(name string, n, m int64) {
	x := r.tensor(name)
	r.pad(x.Name, 2*n, 2*m)
	x.Dims[0] = x.Dims[0] / n * m
}

// pad makes each n bytes of a tensor m.
func (r *recipe) pad(name string, n, m int64) {
	var data []byte
	for old := r.data[name]; len(old) > 0; old = old[n:] {
		data = append(append(data, old[:n]...), make([]byte, m-n)...)
	}
	r.data[name] = data
}
