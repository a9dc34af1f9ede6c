package offset_test

import (
	"bytes"
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
	"github.com/kvgen/kvgen/runtime/offset"
)

func open(t *testing.T, name string) *model.Model {
	t.Helper()
	m, err := model.Open("../../testdata/arch/"+name+"/model.gguf", kernels.Default())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func tokens(n int) (all []int32) {
	for i := range n {
		all = append(all, int32(3+i*7%200))
	}
	return all
}

func measure(t *testing.T, m *model.Model, n, threads int) *offset.File {
	t.Helper()
	f, err := offset.Measure(context.Background(), m, tokens(n), threads)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestMeasure compares the means of the first layer with keys that a cache gives back: at one
// position of a model with the offset taken out nothing but the difference to the mean is left. The
// mean over Skip+1 tokens is the last token's key, so that nothing is left of it.
func TestMeasure(t *testing.T) {
	for _, name := range []string{"llama_hd64", "qwen2_hd64", "gemma3"} {
		m := open(t, name)
		f := measure(t, m, offset.Skip+1, 2)
		o, err := f.Offset(m, "mean")
		if err != nil {
			t.Fatal(err)
		}
		f32 := kv.Choice{Type: kernels.Default().ByID(0), Offset: o}
		plan, err := kv.NewPlan(m.KVLayers(), kv.Policy{K: f32, V: kv.Choice{Type: f32.Type}})
		if err != nil {
			t.Fatal(err)
		}
		c, err := m.NewContext(model.Options{Plan: plan, Size: 64, Threads: 2})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.Prefill(tokens(offset.Skip + 1)); err != nil {
			t.Fatal(err)
		}
		var ws kernels.Workspace
		for i, l := range m.KVLayers() {
			row := make([]float32, l.KeyDim)
			size, left := 0.0, 0.0
			for h := range l.Heads {
				c.Cache.Layer(i).K.Read(&ws, row, h, offset.Skip)
				for k, v := range row {
					left = max(left, math.Abs(float64(v)))
					size = max(size, math.Abs(float64(f.Layers[i].Mean[h*l.KeyDim+k])))
				}
			}
			if left > 1e-4*size || size == 0 {
				t.Errorf("%s, layer %d: %g is left of keys up to %g", name, l.Index, left, size)
			}
		}
	}
}

func TestMeasureIsTheSameOnAnyThreads(t *testing.T) {
	m := open(t, "gemma3")
	a, b := measure(t, m, 90, 1), measure(t, m, 90, 3)
	for i := range a.Layers {
		if !slices.Equal(a.Layers[i].Mean, b.Layers[i].Mean) {
			t.Errorf("layer %d differs", i)
		}
	}
}

func TestBias(t *testing.T) {
	o := offset.Bias(open(t, "qwen2"))
	for i, l := range o.Layers {
		if l.Mu == nil || l.Why != nil {
			t.Errorf("layer %d: %v", i, l.Why)
		}
	}
	for name, why := range map[string]string{"llama_hd64": "no bias tensor", "gemma3": "no bias tensor"} {
		m := open(t, name)
		key := kv.Choice{Type: kernels.Default().ByID(0), Offset: offset.Bias(m)}
		_, err := kv.NewPlan(m.KVLayers(), kv.Policy{K: key, V: kv.Choice{Type: key.Type}})
		if err == nil || !strings.HasPrefix(err.Error(), "layers 0-") || !strings.Contains(err.Error(), ", K: no offset bias: its keys have "+why) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func written(t *testing.T, f *offset.File) string {
	t.Helper()
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestFile(t *testing.T) {
	m := open(t, "qwen2")
	f := measure(t, m, 40, 2)
	f.Corpus = offset.Corpus{Name: "a <text>", Bytes: 3, SHA256: "00"}
	text := written(t, f)
	g, err := offset.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if again := written(t, g); again != text || g.Corpus != f.Corpus {
		t.Errorf("what was read is written as\n%s, and was\n%s", again, text)
	}
	a, err := f.Offset(m, "mean")
	if err != nil {
		t.Fatal(err)
	}
	if b, err := g.Offset(m, "another name"); err != nil || b.Identity != a.Identity {
		t.Errorf("%v, another identity", err)
	}
	if _, err := f.Offset(open(t, "qwen2_hd64"), "mean"); err == nil || !strings.Contains(err.Error(), "another model") {
		t.Errorf("for another model: %v", err)
	}
	short := *f
	short.Layers = f.Layers[1:]
	if _, err := short.Offset(m, "mean"); err == nil || !strings.Contains(err.Error(), "layers") {
		t.Errorf("with a layer less: %v", err)
	}
}

// TestDamaged changes a file in every way that its reader must notice.
func TestDamaged(t *testing.T) {
	text := written(t, measure(t, open(t, "qwen2"), 40, 2))
	digit := strings.Index(text, `"mean":[`) + len(`"mean":[`)
	for text[digit] < '1' || text[digit] > '8' {
		digit++
	}
	for name, c := range map[string]struct{ text, says string }{
		"empty":    {"", "damaged"},
		"cut":      {text[:len(text)/2], "damaged"},
		"more":     {text + "{}", "something follows"},
		"old":      {strings.Replace(text, `"version": 2`, `"version": 1`, 1), "kvrun calibrate makes it again"},
		"tokens":   {strings.Replace(text, `"n_tokens": 40`, `"n_tokens": 41`, 1), "checksum differs"},
		"model":    {strings.Replace(text, `freq_base"`, `freq_bass"`, 1), "checksum differs"},
		"null":     {strings.Replace(text, `"n_skipped": 4`, `"n_skipped": null`, 1), "it is null"},
		"twice":    {strings.Replace(text, `"n_skipped": 4`, `"n_skipped": 4, "n_skipped": 4`, 1), "twice"},
		"kind":     {strings.Replace(text, "kvgen key offset", "recipe", 1), "kind"},
		"version":  {strings.Replace(text, `"version": 2`, `"version": 9`, 1), "version 9"},
		"field":    {strings.Replace(text, `"arch"`, `"ark"`, 1), "ark: there is no such key"},
		"digit":    {text[:digit] + string(text[digit]+1) + text[digit+1:], "checksum differs"},
		"shape":    {strings.Replace(text, `"key_dim":`, `"key_dim":1`, 1), "checksum differs"},
		"overflow": {text[:digit] + "9e99," + text[digit:], "damaged"},
	} {
		if _, err := offset.Parse(strings.NewReader(c.text)); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzParse reads anything without a panic, and reads again what it writes.
func FuzzParse(f *testing.F) {
	m, err := model.Open("../../testdata/arch/qwen2/model.gguf", kernels.Default())
	if err != nil {
		f.Fatal(err)
	}
	defer m.Close()
	file, err := offset.Measure(context.Background(), m, tokens(8), 1)
	if err != nil {
		f.Fatal(err)
	}
	file.Layers = file.Layers[:1]
	var b bytes.Buffer
	if err := file.Write(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte(`{"kind":"kvgen key offset","version":2,"layers":[{"layer":0,"kv_heads":1,"key_dim":1,"mean":[0]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		g, err := offset.Parse(bytes.NewReader(data))
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := g.Write(&b); err != nil {
			t.Fatal(err)
		}
		if _, err := offset.Parse(&b); err != nil {
			t.Fatal(err)
		}
	})
}
