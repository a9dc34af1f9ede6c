package model

import (
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/gguf"
	"github.com/kvgen/kvgen/runtime/kv"
)

// adapterRank is the rank of the adapters of tests, adapterAlpha their strength.
const adapterRank, adapterAlpha = 3, 6

// adapterOf is random matrices of low rank for some of a file's.
func adapterOf(r *recipe, names ...string) map[string][2][]float32 {
	random := rand.New(rand.NewPCG(3, 4))
	all := map[string][2][]float32{}
	for _, name := range names {
		t := r.tensor(name)
		var pair [2][]float32
		for i, n := range []int64{t.Dims[0], t.Dims[1]} {
			for range n * adapterRank {
				pair[i] = append(pair[i], float32(random.NormFloat64()*.1))
			}
		}
		all[name] = pair
	}
	return all
}

// writeAdapter writes them as llama.cpp's converter does.
func writeAdapter(t *testing.T, r *recipe, pairs map[string][2][]float32, arch string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "adapter.gguf")
	err := gguf.Create(path, func(w *gguf.Writer) error {
		err := errors.Join(w.Set("general.type", "adapter"), w.Set("general.architecture", arch), w.Set("adapter.type", "lora"), w.Set("adapter.lora.alpha", float32(adapterAlpha)))
		var names []string
		for name := range pairs {
			names = append(names, name)
			d := r.tensor(name).Dims
			err = errors.Join(err, w.Tensor(name+".lora_a", 0, []int64{d[0], adapterRank}, 4*d[0]*adapterRank), w.Tensor(name+".lora_b", 0, []int64{adapterRank, d[1]}, 4*d[1]*adapterRank))
		}
		for _, name := range names {
			for i, end := range []string{".lora_a", ".lora_b"} {
				data, _ := binary.Append(nil, binary.LittleEndian, pairs[name][i])
				err = errors.Join(err, w.Data(name+end, data))
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// merge adds scale * alpha/rank * B A to the weights of a recipe, which become f32.
func merge(t *testing.T, r *recipe, pairs map[string][2][]float32, scale float64) {
	for name, pair := range pairs {
		x := r.tensor(name)
		n, rows := int(x.Dims[0]), int(x.Dims[1])
		w := make([]float32, n*rows)
		typ := kernels.Default().ByID(int(x.Type))
		typ.Best().Decode(w, r.data[name])
		for i := range rows {
			for j := range n {
				sum := 0.0
				for k := range adapterRank {
					sum += float64(pair[1][i*adapterRank+k]) * float64(pair[0][k*n+j])
				}
				w[i*n+j] += float32(scale * adapterAlpha / adapterRank * sum)
			}
		}
		x.Type = 0
		r.data[name], _ = binary.Append(nil, binary.LittleEndian, w)
	}
}

// adapterLogits are those of a few tokens, all as one prompt and the last by itself.
func adapterLogits(t *testing.T, r *recipe, adapters ...*Adapter) []float32 {
	t.Helper()
	data, err := r.bytes()
	if err != nil {
		t.Fatal(err)
	}
	f, err := gguf.Parse(data, testSizes)
	if err != nil {
		t.Fatal(err)
	}
	m, err := LoadAdapted(f, kernels.Default(), adapters...)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := kv.NewPlan(m.KVLayers(), kv.Policy{K: choice("f32"), V: choice("f32")})
	if err != nil {
		t.Fatal(err)
	}
	c, err := m.NewContext(Options{Plan: plan, Size: 64, Threads: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var all []float32
	for _, tokens := range [][]int32{{5, 9, 2, 40, 41, 42, 7}, {11}} {
		l, err := c.Prefill(tokens)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, l...)
	}
	return all
}

// TestAdapter runs a model with adapters and compares its logits with those of a model whose
// weights have them added.
func TestAdapter(t *testing.T) {
	names := []string{"blk.0.attn_q.weight", "blk.0.attn_v.weight", "blk.1.attn_output.weight", "blk.1.ffn_gate.weight", "blk.0.ffn_down.weight", "output.weight"}
	r := llamaRecipe(t)
	one, two := adapterOf(r, names...), adapterOf(r, names[2])
	var adapters []*Adapter
	for i, pairs := range []map[string][2][]float32{one, two} {
		a, err := OpenAdapter(writeAdapter(t, r, pairs, "llama"), kernels.Default(), []float64{1, -.5}[i])
		if err != nil {
			t.Fatal(err)
		}
		adapters = append(adapters, a)
	}
	plain, got := adapterLogits(t, llamaRecipe(t)), adapterLogits(t, llamaRecipe(t), adapters...)
	merged := llamaRecipe(t)
	merge(t, merged, one, 1)
	merge(t, merged, two, -.5)
	want := adapterLogits(t, merged)
	worst, moved := 0.0, 0.0
	for i := range want {
		worst = max(worst, math.Abs(float64(got[i]-want[i])))
		moved = max(moved, math.Abs(float64(plain[i]-want[i])))
	}
	if worst > 1e-3 || moved < .1 {
		t.Errorf("logits are off by %v where the adapters move them by %v", worst, moved)
	}
}

// TestAdapterErrors refuses adapters of other models, and parts that would not be applied.
func TestAdapterErrors(t *testing.T) {
	r := llamaRecipe(t)
	q := adapterOf(r, "blk.0.attn_q.weight")
	wide := llamaRecipe(t)
	wide.tensor("blk.0.attn_q.weight").Dims = []int64{64, 512}
	for _, c := range []struct {
		path, want string
	}{
		{writeAdapter(t, r, q, "qwen2"), `is for "qwen2" models, and this is one of "llama"`},
		{writeAdapter(t, r, adapterOf(r, "token_embd.weight"), "llama"), "adapters of embeddings"},
		{writeAdapter(t, wide, adapterOf(wide, "blk.0.attn_q.weight"), "llama"), "is for another model: blk.0.attn_q.weight"},
		{arches + "/llama_hd64/model.gguf", "not a LoRA adapter"},
	} {
		a, err := OpenAdapter(c.path, kernels.Default(), 1)
		if err == nil {
			data, _ := llamaRecipe(t).bytes()
			f, _ := gguf.Parse(data, testSizes)
			_, err = LoadAdapted(f, kernels.Default(), a)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %q", err, c.want)
		}
	}
}
