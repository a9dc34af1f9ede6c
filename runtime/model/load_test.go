package model

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/gguf"
)

// recipe is a model file to be written with a mistake.
type recipe struct {
	keys    map[string]any
	tensors []gguf.Tensor
	data    map[string][]byte
}

// llamaRecipe is the file of llama_hd64.
func llamaRecipe(t *testing.T) *recipe {
	f, err := gguf.Open(arches+"/llama_hd64/model.gguf", testSizes)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	r := &recipe{data: map[string][]byte{}, keys: map[string]any{
		"general.architecture": "llama", "llama.context_length": uint32(2048), "llama.embedding_length": uint32(64),
		"llama.block_count": uint32(2), "llama.feed_forward_length": uint32(64), "llama.attention.head_count": uint32(4),
		"llama.attention.head_count_kv": uint32(2), "llama.attention.key_length": uint32(64), "llama.attention.value_length": uint32(64),
		"llama.attention.layer_norm_rms_epsilon": float32(1e-5),
	}}
	for _, x := range f.Tensors() {
		data, err := f.Data(&x)
		if err != nil {
			t.Fatal(err)
		}
		r.tensors = append(r.tensors, x)
		r.data[x.Name] = data
	}
	return r
}

// load writes the file and loads it.
func (r *recipe) load(t *testing.T) error {
	t.Helper()
	var out bytes.Buffer
	w := gguf.NewWriter(&out)
	check := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	for k, v := range r.keys {
		check(w.Set(k, v))
	}
	for _, x := range r.tensors {
		check(w.Tensor(x.Name, x.Type, x.Dims, int64(len(r.data[x.Name]))))
	}
	for _, x := range r.tensors {
		check(w.Data(x.Name, r.data[x.Name]))
	}
	check(w.Close())
	f, err := gguf.Parse(out.Bytes(), testSizes)
	check(err)
	_, err = load(f, kernels.Default(), testTypes)
	return err
}

func (r *recipe) tensor(name string) *gguf.Tensor {
	return &r.tensors[slices.IndexFunc(r.tensors, func(x gguf.Tensor) bool { return x.Name == name })]
}

func TestLoadErrors(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(r *recipe)
		want []string // in the error; none: loads
	}{
		{"as it is", func(*recipe) {}, nil},
		{"tied", func(r *recipe) { r.drop("output.weight") }, nil},
		{"no architecture", func(r *recipe) { delete(r.keys, "general.architecture") }, []string{"general.architecture"}},
		{"unknown architecture", func(r *recipe) { r.keys["general.architecture"] = "rwkv7" }, []string{"rwkv7", "llama", "qwen2", "gemma3"}},
		{"missing key", func(r *recipe) { delete(r.keys, "llama.block_count") }, []string{"llama.block_count is missing"}},
		{"wrong kind", func(r *recipe) { r.keys["llama.embedding_length"] = "wide" }, []string{"llama.embedding_length"}},
		{"zero heads", func(r *recipe) { r.keys["llama.attention.head_count"] = uint32(0) }, []string{"head_count", "0"}},
		{"odd groups", func(r *recipe) { r.keys["llama.attention.head_count_kv"] = uint32(3) }, []string{"4 heads", "3 KV heads"}},
		{"absurd layers", func(r *recipe) { r.keys["llama.block_count"] = uint32(1 << 20) }, []string{"block_count", "4096"}},
		{"more layers", func(r *recipe) { r.keys["llama.block_count"] = uint32(3) }, []string{"blk.2.attn_norm.weight is missing", "none of that layer"}},
		{"odd rope", func(r *recipe) { r.keys["llama.rope.dimension_count"] = uint32(65) }, []string{"rope.dimension_count", "65"}},
		{"absurd heads", func(r *recipe) { r.keys["llama.attention.key_length"] = uint32(1 << 24) }, []string{"key_length", "65536"}},
		{"unknown rope", func(r *recipe) { r.keys["llama.rope.scaling.type"] = "su" }, []string{"rope.scaling.type", "yarn", "longrope"}},
		{"missing tensor", func(r *recipe) { r.drop("blk.1.attn_k.weight") }, []string{"blk.1.attn_k.weight is missing", "blk.1.attn_q.weight"}},
		{"no embedding", func(r *recipe) { r.drop("token_embd.weight") }, []string{"token_embd.weight is missing", "output_norm.weight"}},
		{"shape", func(r *recipe) { x := r.tensor("blk.0.ffn_up.weight"); x.Dims = []int64{32, 128} }, []string{"blk.0.ffn_up.weight", "[32 128]", "[64 64]"}},
		{"a whole layer", func(r *recipe) {
			for _, x := range slices.Clone(r.tensors) {
				if strings.HasPrefix(x.Name, "blk.1.") {
					r.drop(x.Name)
				}
			}
		}, []string{"tensor blk.1.attn_norm.weight is missing, and so are blk.1.attn_q.weight, ", " and 5 more; ", "none of that layer"}},
		{"types by name", func(r *recipe) {
			r.tensor("blk.0.ffn_up.weight").Type, r.tensor("blk.1.ffn_up.weight").Type, r.tensor("blk.1.ffn_down.weight").Type = 139, 139, 133
		}, []string{"weights of IQ4_K (type 139), as blk.0.ffn_up.weight and 1 more tensors, and of Q6_0 (type 133), as blk.1.ffn_down.weight are not supported; supported are F32 F16 Q4_0 Q4_1 "}},
		{"empty tensors", func(r *recipe) {
			r.tensor("blk.0.ffn_up.weight").Dims, r.data["blk.0.ffn_up.weight"] = []int64{64, 0}, nil
		}, []string{"blk.0.ffn_up.weight", "[64 0]", "[64 64]"}},
		{"empty rows", func(r *recipe) {
			r.tensor("token_embd.weight").Dims, r.data["token_embd.weight"] = []int64{0, 64}, nil
		}, []string{"token_embd.weight", "[0 64]"}},
		{"an empty tensor that nobody needs", func(r *recipe) {
			r.tensors = append(r.tensors, gguf.Tensor{Name: "nothing", Dims: []int64{0, 3}})
		}, nil},
		{"a base as an integer", func(r *recipe) { r.keys["llama.rope.freq_base"] = uint32(10000) }, nil},
		{"sizes as floats", func(r *recipe) {
			r.keys["llama.embedding_length"], r.keys["llama.attention.head_count_kv"] = float32(64), []float64{2, 2}
		}, nil},
		{"type", func(r *recipe) { r.tensor("blk.0.ffn_up.weight").Type = 250 }, []string{"blk.0.ffn_up.weight", "type 250"}},
	} {
		r := llamaRecipe(t)
		c.edit(r)
		err := r.load(t)
		if len(c.want) == 0 {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if err == nil {
			t.Errorf("%s: loaded", c.name)
			continue
		}
		if strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: more than a line: %q", c.name, err)
		}
		for _, w := range c.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %q does not say %q", c.name, err, w)
			}
		}
	}
}

func (r *recipe) drop(name string) {
	r.tensors = slices.DeleteFunc(r.tensors, func(x gguf.Tensor) bool { return x.Name == name })
}

// TestClosedFile loads a file that is closed: its header is known and its data is gone, which is
// said of the first tensors by name.
func TestClosedFile(t *testing.T) {
	data, err := llamaRecipe(t).bytes()
	if err != nil {
		t.Fatal(err)
	}
	f, err := gguf.Parse(data, testSizes)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = load(f, kernels.Default(), testTypes)
	for _, want := range []string{os.ErrClosed.Error(), "token_embd.weight", "more"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want it to say %q", err, want)
		}
	}
}
