package hf

import (
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/runtime/gguf"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
	"github.com/kvgen/kvgen/runtime/quantize"
	"github.com/kvgen/kvgen/runtime/tokenizer"
)

// written quantises a folder and opens the result.
func written(t *testing.T, dir, typ string) *gguf.File {
	t.Helper()
	s, err := Open(dir, table)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	plan, err := quantize.NewPlan(s, table, quantize.Options{Type: table.ByName(typ)})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "out.gguf")
	if err := plan.Write(context.Background(), path, 2, quantize.Progress{}); err != nil {
		t.Fatal(err)
	}
	return openGGUF(t, path)
}

// logits runs the tokens of a case, or as many as are enough.
func logits(t *testing.T, path string, tokens []int32) (all []float32) {
	t.Helper()
	m, err := model.Open(path, table)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	f32 := kv.Choice{Type: table.ByName("f32")}
	plan, err := kv.NewPlan(m.KVLayers(), kv.Policy{K: f32, V: f32})
	if err != nil {
		t.Fatal(err)
	}
	c, err := m.NewContext(model.Options{Plan: plan, Size: 64, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Eval(tokens, 0, func(_ int, row []float32) error {
		all = append(all, row...)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

func (x example) tokens(t *testing.T) (ids []int32) {
	text, err := os.ReadFile(filepath.Join("../../../testdata/arch", x.model, "tokens.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range strings.Fields(string(text))[:40] {
		id, err := strconv.Atoi(word)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, int32(id))
	}
	return ids
}

// TestRoundTrip makes folders of GGUF files and files of the folders: metadata, tensors and logits
// are those of the original, bit for bit.
func TestRoundTrip(t *testing.T) {
	for i, x := range examples {
		t.Run(x.name, func(t *testing.T) {
			f := x.original(t)
			typ := table.ByID(int(f.Tensors()[0].Type)).Name
			g := written(t, x.publish(t, f).write(t, 1+i%3), typ)
			for _, key := range f.Keys() {
				other := strings.HasPrefix(key, "general.") && key != "general.architecture" || x.model != x.words && strings.HasPrefix(key, "tokenizer.")
				was, _, _ := f.Raw(key)
				if is, found, _ := g.Raw(key); !other && (!found || !bytes.Equal(was, is)) {
					t.Errorf("%s is %q and was %q", key, is, was)
				}
			}
			if len(f.Tensors()) != len(g.Tensors()) {
				t.Errorf("%d tensors of %d", len(g.Tensors()), len(f.Tensors()))
			}
			for j := range f.Tensors() {
				was := &f.Tensors()[j]
				is, ok := g.Tensor(was.Name)
				if !ok || is.Type != was.Type || !slices.Equal(is.Dims, was.Dims) {
					t.Fatalf("%v became %v", was, is)
				}
				a, _ := f.Data(was)
				b, _ := g.Data(is)
				if !bytes.Equal(a, b) {
					t.Errorf("%s has other bytes", was.Name)
				}
			}
			tokens := x.tokens(t)
			want, got := logits(t, f.Path(), tokens), logits(t, g.Path(), tokens)
			for j := range want {
				if math.Float32bits(want[j]) != math.Float32bits(got[j]) {
					t.Fatalf("logit %d is %v and was %v", j, got[j], want[j])
				}
			}
			if len(want) == 0 || len(want) != len(got) {
				t.Errorf("%d logits of %d", len(got), len(want))
			}
			words, err := tokenizer.New(g)
			if err != nil || !words.IsEOG(277) || !words.IsEOG(100) || words.IsEOG(101) {
				t.Errorf("ends of a text: %v", err)
			}
			if template, _, _ := g.Str("tokenizer.chat_template"); template != "{{ messages }}" {
				t.Errorf("chat template %q", template)
			}
		})
	}
}

// TestVectors reads vectors of half precision, Q and K's biases in the order of their rows, and
// matrices in a type that is made of them.
func TestVectors(t *testing.T) {
	x := examples[1]
	f := x.original(t)
	p := x.publish(t, f)
	bias := make([]byte, 0)
	heads, _, _ := f.U32("llama.attention.head_count")
	w := p.weights["model.layers.0.self_attn.q_proj.weight"]
	for i := range w.shape[0] {
		bias = append(bias, 0, byte(i%64)) // of f16, all different within a head
	}
	p.weights["model.layers.0.self_attn.q_proj.bias"] = weight{"F16", w.shape[:1], halves(bias, int(heads), int(w.shape[0]))}
	g := written(t, p.write(t, 1), "f32")
	is, ok := g.Tensor("blk.0.attn_q.bias")
	if !ok || is.Type != 0 {
		t.Fatalf("%v", is)
	}
	got, _ := g.Data(is)
	want := make([]byte, len(got))
	all := make([]float32, w.shape[0])
	table.ByName("f16").Best().Decode(all, bias)
	table.ByName("f32").Best().Encode(want, all)
	if !bytes.Equal(got, want) {
		t.Errorf("biases are in another order")
	}
	was, _ := f.Tensor("blk.0.attn_k.weight")
	is, _ = g.Tensor("blk.0.attn_k.weight")
	from, _ := f.Data(was)
	got, _ = g.Data(is)
	all, want = make([]float32, len(from)/2), make([]byte, len(got))
	table.ByName("bf16").Best().Decode(all, from)
	table.ByName("f32").Best().Encode(want, all)
	if !bytes.Equal(got, want) {
		t.Errorf("rows of K are in another order")
	}
}

// TestBare reads a folder that says no more of its tokens than it must, and one with a template in
// a file of its own.
func TestBare(t *testing.T) {
	x := examples[0]
	p := x.publish(t, x.original(t))
	p.tokenizerConfig, p.generation = nil, nil
	dir := p.write(t, 1)
	g := written(t, dir, "f16")
	bos, _, _ := g.U32("tokenizer.ggml.bos_token_id")
	add, found, _ := g.Bool("tokenizer.ggml.add_bos_token")
	if _, eos, _ := g.U32("tokenizer.ggml.eos_token_id"); bos != 276 || !add || !found || eos {
		t.Errorf("begin %d, added %v, end %v", bos, add, eos)
	}
	if _, found, _ := g.Str("tokenizer.chat_template"); found {
		t.Error("there is a chat template")
	}
	if err := os.WriteFile(filepath.Join(dir, "chat_template.jinja"), []byte("{{ one }}"), 0o666); err != nil {
		t.Fatal(err)
	}
	g = written(t, dir, "f16")
	if template, _, _ := g.Str("tokenizer.chat_template"); template != "{{ one }}" {
		t.Errorf("chat template %q", template)
	}
}

// TestRefusals changes folders: each error names what is at fault.
func TestRefusals(t *testing.T) {
	first := func(p *published) []dict { return p.tokenizer["pre_tokenizer"].(dict)["pretokenizers"].([]dict) }
	for want, change := range map[string]func(p *published){
		"FooForCausalLM":           func(p *published) { p.config["architectures"] = []string{"FooForCausalLM"} },
		"architectures is missing": func(p *published) { delete(p.config, "architectures") },
		"hidden_size is missing":   func(p *published) { delete(p.config, "hidden_size") },
		"hidden_size = -1":         func(p *published) { p.config["hidden_size"] = -1 },
		"rms_norm_eps is":          func(p *published) { p.config["rms_norm_eps"] = "x" },
		"hidden_act":               func(p *published) { p.config["hidden_act"] = "gelu" },
		"quantization_config":      func(p *published) { p.config["quantization_config"] = dict{"bits": 4} },
		"rope_interleaved":         func(p *published) { p.config["rope_interleaved"] = true },
		`rope_type "dynamic"`:      func(p *published) { p.config["rope_scaling"] = dict{"type": "dynamic", "factor": 2.0} },
		`"attention_factor"`: func(p *published) {
			p.config["rope_scaling"] = dict{"type": "yarn", "factor": 2.0, "attention_factor": 2.0}
		},
		"factor is missing":          func(p *published) { p.config["rope_scaling"] = dict{"type": "linear"} },
		"sliding_attention":          func(p *published) { p.config["layer_types"] = []string{"sliding_attention"} },
		"num_hidden_layers = 100000": func(p *published) { p.config["num_hidden_layers"] = 100000 },
		"head_dim = 1073741824":      func(p *published) { p.config["head_dim"] = 1 << 30 },
		"has shape":                  func(p *published) { p.config["intermediate_size"] = 96 },
		"model.layers.2":             func(p *published) { p.config["num_hidden_layers"] = 3 },
		`"model.layers.1.`:           func(p *published) { p.config["num_hidden_layers"] = 1 },
		"lm_head.weight":             func(p *published) { p.config["tie_word_embeddings"] = false },
		"no tensor model.norm":       func(p *published) { delete(p.weights, "model.norm.weight") },
		`"model.other"`:              func(p *published) { p.weights["model.other"] = weight{"U8", []int64{1}, []byte{0}} },
		"is of I16": func(p *published) {
			w := p.weights["model.embed_tokens.weight"]
			w.dtype = "I16"
			p.weights["model.embed_tokens.weight"] = w
		},
		"Unigram":       func(p *published) { p.tokenizer["model"].(dict)["type"] = "Unigram" },
		"byte_fallback": func(p *published) { p.tokenizer["model"].(dict)["byte_fallback"] = true },
		"merge 0":       func(p *published) { p.tokenizer["model"].(dict)["merges"] = []any{1} },
		"ignore_merges false": func(p *published) {
			p.tokenizer["normalizer"] = dict{"type": "NFC"}
			p.tokenizer["model"].(dict)["ignore_merges"] = false
		},
		"another":                     func(p *published) { first(p)[0]["pattern"] = dict{"Regex": "another"} },
		"Metaspace":                   func(p *published) { first(p)[1]["type"] = "Metaspace" },
		`normalizer {"type":"NFKC"}`:  func(p *published) { p.tokenizer["normalizer"] = dict{"type": "NFKC"} },
		"has id 1000":                 func(p *published) { p.tokenizer["model"].(dict)["vocab"].(dict)["x"] = 1000 },
		"id 5 is of two":              func(p *published) { p.tokenizer["model"].(dict)["vocab"].(dict)["xyz"] = 5 },
		`bos_token "none"`:            func(p *published) { p.tokenizerConfig["bos_token"] = "none" },
		"eos_token_id 9999":           func(p *published) { p.generation["eos_token_id"] = 9999 },
		"one more than":               func(p *published) { p.generation["eos_token_id"] = []int{100, 101, 102} },
		"before a text":               func(p *published) { p.tokenizerConfig["bos_token"] = p.tokenizerConfig["pad_token"] },
		`post_processor of type "Ber`: func(p *published) { p.tokenizer["post_processor"] = dict{"type": "BertProcessing"} },
		"lstrip":                      func(p *published) { p.tokenizer["added_tokens"].([]dict)[0]["lstrip"] = true },
		"tokenizer.json":              func(p *published) { p.tokenizer = nil },
		"config.json":                 func(p *published) { p.config = nil },
		"neither model.safetensors":   func(p *published) { p.weights = nil },
	} {
		x := examples[0]
		p := x.publish(t, x.original(t))
		change(p)
		files := 1
		if p.weights == nil {
			files = 0
		}
		s, err := Open(p.write(t, files), table)
		if err == nil {
			s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
}

// TestWords names cuttings of published tokenizers.
func TestWords(t *testing.T) {
	bytes := `{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true}`
	digits := `{"type":"Sequence","pretokenizers":[{"type":"Digits","individual_digits":true},` + bytes + `]}`
	for _, c := range []struct {
		cut, normalise, want string
	}{
		{bytes, `null`, "gpt-2"},
		{`{"type":"ByteLevel","add_prefix_space":false}`, `{"type":"NFC"}`, "olmo"},
		{digits, `null`, "smollm"},
		{digits, `{"type":"NFC"}`, "command-r"},
		{digits, `{"type":"Sequence","normalizers":[]}`, "smollm"},
		{digits, `{"type":"Sequence","normalizers":[{"type":"NFC"}]}`, ""},
		{strings.Replace(digits, "true}", "false}", 1), `null`, ""},
		{`{"type":"ByteLevel","add_prefix_space":true}`, `null`, ""},
		{`{"type":"Sequence","pretokenizers":[` + bytes + `,{"type":"Digits","individual_digits":true}]}`, `null`, ""},
		{`{"type":"Sequence","pretokenizers":[]}`, `null`, ""},
		{strings.Repeat(`{"type":"Sequence","pretokenizers":[`, 20) + bytes + strings.Repeat(`]}`, 20), `null`, ""},
	} {
		got, err := preName([]byte(c.cut), []byte(c.normalise), false)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s: %q, %v, want %q", c.cut, got, err, c.want)
		}
	}
}

// FuzzVocabulary reads tokenizers that are no such thing.
func FuzzVocabulary(f *testing.F) {
	p := &published{}
	examples[0].vocabulary(f, p)
	text, err := os.ReadFile(filepath.Join(p.write(f, 0), "tokenizer.json"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"model":{"vocab":{"a":0},"merges":[["a","a"]]},"pre_tokenizer":{"type":"ByteLevel"}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "tokenizer.json"), text, 0o666); err != nil {
			t.Fatal(err)
		}
		var m metadata
		c := &config{object: &object{}, vocab: 300}
		if readVocabulary(dir, c, &m) != nil {
			return
		}
		if _, err := tokenizer.New(&m); err != nil {
			t.Fatalf("accepted: %v", err)
		}
	})
}
