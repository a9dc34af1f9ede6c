package hf

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/gguf"
	"github.com/kvgen/kvgen/runtime/model"
)

// The folders of these tests are made of tiny GGUF files, by the mapping the other way round, which
// is written here once more.

var table = kernels.Default()

// dict is a JSON object.
type dict = map[string]any

// published is a folder before it is written.
type published struct {
	config, tokenizer, tokenizerConfig, generation dict
	weights                                        map[string]weight
}

type weight struct {
	dtype string
	shape []int64
	data  []byte
}

// example is a family's test.
type example struct {
	name, class  string
	model, words string // folders of testdata/arch: of the weights, and of a byte-level vocabulary
	arch         string // of the result, where the file of the case is given another
	regex        string
	ignoreMerges bool
	normalizer   any
	scaling      any // rope_scaling
}

const (
	regexLlama = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	regexQwen  = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
)

var examples = []example{
	{name: "llama", class: "LlamaForCausalLM", model: "llama_rope", words: "llama_rope", regex: regexLlama, ignoreMerges: true,
		scaling: dict{"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 256}},
	{name: "llama bf16", class: "LlamaForCausalLM", model: "llama_bf16", words: "llama_rope", regex: regexLlama, ignoreMerges: true},
	{name: "qwen2", class: "Qwen2ForCausalLM", model: "qwen2", words: "qwen2", regex: regexQwen, normalizer: dict{"type": "NFC"}},
	{name: "qwen3", class: "Qwen3ForCausalLM", model: "qwen3", words: "qwen3", regex: regexQwen, normalizer: dict{"type": "NFC"}},
	{name: "smollm3", class: "SmolLM3ForCausalLM", model: "llama_bf16", words: "llama_rope", arch: "smollm3", regex: regexLlama, ignoreMerges: true},
}

func openGGUF(t testing.TB, path string) *gguf.File {
	t.Helper()
	f, err := gguf.Open(path, model.TypeSize(table))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// original is the file of a case.
func (x example) original(t testing.TB) *gguf.File {
	path := filepath.Join("../../../testdata/arch", x.model, "model.gguf")
	f := openGGUF(t, path)
	if x.arch == "" {
		return f
	}
	// the same weights under the name of another family
	path = filepath.Join(t.TempDir(), "renamed.gguf")
	if err := gguf.Create(path, func(w *gguf.Writer) error {
		for _, key := range f.Keys() {
			if kind, _, _ := f.Kind(key); kind == gguf.KindU32 && strings.HasPrefix(key, "llama.") {
				v, _, _ := f.U32(key)
				w.Set(strings.Replace(key, "llama", x.arch, 1), v)
			} else if strings.HasPrefix(key, "llama.") {
				v, _, _ := f.F32(key)
				w.Set(strings.Replace(key, "llama", x.arch, 1), v)
			} else if key == "general.architecture" {
				w.Set(key, x.arch)
			} else if err := w.Copy(f, key); err != nil {
				return err
			}
		}
		for _, one := range f.Tensors() {
			w.Tensor(one.Name, one.Type, one.Dims, one.Size)
		}
		for i := range f.Tensors() {
			data, err := f.Data(&f.Tensors()[i])
			if err != nil {
				return err
			}
			w.Data(f.Tensors()[i].Name, data)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return openGGUF(t, path)
}

// publish makes a folder of a GGUF file.
func (x example) publish(t testing.TB, f *gguf.File) *published {
	arch, _, _ := f.Str("general.architecture")
	u := func(key string) uint32 {
		v, found, err := f.U32(arch + "." + key)
		if !found || err != nil {
			t.Fatal(key, found, err)
		}
		return v
	}
	base, _, _ := f.F32(arch + ".rope.freq_base")
	eps, _, _ := f.F32(arch + ".attention.layer_norm_rms_epsilon")
	embedding, _ := f.Tensor("token_embd.weight")
	_, untied := f.Tensor("output.weight")
	p := &published{weights: map[string]weight{}}
	p.config = dict{
		"architectures": []string{x.class}, "hidden_size": u("embedding_length"), "num_hidden_layers": u("block_count"),
		"intermediate_size": u("feed_forward_length"), "num_attention_heads": u("attention.head_count"),
		"num_key_value_heads": u("attention.head_count_kv"), "vocab_size": embedding.Dims[1],
		"max_position_embeddings": u("context_length"), "rms_norm_eps": eps, "rope_theta": base, "tie_word_embeddings": !untied,
		"hidden_act": "silu", "rope_scaling": x.scaling, "torch_dtype": "float16", "bos_token_id": 276,
	}
	if dim, found, _ := f.U32(arch + ".attention.key_length"); found {
		p.config["head_dim"] = dim
	}
	x.vocabulary(t, p)
	for i := range f.Tensors() {
		one := &f.Tensors()[i]
		if one.Name == "rope_freqs.weight" {
			continue
		}
		data, err := f.Data(one)
		if err != nil {
			t.Fatal(err)
		}
		w := weight{dtype: map[uint32]string{0: "F32", 1: "F16", 30: "BF16"}[one.Type], data: data, shape: []int64{one.Dims[0]}}
		if len(one.Dims) == 2 {
			w.shape = []int64{one.Dims[1], one.Dims[0]}
		}
		heads := 0
		if strings.Contains(one.Name, "attn_q.") {
			heads = int(u("attention.head_count"))
		} else if strings.Contains(one.Name, "attn_k.") {
			heads = int(u("attention.head_count_kv"))
		}
		if heads > 0 && !strings.HasPrefix(x.class, "Qwen") {
			w.data = halves(data, heads, int(w.shape[0]))
		}
		p.weights[nameOf(t, one.Name)] = w
	}
	return p
}

// halves puts the rows of each head so that the first values of all pairs come before the second
// ones.
func halves(data []byte, heads, rows int) (out []byte) {
	n := len(data) / rows
	dim := rows / heads
	for h := range heads {
		for second := range 2 {
			for pair := range dim / 2 {
				at := (h*dim + 2*pair + second) * n
				out = append(out, data[at:at+n]...)
			}
		}
	}
	return out
}

var blockName = regexp.MustCompile(`^blk\.(\d+)\.(\w+)\.(weight|bias)$`)

// nameOf is the published name of a tensor.
func nameOf(t testing.TB, name string) string {
	switch name {
	case "token_embd.weight":
		return "model.embed_tokens.weight"
	case "output_norm.weight":
		return "model.norm.weight"
	case "output.weight":
		return "lm_head.weight"
	}
	m := blockName.FindStringSubmatch(name)
	if m == nil {
		t.Fatal(name)
	}
	inner := map[string]string{"attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
		"attn_output": "self_attn.o_proj", "attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm", "ffn_norm": "post_attention_layernorm",
		"ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj"}[m[2]]
	return fmt.Sprintf("model.layers.%s.%s.%s", m[1], inner, m[3])
}

// vocabulary fills in the tokenizer of a case.
func (x example) vocabulary(t testing.TB, p *published) {
	f := openGGUF(t, filepath.Join("../../../testdata/arch", x.words, "model.gguf"))
	tokens, _, _ := f.Strs("tokenizer.ggml.tokens")
	types, _, _ := f.I32s("tokenizer.ggml.token_type")
	merges, _, _ := f.Strs("tokenizer.ggml.merges")
	bos, _, _ := f.Bool("tokenizer.ggml.add_bos_token")
	vocab, added := dict{}, []dict{}
	for i, s := range tokens {
		if types[i] == 1 {
			vocab[s] = i
		} else {
			added = append(added, dict{"id": i, "content": s, "special": types[i] == 3, "lstrip": false, "rstrip": false, "single_word": false, "normalized": false})
		}
	}
	pairs := []any{}
	for i, m := range merges { // both spellings
		if left, right, _ := strings.Cut(m, " "); i%2 == 0 {
			pairs = append(pairs, []string{left, right})
		} else {
			pairs = append(pairs, m)
		}
	}
	special := func(key string) string {
		id, _, _ := f.U32("tokenizer.ggml." + key + "_token_id")
		return tokens[id]
	}
	single := []dict{{"Sequence": dict{"id": "A", "type_id": 0}}}
	if bos {
		single = append([]dict{{"SpecialToken": dict{"id": special("bos"), "type_id": 0}}}, single...)
	}
	p.tokenizer = dict{
		"version": "1.0", "added_tokens": added, "normalizer": x.normalizer,
		"pre_tokenizer": dict{"type": "Sequence", "pretokenizers": []dict{
			{"type": "Split", "pattern": dict{"Regex": x.regex}, "behavior": "Isolated", "invert": false},
			{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false}}},
		"post_processor": dict{"type": "Sequence", "processors": []dict{{"type": "ByteLevel"}, {"type": "TemplateProcessing", "single": single}}},
		"model":          dict{"type": "BPE", "vocab": vocab, "merges": pairs, "ignore_merges": x.ignoreMerges, "byte_fallback": false, "unk_token": nil},
	}
	p.tokenizerConfig = dict{"bos_token": special("bos"), "eos_token": dict{"content": special("eos")}, "pad_token": special("padding"), "chat_template": "{{ messages }}"}
	p.generation = dict{"eos_token_id": []int{277, 100}}
}

// write writes a folder, its weights in so many files.
func (p *published) write(t testing.TB, files int) string {
	t.Helper()
	dir := t.TempDir()
	put := func(name string, data []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	text := func(v any) []byte {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for name, v := range map[string]dict{"config.json": p.config, "tokenizer.json": p.tokenizer, "tokenizer_config.json": p.tokenizerConfig, "generation_config.json": p.generation} {
		if v != nil {
			put(name, text(v))
		}
	}
	of := map[string]string{}
	headers, data := make([]dict, files), make([][]byte, files)
	n := 0
	for name, w := range p.weights {
		i := n % files
		n++
		if headers[i] == nil {
			headers[i] = dict{"__metadata__": dict{"format": "pt"}}
		}
		headers[i][name] = dict{"dtype": w.dtype, "shape": w.shape, "data_offsets": []int{len(data[i]), len(data[i]) + len(w.data)}}
		data[i] = append(data[i], w.data...)
		of[name] = fmt.Sprintf("model-%05d-of-%05d.safetensors", i+1, files)
	}
	for i := range files {
		h := text(headers[i])
		b := append(binary.LittleEndian.AppendUint64(nil, uint64(len(h))), h...)
		name := "model.safetensors"
		if files > 1 {
			name = fmt.Sprintf("model-%05d-of-%05d.safetensors", i+1, files)
		}
		put(name, append(b, data[i]...))
	}
	if files > 1 {
		put("model.safetensors.index.json", text(dict{"metadata": dict{"total_size": 1}, "weight_map": of}))
	}
	return dir
}
