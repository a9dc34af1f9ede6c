package model

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/runtime/gguf"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/program"
)

// oneLayer is a case cut to one layer, where keys and values depend on their own token and position
// alone.
func oneLayer(t *testing.T, name string, layer int, set map[string]any) *conformance {
	c := readCase(t, name)
	c.cut(t, layer, set)
	return c
}

// cut cuts a case to one layer.
func (c *conformance) cut(t *testing.T, layer int, set map[string]any) {
	r := recipeFrom(t, c.model.File)
	arch := r.keys["general.architecture"].(string)
	r.keys[arch+".block_count"] = uint32(1)
	for k, v := range set {
		r.keys[arch+"."+k] = v
	}
	from := fmt.Sprintf("blk.%d.", layer)
	var kept []gguf.Tensor
	for _, x := range r.tensors {
		short, of := strings.CutPrefix(x.Name, from)
		if of {
			data := r.data[x.Name]
			x.Name = "blk.0." + short
			r.data[x.Name] = data
		}
		if of || !strings.HasPrefix(x.Name, "blk.") {
			kept = append(kept, x)
		}
	}
	r.tensors = kept
	c.model = r.model(t)
}

// TestShiftFamilies holds a shifted context to a fresh one in families whose attention has more to
// it: within a few times what the type itself changes, and with keys that were turned.
func TestShiftFamilies(t *testing.T) {
	for _, f := range []struct {
		name  string
		layer int
		set   map[string]any
	}{
		{"qwen3moe", 0, nil},
		{"gptoss", 0, nil}, // sliding
		{"gptoss", 1, map[string]any{"attention.sliding_window_pattern": uint32(1)}},
		{"gemma4_a4b", 0, nil}, // sliding
		{"gemma4_a4b", 1, map[string]any{"attention.sliding_window_pattern": []bool{false}, "attention.head_count_kv": uint32(1)}},
		{"qwen35", 1, map[string]any{"full_attention_interval": uint32(1)}},
	} {
		shiftsAsFresh(t, oneLayer(t, f.name, f.layer, f.set), fmt.Sprint(f.name, " ", f.set))
	}
	norms, _, _ := readSeeded(t, "hunyuan_dense")
	norms.cut(t, 1, nil)
	shiftsAsFresh(t, norms, "norms after RoPE")
	none, _, _ := readSeeded(t, "cohere2")
	none.cut(t, 3, map[string]any{"attention.sliding_window_pattern": uint32(1)})
	shiftsAsFresh(t, none, "no RoPE")
}

// shiftsAsFresh shifts a context of a model of one layer.
func shiftsAsFresh(t *testing.T, c *conformance, name string) {
	const keep, discard, rows = 4, 20, 12 // rows at the end are compared
	kept := slices.Concat(c.Tokens[:keep], c.Tokens[keep+discard:])
	first := len(kept) - rows
	var exact [][]float32
	for _, cache := range []string{"f32", "f16", "q8_0"} {
		what := name + " " + cache
		x, err := c.context(t, cache, cache, Options{Threads: 1})
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		fresh := prefill(t, x, kept, first)
		if exact == nil {
			exact = fresh
		}
		_, own := differ(fresh, exact)
		shifted := func(turn bool) float64 {
			prefill(t, x, c.Tokens[:len(c.Tokens)-rows], 0)
			if turn {
				err = x.Shift(keep, discard)
			} else {
				err = x.Cache.Shift(keep, discard, func(int, []float32, int) {})
			}
			if err != nil {
				t.Fatal(err)
			}
			var got [][]float32
			err := x.Eval(kept[first:], 0, func(_ int, l []float32) error {
				got = append(got, slices.Clone(l))
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			_, rms := differ(got, fresh)
			return rms
		}
		most := 1e-5 + 3*own
		turned, unturned := shifted(true), shifted(false)
		if !(turned <= most) {
			t.Errorf("%s: a shifted context differs from a fresh one by %.2g; the type alone by %.2g", what, turned, own)
		}
		if unturned <= 2*most && c.model.program.RopeOf(0) >= 0 {
			t.Errorf("%s: keys left unturned differ by %.2g only", what, unturned)
		}
	}
}

// TestExpertsWithoutSize holds the size of an expert where a file does not give it: those that a
// token uses are as large together as feed_forward_length, and none is smaller than one value.
func TestExpertsWithoutSize(t *testing.T) {
	h := &Header{ffnAll: []uint32{96, 3}}
	for _, c := range []struct {
		given       Experts
		layer, want int
	}{
		{Experts{Used: 4}, 0, 24},
		{Experts{Used: 1}, 0, 96},
		{Experts{}, 0, 96},
		{Experts{Used: 4}, 1, 1},
		{Experts{Used: 4, Inner: 7}, 0, 7},
	} {
		if got := c.given.sized(h, c.layer).Inner; got != c.want {
			t.Errorf("%+v in layer %d: %d, want %d", c.given, c.layer, got, c.want)
		}
	}
	r := recipeOf(t, "qwen3moe")
	inner, used := r.keys["qwen3moe.expert_feed_forward_length"].(uint32), r.keys["qwen3moe.expert_used_count"].(uint32)
	delete(r.keys, "qwen3moe.expert_feed_forward_length")
	r.keys["qwen3moe.feed_forward_length"] = inner * used
	if err := r.load(t); err != nil {
		t.Error(err)
	}
	r.keys["qwen3moe.feed_forward_length"] = inner * (used + 1)
	if err := r.load(t); err == nil || !strings.Contains(err.Error(), "exps") {
		t.Errorf("experts of another size than their tensors: %v", err)
	}
}

// TestOnlyChosenExpertsAreRead fills the matrices of one expert after the other with NaN: those
// that a token does not use change nothing.
func TestOnlyChosenExpertsAreRead(t *testing.T) {
	for _, name := range []string{"qwen3moe", "gptoss_mxfp4", "gemma4_a4b"} {
		c := oneLayer(t, name, 0, nil)
		experts := c.model.program.Steps[len(c.model.program.Steps)-1].Body
		if sum, ok := experts.(*program.SumStep); ok {
			experts = sum.Steps[len(sum.Steps)-1].Body
		}
		e := experts.(*program.ExpertsStep)
		for _, math := range []Math{Exact, Fast} {
			decode := func(m *Model) ([]float32, error) {
				x, err := (&conformance{model: m}).context(t, "f16", "f16", Options{Threads: 2, Math: math})
				if err != nil {
					t.Fatal(err)
				}
				return x.Decode(c.Tokens[0])
			}
			want, err := decode(c.model)
			if err != nil {
				t.Fatal(err)
			}
			read := 0
			for i := range e.Count {
				if got, err := decode(withoutExpert(t, name, i)); err != nil || !slices.Equal(got, want) {
					read++
				}
			}
			if read != e.Used {
				t.Errorf("%s, %v: %d of %d experts change the result, and a token uses %d", name, math, read, e.Count, e.Used)
			}
		}
	}
}

// withoutExpert is the first layer of a model with an expert whose matrices are no numbers.
func withoutExpert(t *testing.T, name string, expert int) *Model {
	r := recipeOf(t, name)
	r.keys[r.keys["general.architecture"].(string)+".block_count"] = uint32(1)
	for _, tensor := range r.tensors {
		if !strings.HasPrefix(tensor.Name, "blk.0.") || !strings.HasSuffix(tensor.Name, "_exps.weight") {
			continue
		}
		data := slices.Clone(r.data[tensor.Name])
		one := len(data) / int(tensor.Dims[2])
		poison(t, &tensor, data[expert*one:(expert+1)*one])
		r.data[tensor.Name] = data
	}
	return r.model(t)
}

// poison makes all values NaN, or for MXFP4, which has none, huge.
func poison(t *testing.T, x *gguf.Tensor, data []byte) {
	switch testTypes(int(x.Type)).Name {
	case "f16", "mxfp4":
		for i := range data {
			data[i] = 0x7F
		}
	default:
		t.Fatalf("%s is of type %d", x.Name, x.Type)
	}
}

// TestSharedCachesKeepEnds runs a prompt through layers that read the caches of others, with the
// first and last rows exact: the readers must find exact what they would find so token by token.
func TestSharedCachesKeepEnds(t *testing.T) {
	c := readCase(t, "gemma4_e2b")
	x := c.extras(t, "q4_0", "q4_0", nil, kv.Ends{First: 2, Last: 6}, Options{Threads: 1})
	want := decode(t, x, c.Tokens, 0)
	// a code may round the other way
	if m, r := differ(prefill(t, x, c.Tokens, 0), want); !(m <= .2 && r <= 1e-2) {
		t.Errorf("a prompt differs from its tokens one by one by %.2g, rms %.2g", m, r)
	}
	plain, err := c.context(t, "q4_0", "q4_0", Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	if m, _ := differ(prefill(t, plain, c.Tokens, 0), want); m < .5 {
		t.Errorf("exact ends change logits by %.2g only", m)
	}
}

// TestKVLayers lists what families ask of a cache whose layers do not all store rows, or not the
// same.
func TestKVLayers(t *testing.T) {
	for name, want := range map[string][]kv.Layer{
		"qwen35":     {{Index: 1, Heads: 1, KeyDim: 64, ValueDim: 64}},
		"gemma4_e2b": {{Heads: 1, KeyDim: 32, ValueDim: 32, Window: 16}, {Index: 1, Heads: 1, KeyDim: 32, ValueDim: 32, Window: 16}, {Index: 2, Heads: 1, KeyDim: 64, ValueDim: 64}},
		"gemma4_a4b": {{Heads: 2, KeyDim: 32, ValueDim: 32, Window: 16}, {Index: 1, Heads: 1, KeyDim: 64, ValueDim: 64}},
		"gptoss":     {{Heads: 1, KeyDim: 64, ValueDim: 64, Window: 16}, {Index: 1, Heads: 1, KeyDim: 64, ValueDim: 64}},
	} {
		if got := readCase(t, name).model.KVLayers(); !slices.Equal(got, want) {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
	for name, want := range map[string][]Other{
		"qwen35":     {{Layer: 0, State: 4 * (3*1024 + 4*128*128), Reads: -1}},
		"gemma4_e2b": {{Layer: 3, Reads: 1}, {Layer: 4, Reads: 1}, {Layer: 5, Reads: 2}},
		"gemma4_a4b": nil,
	} {
		if got := readCase(t, name).model.Others(); !slices.Equal(got, want) {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
}

// TestSharedCacheMustFit changes the heads of a layer that reads the cache of another.
func TestSharedCacheMustFit(t *testing.T) {
	r := recipeOf(t, "gemma4_e2b")
	r.keys["gemma4.attention.head_count_kv"] = []uint32{1, 1, 1, 2, 1, 1}
	if err := r.load(t); err == nil || !strings.Contains(err.Error(), "layer 3 reads the cache of layer 1") {
		t.Errorf("a reader with other heads: %v", err)
	}
	r = recipeOf(t, "gemma4_e2b")
	r.keys["gemma4.attention.shared_kv_layers"] = uint32(6)
	if err := r.load(t); err == nil || !strings.Contains(err.Error(), "reads the cache of layer -2, which has none before it") {
		t.Errorf("nothing but readers: %v", err)
	}
}
