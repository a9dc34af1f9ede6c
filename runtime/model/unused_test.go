package model

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/cpu"
)

// logitsOf runs a case's tokens through a file with an f32 cache.
func (r *recipe) logitsOf(t *testing.T, tokens []int32) (*Model, [][]float32) {
	t.Helper()
	m := r.model(t)
	x, err := (&conformance{model: m}).context(t, "f32", "f32", Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	return m, prefill(t, x, tokens, 0)
}

// TestNextN adds a block that predicts tokens beyond the next one: whole, its own tensors alone,
// and announced but not there. The logits are those without it, and what is left out is named.
func TestNextN(t *testing.T) {
	for _, name := range []string{"qwen35", "qwen35moe", "qwen3moe"} {
		base := readCase(t, name)
		plain := recipeOf(t, name)
		_, want := plain.logitsOf(t, base.Tokens)
		layers := base.model.Layers
		for _, kind := range []string{"whole", "own tensors", "announced"} {
			r := plain.clone()
			r.keys[name+".block_count"], r.keys[name+".nextn_predict_layers"] = uint32(layers+1), uint32(1)
			left := 0
			if kind != "announced" {
				for _, own := range []string{"eh_proj.weight", "enorm.weight", "hnorm.weight", "shared_head_norm.weight"} {
					r.add(fmt.Sprintf("blk.%d.nextn.%s", layers, own), make([]float32, 64))
					left++
				}
			}
			last := fmt.Sprintf("blk.%d.", layers-1)
			for _, x := range slices.Clone(r.tensors) {
				if rest, ok := strings.CutPrefix(x.Name, last); ok && kind == "whole" {
					data := r.data[x.Name]
					x.Name = fmt.Sprintf("blk.%d.%s", layers, rest)
					r.tensors, r.data[x.Name] = append(r.tensors, x), data
					left++
				}
			}
			m, got := r.logitsOf(t, base.Tokens)
			if d, _ := differ(got, want); d != 0 || m.Layers != layers {
				t.Errorf("%s, %s: %d layers, logits differ by %g", name, kind, m.Layers, d)
			}
			u := m.Unused()
			if notes := u.Notes(m.Arch); len(u.Predicting) != left || len(u.Strange)+len(u.Harmless) > 0 || len(notes) != min(left, 1) {
				t.Errorf("%s, %s: %+v, %q", name, kind, u, notes)
			}
		}
	}
	r := llamaRecipe(t)
	r.keys["llama.nextn_predict_layers"] = uint32(2)
	if err := r.load(t); err == nil || !strings.Contains(err.Error(), "nextn_predict_layers = 2 of 2 blocks") {
		t.Errorf("nothing but such blocks: %v", err)
	}
}

// TestUnused names tensors that a family has no place for, and no others: no case has any.
func TestUnused(t *testing.T) {
	for _, name := range caseNames(t) {
		if u := readCase(t, name).model.Unused(); len(u.Strange)+len(u.Predicting) > 0 {
			t.Errorf("%s: %+v", name, u)
		}
	}
	r := recipeOf(t, "qwen2_hd64")
	for _, x := range []string{"blk.0.attn_q_norm.weight", "blk.0.attn_sinks.weight", "rope_freqs.weight", "blk.1.attn_rot_embd.weight"} {
		r.add(x, make([]float32, 64))
	}
	r.add("blk.0.nothing.weight", nil)
	u := r.model(t).Unused()
	want := "2 tensors (blk.0.attn_q_norm.weight, blk.0.attn_sinks.weight) are not used by a qwen2 model: "
	if notes := u.Notes("qwen2"); len(u.Harmless) != 3 || len(notes) != 1 || !strings.HasPrefix(notes[0], want) {
		t.Errorf("%+v: %q", u, notes)
	}
}

// TestLayersWithoutParts takes attention or the feed-forward network out of a layer, by its numbers
// and tensors. What is left must be what there is when the last matrix of the missing part is zero.
func TestLayersWithoutParts(t *testing.T) {
	base := readCase(t, "llama_hd64")
	without := func(r *recipe, layer int, names ...string) {
		for _, n := range names {
			r.drop(fmt.Sprintf("blk.%d.%s.weight", layer, n))
		}
	}
	zero := func(r *recipe, name string) { r.data[name] = make([]byte, len(r.data[name])) }
	attention := []string{"attn_norm", "attn_q", "attn_k", "attn_v", "attn_output"}
	for _, c := range []struct {
		name       string
		edit, same func(r *recipe)
	}{
		{"no KV heads", func(r *recipe) {
			r.keys["llama.attention.head_count_kv"] = []uint32{2, 0}
			without(r, 1, attention...)
		}, func(r *recipe) { zero(r, "blk.1.attn_output.weight") }},
		{"no heads", func(r *recipe) {
			r.keys["llama.attention.head_count"], r.keys["llama.attention.head_count_kv"] = []uint32{0, 4}, []uint32{0, 2}
			without(r, 0, attention...)
		}, func(r *recipe) { zero(r, "blk.0.attn_output.weight") }},
		{"no network", func(r *recipe) {
			r.keys["llama.feed_forward_length"] = []uint32{64, 0}
			without(r, 1, "ffn_norm", "ffn_gate", "ffn_up", "ffn_down")
		}, func(r *recipe) { zero(r, "blk.1.ffn_down.weight") }},
		{"only a network", func(r *recipe) {
			r.keys["llama.attention.head_count_kv"], r.keys["llama.feed_forward_length"] = []uint32{0, 2}, []uint32{64, 0}
			without(r, 0, attention...)
			without(r, 1, "ffn_norm", "ffn_gate", "ffn_up", "ffn_down")
		}, func(r *recipe) { zero(r, "blk.0.attn_output.weight"); zero(r, "blk.1.ffn_down.weight") }},
	} {
		edited, same := recipeOf(t, "llama_hd64"), recipeOf(t, "llama_hd64")
		c.edit(edited)
		c.same(same)
		m, got := edited.logitsOf(t, base.Tokens)
		_, want := same.logitsOf(t, base.Tokens)
		if d, _ := differ(got, want); d != 0 || len(m.Unused().Strange) > 0 {
			t.Errorf("%s: logits differ by %g, unused %v", c.name, d, m.Unused().Strange)
		}
		if c.name != "no network" && len(m.KVLayers()) != 1 {
			t.Errorf("%s: %d layers with a cache", c.name, len(m.KVLayers()))
		}
	}
	// The last matrix alone, in a model of that layer only, is computed by hand.
	r := recipeOf(t, "llama_hd64")
	r.keys["llama.block_count"], r.keys["llama.attention.head_count_kv"], r.keys["llama.feed_forward_length"] = uint32(1), []uint32{0, 2}, []uint32{0, 64}
	without(r, 0, "attn_q", "attn_k", "attn_v", "ffn_norm", "ffn_gate", "ffn_up", "ffn_down")
	x := r.tensor("blk.0.attn_output.weight")
	x.Dims = []int64{64, 64}
	r.data[x.Name] = r.data[x.Name][:64*64*testTypes(int(x.Type)).Bytes]
	m, got := r.logitsOf(t, base.Tokens[:4])
	values := func(name string) (v []float32) {
		x := r.tensor(name)
		v = make([]float32, x.Elements())
		testTypes(int(x.Type)).Best().Decode(v, r.data[name])
		return v
	}
	multiply := func(name string, x []float32) (y []float32) {
		for w := values(name); len(w) > 0; w = w[len(x):] {
			var sum float64
			for i, v := range x {
				sum += float64(v) * float64(w[i])
			}
			y = append(y, float32(sum))
		}
		return y
	}
	norm := func(name string, x []float32) []float32 {
		y := make([]float32, len(x))
		cpu.NewVec(kernels.Default()).RMSNorm(y, x, values(name), 1e-5)
		return y
	}
	var want [][]float32
	for _, id := range base.Tokens[:4] {
		h := values("token_embd.weight")[int(id)*64:][:64]
		cpu.NewVec(kernels.Default()).Add(h, multiply("blk.0.attn_output.weight", norm("blk.0.attn_norm.weight", h)))
		want = append(want, multiply("output.weight", norm("output_norm.weight", h)))
	}
	if d, _ := differ(got, want); !(d < 1e-4) || len(m.KVLayers()) != 0 || slices.Max(want[0]) < .1 {
		t.Errorf("the last matrix alone: logits differ by %g", d)
	}
	// Numbers that contradict the tensors or each other.
	for name, edit := range map[string]func(r *recipe){
		"attn_q.weight":             func(r *recipe) { r.keys["llama.attention.head_count_kv"] = []uint32{2, 0} },
		"head_count_kv has 0":       func(r *recipe) { r.keys["llama.attention.head_count_kv"] = uint32(0) },
		"KV heads for no head":      func(r *recipe) { r.keys["llama.attention.head_count"] = []uint32{4, 0} },
		"feed_forward_length has 0": func(r *recipe) { r.keys["llama.feed_forward_length"] = uint32(0) },
		"qwen2.attention.head_count_kv has 0": func(r *recipe) {
			for key, v := range maps.Clone(r.keys) {
				delete(r.keys, key)
				r.keys[strings.Replace(key, "llama.", "qwen2.", 1)] = v
			}
			r.keys["general.architecture"], r.keys["qwen2.attention.head_count_kv"] = "qwen2", []uint32{2, 0}
		},
	} {
		r := llamaRecipe(t)
		edit(r)
		if err := r.load(t); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
