package model

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/gguf"
	"github.com/kvgen/kvgen/runtime/kv"
)

// seededCases is the folder of cases whose weights are drawn from a seed; the README of arches says
// where they come from.
const seededCases = "../../testdata/seeded"

// seeded is a case whose weights are drawn from its seed.
type seeded struct {
	Arch    string
	Seed    uint32
	Keys    map[string]json.RawMessage
	Tensors []drawn
	SHA256  string // of the data of all tensors
	Vocab   int
	Tokens  []int32
	Rows    map[string]int // of logits, by the cache that they are of, the last of the prompt
	Greedy  []int32
}

// drawn is how a tensor is drawn, or tensors that some layers repeat.
type drawn struct {
	Layers [2]int
	Each   []drawn

	Name    string
	Dims    []int64
	Half    bool // f16, else f32
	Uniform []float64
	Normal  float64 // factor
	Mean    float64
	Times   float64      // once more, after rounding
	Rows    [][2]float64 // rows and their factor
	Halves  float64      // factor of the first rows of each matrix, then of the others
	Values  []float64
	// numbers that were drawn and are not in the file
	Skip, SkipNormal int
}

// seededNames lists the cases.
func seededNames(t testing.TB) (names []string) {
	files, err := filepath.Glob(seededCases + "/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases in %s: %v", seededCases, err)
	}
	for _, f := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(f), ".json"))
	}
	return names
}

// readSeeded makes a case and the logits of each cache.
func readSeeded(t testing.TB, name string) (*conformance, *seeded, map[string][][]float32) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(seededCases, name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	s := &seeded{}
	if err := json.Unmarshal(raw, s); err != nil {
		t.Fatal(err)
	}
	f, err := gguf.Parse(s.file(t), testSizes)
	if err != nil {
		t.Fatal(err)
	}
	m, err := load(f, kernels.Default(), testTypes)
	if err != nil {
		t.Fatal(err)
	}
	if raw, err = os.ReadFile(filepath.Join(seededCases, name+".f32")); err != nil {
		t.Fatal(err)
	}
	logits := map[string][][]float32{}
	for _, cache := range []string{"exact", "q8_0", "q4_0"} {
		for range s.Rows[cache] {
			row := make([]float32, s.Vocab)
			n, err := binary.Decode(raw, binary.LittleEndian, row)
			if err != nil {
				t.Fatal(err)
			}
			raw, logits[cache] = raw[n:], append(logits[cache], row)
		}
	}
	if len(raw) != 0 || len(logits["exact"]) == 0 {
		t.Fatalf("%s: %d bytes are left after the logits", name, len(raw))
	}
	return &conformance{name: name, model: m, Tokens: s.Tokens, Vocab: s.Vocab}, s, logits
}

// file is the model's file.
func (s *seeded) file(t testing.TB) []byte {
	var out bytes.Buffer
	w := gguf.NewWriter(&out)
	check := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	check(w.Set("general.architecture", s.Arch))
	for key, raw := range s.Keys {
		check(w.Set(key, keyOf(t, raw)))
	}
	r, all := newNumpyRandom(s.Seed), sha256.New()
	data := map[string][]byte{}
	var names []string
	draw := func(d *drawn, prefix string) {
		name := prefix + d.Name
		data[name], names = d.data(r), append(names, name)
		all.Write(data[name])
		typ := uint32(0)
		if d.Half {
			typ = 1
		}
		check(w.Tensor(name, typ, d.Dims, int64(len(data[name]))))
	}
	for i := range s.Tensors {
		d := &s.Tensors[i]
		if d.Each == nil {
			draw(d, "")
		}
		for layer := d.Layers[0]; layer < d.Layers[1]; layer++ {
			for k := range d.Each {
				draw(&d.Each[k], fmt.Sprintf("blk.%d.", layer))
			}
		}
	}
	if got := hex.EncodeToString(all.Sum(nil)); got != s.SHA256 {
		t.Fatalf("the tensors have the hash %s, want %s: they are not those that the logits are of", got, s.SHA256)
	}
	for _, name := range names {
		check(w.Data(name, data[name]))
	}
	check(w.Close())
	return out.Bytes()
}

// data draws a tensor.
func (d *drawn) data(r *numpyRandom) []byte {
	n := int64(1)
	for _, x := range d.Dims {
		n *= x
	}
	x := make([]float64, n)
	for i := range x {
		switch {
		case d.Values != nil:
			x[i] = d.Values[i]
		case d.Uniform != nil:
			x[i] = d.Uniform[0] + float64((d.Uniform[1]-d.Uniform[0])*r.uniform())
		default:
			x[i] = r.normal()
		}
	}
	for range d.Skip {
		r.uniform()
	}
	for range d.SkipNormal {
		r.normal()
	}
	switch {
	case d.Halves != 0:
		x = d.halves(x)
	case d.Rows != nil:
		rest := x
		for _, rows := range d.Rows {
			part := rest[:int64(rows[0])*d.Dims[0]]
			for i := range part {
				part[i] *= rows[1]
			}
			rest = rest[len(part):]
		}
	case d.Normal != 0:
		for i := range x {
			x[i] = float64(x[i]*d.Normal) + d.Mean
		}
	}
	values := make([]float32, n)
	for i, v := range x {
		values[i] = float32(v)
	}
	name := "f32"
	if d.Half {
		name = "f16"
	}
	typ := testType(name)
	out := make([]byte, typ.RowBytes(len(values)))
	typ.Best().Encode(out, values)
	if d.Times != 0 {
		typ.Best().Decode(values, out)
		for i := range values {
			values[i] *= float32(d.Times)
		}
		typ.Best().Encode(out, values)
	}
	return out
}

// halves puts the first rows of all matrices, which were drawn first, beside the others of each.
func (d *drawn) halves(x []float64) []float64 {
	matrices, half := int(d.Dims[2]), int(d.Dims[0]*d.Dims[1]/2)
	y := make([]float64, 0, len(x))
	for m := range matrices {
		y = append(y, x[m*half:(m+1)*half]...)
		y = append(y, x[(matrices+m)*half:(matrices+m+1)*half]...)
	}
	for i := range y {
		y[i] *= d.Halves
	}
	return y
}

// TestSeeded holds every case to the other engine's logits in f32, as a prompt and token by token,
// and with an f16 cache within what that engine itself differs by.
func TestSeeded(t *testing.T) {
	for _, name := range seededNames(t) {
		t.Run(name, func(t *testing.T) {
			c, s, logits := readSeeded(t, name)
			most := 2e-4
			if c.model.Layers > 20 {
				most = 5e-4
			}
			want := logits["exact"]
			first := len(c.Tokens) - len(want)
			for _, form := range []struct {
				cache   string
				math    Math
				threads int
				most    [2]float64 // of the prompt, and token by token
			}{{"f32", Exact, 2, [2]float64{most, most}}, {"f16", Fast, 1, [2]float64{4e-2, .1}}} {
				x, err := c.context(t, form.cache, form.cache, Options{Threads: form.threads, Math: form.math})
				if err != nil {
					t.Fatal(err)
				}
				prompt, _ := differ(prefill(t, x, c.Tokens, first), want)
				tokens, _ := differ(decode(t, x, c.Tokens, first), want)
				t.Logf("%s, %v: a prompt differs by %.2g, token by token by %.2g", form.cache, form.math, prompt, tokens)
				if !(prompt <= form.most[0] && tokens <= form.most[1]) {
					t.Errorf("%s, %v: a prompt differs by %.2g, token by token by %.2g, allowed %.2g", form.cache, form.math, prompt, tokens, form.most)
				}
				if form.cache == "f16" {
					continue
				}
				last := prefill(t, x, c.Tokens, len(c.Tokens)-1)[0]
				if ids := greedy(t, x, last, len(s.Greedy)); !slices.Equal(ids, s.Greedy) {
					t.Errorf("greedy tokens %v, want %v", ids, s.Greedy)
				}
			}
		})
	}
}

// TestSeededCaches holds quantised caches to the other engine's, which rounds queries to int8 as
// the fast form does: 1 is what a cache scores that quantises nothing.
func TestSeededCaches(t *testing.T) {
	for _, name := range seededNames(t) {
		c, _, logits := readSeeded(t, name)
		for cache, most := range map[string]float64{"q8_0": .25, "q4_0": .1} {
			want := logits[cache]
			if want == nil {
				continue
			}
			x, err := c.context(t, cache, cache, Options{Threads: 1, Math: Fast})
			if err != nil {
				t.Errorf("%s, %s: %v", name, cache, err)
				continue
			}
			exact := logits["exact"][len(logits["exact"])-len(want):]
			_, own := differ(want, exact)
			first := len(c.Tokens) - len(want)
			for path, got := range map[string][][]float32{"prefill": prefill(t, x, c.Tokens, first), "decode": decode(t, x, c.Tokens, first)} {
				_, rms := differ(got, want)
				t.Logf("%s, %s, %s: r = %.2g", name, cache, path, rms/own)
				if !(rms <= most*own) {
					t.Errorf("%s, %s, %s: r = %.3f, allowed %.2f", name, cache, path, rms/own, most)
				}
			}
		}
	}
}

// TestSeededSequences does what TestSequencesAreAlone does, save, restore and shift among it, with
// the families whose attention is like none of the others'.
func TestSeededSequences(t *testing.T) {
	for _, name := range []string{"hunyuan_dense", "olmo2_swa", "cohere2", "llama4", "deepseek2", "lfm2", "falcon_h1", "mamba2", "kimi_linear"} {
		c, _, _ := readSeeded(t, name)
		alone, err := c.context(t, "f16", "f16", Options{Threads: 2, Size: 128})
		if err != nil {
			t.Fatal(err)
		}
		exact := c.extras(t, "f32", "f32", nil, kv.Ends{}, Options{Threads: 2})
		bound := bounds{share: .2}
		if len(c.model.KVLayers()) == 0 { // no cache has an error of its own
			bound = bounds{most: 1e-4, rms: 2e-5}
		}
		sequencesAreAlone(t, c, Options{Threads: 2}, alone, exact, bound, name)
	}
}

// TestOffsetBeforeNorms refuses to take an offset out of keys that are normalised after RoPE.
func TestOffsetBeforeNorms(t *testing.T) {
	c, _, _ := readSeeded(t, "hunyuan_dense")
	key := choice("q8_0")
	key.Offset = someOffset(c.model)
	plan, err := kv.NewPlan(c.model.KVLayers(), kv.Policy{K: key, V: choice("q8_0")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.model.NewContext(Options{Plan: plan, Size: 16}); err == nil || !strings.Contains(err.Error(), "layer 0: keys of a hunyuan-dense model are normalised after RoPE or made of a latent") {
		t.Errorf("got %v", err)
	}
}

// TestSeededNoAllocation decodes with what each kind of block made for the first token.
func TestSeededNoAllocation(t *testing.T) {
	for _, name := range []string{"deepseek2", "deepseek2_mha", "lfm2", "falcon_h1", "kimi_linear", "bailingmoe2", "apertus", "llama4"} {
		c, _, _ := readSeeded(t, name)
		x, err := c.context(t, "q8_0", "q8_0", Options{Threads: 1, Math: Fast})
		if err != nil {
			t.Fatal(err)
		}
		step := func() {
			if _, err := x.Decode(5); err != nil {
				t.Fatal(err)
			}
		}
		for range 8 {
			step()
		}
		if a := testing.AllocsPerRun(20, step); a != 0 {
			t.Errorf("%s: %v allocations per token", name, a)
		}
	}
}
