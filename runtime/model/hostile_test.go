package model

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/gguf"
	"github.com/kvgen/kvgen/runtime/kv"
)

// recipeOf is the file of a case: its numbers and tensors, without the vocabulary.
func recipeOf(t *testing.T, name string) *recipe { return recipeFrom(t, readCase(t, name).model.File) }

// recipeFrom is a file: its numbers and tensors, without the vocabulary.
func recipeFrom(t *testing.T, f *gguf.File) *recipe {
	r := &recipe{keys: map[string]any{}, data: map[string][]byte{}}
	arch, _, err := f.Str("general.architecture")
	if err != nil {
		t.Fatal(err)
	}
	r.keys["general.architecture"] = arch
	for _, key := range f.Keys() {
		if !strings.HasPrefix(key, arch+".") {
			continue
		}
		if v, ok, err := f.U32(key); ok && err == nil {
			r.keys[key] = v
		} else if v, ok, err := f.F32(key); ok && err == nil {
			r.keys[key] = v
		} else if v, ok, err := f.Str(key); ok && err == nil {
			r.keys[key] = v
		} else if v, ok, err := f.U32s(key); ok && err == nil {
			r.keys[key] = v
		} else if v, ok, err := f.Bool(key); ok && err == nil {
			r.keys[key] = v
		} else if v, ok, err := f.Bools(key); ok && err == nil {
			r.keys[key] = v
		}
	}
	for _, x := range f.Tensors() {
		data, err := f.Data(&x)
		if err != nil {
			t.Fatal(err)
		}
		x.Dims = slices.Clone(x.Dims)
		r.tensors, r.data[x.Name] = append(r.tensors, x), data
	}
	return r
}

// clone is a copy whose keys, tensors and shapes may be changed.
func (r *recipe) clone() *recipe {
	c := &recipe{keys: maps.Clone(r.keys), tensors: slices.Clone(r.tensors), data: maps.Clone(r.data)}
	for i := range c.tensors {
		c.tensors[i].Dims = slices.Clone(c.tensors[i].Dims)
	}
	return c
}

// bytes is the file in an order that does not change; the writer and the reader may refuse it.
func (r *recipe) bytes() ([]byte, error) {
	var out bytes.Buffer
	w := gguf.NewWriter(&out)
	for _, k := range slices.Sorted(maps.Keys(r.keys)) {
		w.Set(k, r.keys[k]) // the writer keeps its first error
	}
	for _, x := range r.tensors {
		w.Tensor(x.Name, x.Type, x.Dims, int64(len(r.data[x.Name])))
	}
	for _, x := range r.tensors {
		w.Data(x.Name, r.data[x.Name])
	}
	err := w.Close()
	return out.Bytes(), err
}

// hostile is what a key of a file may be set to by somebody who means harm, or by a converter that
// is wrong.
var hostile = []any{
	uint32(0), uint32(1), uint32(2), uint32(3), uint32(8), uint32(63), uint32(128), uint32(1 << 16), uint32(1 << 24), uint32(math.MaxUint32),
	int32(-1), uint64(math.MaxUint64), float32(0), float32(1), float32(-1), float32(1e-45), float32(math.MaxFloat32), float32(math.NaN()),
	float32(math.Inf(1)), true, "yarn", []uint32{}, []uint32{4, 8, 2, 1, 16, 32, 64}, []uint32{2, 0, 2}, []float32{1, 2},
}

// optional keys are read where a file has them; the name of the family precedes them.
var optional = []string{
	"attention.key_length", "attention.value_length", "rope.dimension_count", "rope.freq_base", "rope.freq_base_swa", "rope.scale_linear",
	"rope.scaling.type", "rope.scaling.factor", "rope.scaling.original_context_length", "rope.scaling.attn_factor",
	"rope.scaling.yarn_beta_fast", "rope.scaling.yarn_beta_slow", "rope.scaling.yarn_log_multiplier", "attention.scale", "attention.temperature_scale",
	"attention.sliding_window", "attention.sliding_window_pattern", "attn_logit_softcapping", "final_logit_softcapping",
	"expert_feed_forward_length", "expert_group_count",
}

// TestHeadsByLayer gives every layer a number of heads. Without a key that says so, their size is
// the width divided among the heads of the first layer, in all layers; a RoPE longer than that is
// refused.
func TestHeadsByLayer(t *testing.T) {
	r := recipeOf(t, "llama_hd64")
	for _, key := range []string{"attention.key_length", "attention.value_length", "rope.dimension_count"} {
		delete(r.keys, "llama."+key)
	}
	r.keys["llama.attention.head_count"], r.keys["llama.attention.head_count_kv"] = []uint32{2, 4}, []uint32{1, 2}
	width := int64(r.keys["llama.embedding_length"].(uint32))
	for i, heads := range []int64{2, 4} {
		q, k := heads*width/2, heads/2*width/2
		for name, dims := range map[string][]int64{"attn_q": {width, q}, "attn_k": {width, k}, "attn_v": {width, k}, "attn_output": {q, width}} {
			x := r.tensor(fmt.Sprintf("blk.%d.%s.weight", i, name))
			x.Dims, x.Type, r.data[x.Name] = dims, 0, make([]byte, 4*dims[0]*dims[1])
		}
	}
	if !survives(t, "layers of 2 and 4 heads", r) {
		t.Error("layers of 2 and 4 heads were refused")
	}
	r.keys["llama.rope.dimension_count"] = uint32(width)
	if err := r.load(t); err == nil || !strings.Contains(err.Error(), "head size 32") {
		t.Errorf("a RoPE of %d values: loaded, or refused for another reason: %v", width, err)
	}
}

// survives loads a file and runs three tokens, one batch and one step, which may fail and must not
// panic, nor take memory or time that the file's size does not explain. It reports whether the file
// ran.
func survives(t *testing.T, what string, r *recipe) bool {
	t.Helper()
	data, err := r.bytes()
	if err != nil {
		return false
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	ran, err := runThree(data)
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 64<<20 || took > 5*time.Second {
		t.Errorf("%s: %d MiB, %v", what, grown>>20, took)
	}
	if err != nil && (err.Error() == "" || strings.Count(err.Error(), "\n") > 5) {
		t.Errorf("%s: not one clear error: %v", what, err)
	}
	return ran
}

func runThree(data []byte) (bool, error) {
	f, err := gguf.Parse(data, testSizes)
	if err != nil {
		return false, err
	}
	m, err := load(f, kernels.Default(), testTypes)
	if err != nil {
		return false, err
	}
	plan, err := kv.NewPlan(m.KVLayers(), kv.Policy{K: choice("f16"), V: choice("f16")})
	if err != nil {
		return false, err
	}
	x, err := m.NewContext(Options{Plan: plan, Size: 4, Batch: 2, Threads: 2, Math: Fast})
	if err != nil {
		return false, err
	}
	defer x.Close()
	last := int32(m.Vocab - 1)
	if _, err := x.Prefill([]int32{0, last}); err != nil {
		return false, err
	}
	if _, err := x.Decode(last / 2); err != nil {
		return false, err
	}
	return true, x.Shift(0, 1)
}

// TestHostileKeys sets every hyperparameter to every hostile value, in the first two families that
// have it.
func TestHostileKeys(t *testing.T) {
	ran, all, seen := 0, 0, map[string]int{}
	for _, name := range []string{"llama_bf16", "gemma3", "mixtral", "gemma4_e2b", "gemma4_a4b", "qwen35moe"} {
		r := recipeOf(t, name)
		if !survives(t, name+" as it is", r) {
			t.Fatalf("%s does not run as it is", name)
		}
		arch := r.keys["general.architecture"].(string)
		keys := slices.Collect(maps.Keys(r.keys))
		for _, k := range optional {
			keys = append(keys, arch+"."+k)
		}
		slices.Sort(keys)
		for _, key := range slices.Compact(keys) {
			short := strings.TrimPrefix(key, arch+".")
			if seen[short]++; seen[short] > 2 {
				continue
			}
			c := r.clone()
			delete(c.keys, key)
			survives(t, name+" without "+key, c)
			for _, v := range hostile {
				c.keys[key] = v
				if all++; survives(t, fmt.Sprintf("%s: %s = %v", name, key, v), c) {
					ran++
				}
			}
		}
	}
	if ran == 0 || ran > all/2 {
		t.Errorf("%d of %d hostile files ran: the values are not what they were meant to be", ran, all)
	}
}

// TestHostileMixtures changes several things of a file at once: keys, shapes, types, presence and
// content of tensors. The changes are drawn from a fixed seed.
func TestHostileMixtures(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	ran := 0
	for _, name := range []string{"llama_bf16", "gemma3", "w_q4_0", "mistral3", "phi3_long", "gpt2", "gptoss_mxfp4", "gemma4_e2b", "gemma4_a4b", "qwen35moe"} {
		base := recipeOf(t, name)
		arch := base.keys["general.architecture"].(string)
		for n := range 80 {
			r := base.clone()
			var what []string
			for range 1 + random.IntN(3) {
				what = append(what, r.mutate(random, arch))
			}
			if survives(t, fmt.Sprintf("%s, file %d: %s", name, n, strings.Join(what, "; ")), r) {
				ran++
			}
		}
	}
	if ran < 15 {
		t.Errorf("%d files ran: the changes leave nothing to run", ran)
	}
}

// mutate makes one change and says which.
func (r *recipe) mutate(random *rand.Rand, arch string) string {
	if random.IntN(3) == 0 {
		keys := slices.Sorted(maps.Keys(r.keys))
		key := keys[random.IntN(len(keys))]
		if random.IntN(2) == 0 {
			key = arch + "." + optional[random.IntN(len(optional))]
		}
		v := hostile[random.IntN(len(hostile))]
		r.keys[key] = v
		return fmt.Sprintf("%s = %v", key, v)
	}
	i := random.IntN(len(r.tensors))
	x := &r.tensors[i]
	name := x.Name
	switch random.IntN(5) {
	case 0:
		r.drop(name)
		return "no " + name
	case 1:
		d := random.IntN(len(x.Dims))
		x.Dims[d] = []int64{1, x.Dims[d] * 2, max(1, x.Dims[d]/2), x.Dims[d] + 1, 1 << 40}[random.IntN(5)]
		return fmt.Sprintf("%s of shape %v", name, x.Dims)
	case 2: // the same values in one dimension more, or the other way round
		x.Dims = [][]int64{append([]int64{1}, x.Dims...), append(x.Dims, 1), {x.Elements()}}[random.IntN(3)]
		return fmt.Sprintf("%s of shape %v", name, x.Dims)
	case 3:
		x.Type = []uint32{0, 1, 2, 8, 14, 30, 43, 250, math.MaxUint32}[random.IntN(9)]
		return fmt.Sprintf("%s of type %d", name, x.Type)
	}
	data := slices.Clone(r.data[name])
	bits := []uint32{0x7fc00000, 0x7f800000, 0xffffffff, 0x7c007c00, 0xfe00fe00, 0}[random.IntN(6)]
	for at := 0; at+4 <= len(data); at += 4 {
		binary.LittleEndian.PutUint32(data[at:], bits)
	}
	r.data[name] = data
	return fmt.Sprintf("%s full of %#x", name, bits)
}
