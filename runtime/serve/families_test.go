package serve

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/demo"
	"github.com/kvgen/kvgen/runtime/generate"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
	"github.com/kvgen/kvgen/runtime/tokenizer"
)

// family is a tiny model of testdata/arch, and tokens for it.
type family struct {
	m      *model.Model
	words  *tokenizer.Tokenizer // of another model: nothing here looks at texts
	tokens []int32
}

// demoWords is the tokenizer of the embedded model.
func demoWords(t *testing.T) *tokenizer.Tokenizer {
	t.Helper()
	d, err := model.Parse(demo.Model(), kernels.Default())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	words, err := tokenizer.New(d.File)
	if err != nil {
		t.Fatal(err)
	}
	return words
}

// forFamilies runs a test with every family that there is a case of.
func forFamilies(t *testing.T, test func(t *testing.T, f family)) {
	words := demoWords(t)
	cases, err := filepath.Glob("../../testdata/arch/*/case.json")
	if err != nil || len(cases) < 20 {
		t.Fatalf("%d cases: %v", len(cases), err)
	}
	for _, path := range cases {
		folder := filepath.Dir(path)
		name := filepath.Base(folder)
		if strings.HasPrefix(name, "w_") { // weights of other types
			continue
		}
		t.Run(name, func(t *testing.T) {
			f := family{words: words}
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(raw, &struct{ Tokens *[]int32 }{&f.tokens}); err != nil {
				t.Fatal(err)
			}
			if f.m, err = model.Open(filepath.Join(folder, "model.gguf"), kernels.Default()); err != nil {
				t.Fatal(err)
			}
			defer f.m.Close()
			test(t, f)
		})
	}
}

// scheduler is one over a new context of the family.
func (f family) scheduler(t *testing.T, p kv.Policy, sequences int, o Options) *Scheduler {
	t.Helper()
	plan, err := kv.NewPlan(f.m.KVLayers(), p)
	if err != nil {
		t.Fatal(err)
	}
	c, err := f.m.NewContext(model.Options{Plan: plan, Size: 160, Sequences: sequences, Cells: 160 * sequences, Batch: 32, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return New(c, f.words, o)
}

// heard is a text and the logits that each of its tokens was drawn from.
type heard struct {
	*Text
	rows [][]float32
}

func listen(t *testing.T, s *Scheduler, prompt []int32, limit int) *heard {
	t.Helper()
	h := &heard{}
	h.Text = submit(t, s, Request{Tokens: prompt, Options: generate.Options{Limit: limit, IgnoreEnd: true}, Observe: func(_ int32, logits []float32) {
		h.rows = append(h.rows, slices.Clone(logits))
	}})
	return h
}

// policies are caches that prompts are shared in: plain, packed, and with rows that stay exact.
func policies() map[string]kv.Policy {
	f16, q8 := kv.Choice{Type: kernels.Default().ByName("f16")}, kv.Choice{Type: kernels.Default().ByName("q8_0")}
	return map[string]kv.Policy{
		"f16":  {K: f16, V: f16},
		"q8_0": {K: q8, V: q8, Fallback: f16.Type},
		"ends": {K: q8, V: q8, Ends: kv.Ends{First: 4, Last: 16}, Fallback: f16.Type},
	}
}

// orderOfSums bounds what the same tokens may differ by in batches of other shapes: their products
// take other kernels, which add in another order. The most seen was .00007.
const orderOfSums = .001

// TestSharedPrompts: whatever of a prompt is taken from another sequence, the logits are those of
// a run from the start, in every family, and each family shares what it can.
func TestSharedPrompts(t *testing.T) {
	forFamilies(t, func(t *testing.T, f family) {
		for name, p := range policies() {
			t.Run(name, func(t *testing.T) {
				s := f.scheduler(t, p, 6, Options{Parallel: 3, Queue: 8, Chunk: 8})
				f.share(t, s, p)
			})
		}
	})
}

func (f family) share(t *testing.T, s *Scheduler, p kv.Policy) {
	a := f.tokens[:60]
	other := func(n int) []int32 { // of which none is the one that the first prompt has there
		x := slices.Clone(f.tokens[n : n+20])
		x[0] = (f.tokens[40] + int32(n)) % int32(f.m.Vocab)
		return x
	}
	check := func(what string, h *heard, reused int) Result {
		t.Helper()
		r := must(t, s, h.Text)
		own := f.scheduler(t, p, 6, Options{Chunk: 8})
		alone := listen(t, own, h.request.Tokens, len(r.Tokens))
		must(t, own, alone.Text)
		if d := apart(h.rows, alone.rows); !(d <= orderOfSums) {
			t.Errorf("%s: logits differ by %.2g from those of a run from the start", what, d)
		}
		if r.Reused != reused && !(reused < 0 && r.Reused <= -reused) {
			t.Errorf("%s: %d tokens were cached, want %d", what, r.Reused, reused)
		}
		return r
	}
	parts := 40 // what a cache that is cut at will has of it; another has as much the second time
	if s.rigid {
		parts = -parts
	}
	first := check("the first prompt", listen(t, s, a, 4), 0)
	check("the same prompt", listen(t, s, a, 4), 59)
	talk := slices.Concat(a, first.Tokens[:3], f.tokens[60:70])
	check("a prompt and what came of it", listen(t, s, talk, 4), 63)
	check("a prompt that parts", listen(t, s, slices.Concat(f.tokens[:40], other(70)), 4), parts)
	check("another that parts there", listen(t, s, slices.Concat(f.tokens[:40], other(76)), 4), 40)

	// All at once: two wait for the rows of the one before them.
	fresh := slices.Concat(f.tokens[50:90], f.tokens[:20])
	x, y, z := listen(t, s, fresh, 6), listen(t, s, slices.Concat(fresh[:30], f.tokens[:25]), 6), listen(t, s, fresh, 6)
	if _, err := s.step(); err != nil {
		t.Fatal(err)
	}
	check("a prompt that others wait for", x, 0)
	check("one that begins like it", y, 30)
	check("one that is the same", z, 59)
}

// apart is the largest difference of rows, relative to the largest value of each.
func apart(a, b [][]float32) float64 {
	if len(a) != len(b) {
		return math.Inf(1)
	}
	most := 0.
	for i := range a {
		scale := 0.
		for _, v := range b[i] {
			scale = max(scale, math.Abs(float64(v)))
		}
		for k := range a[i] {
			most = max(most, math.Abs(float64(a[i][k]-b[i][k]))/scale)
		}
	}
	return most
}
