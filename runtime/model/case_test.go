package model

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/gguf"
	"github.com/kvgen/kvgen/runtime/internal/typetest"
	"github.com/kvgen/kvgen/runtime/kv"
)

// arches is the folder of conformance cases; its README says where they come from and what the
// tolerances rest on.
const arches = "../../testdata/arch"

// conformance is one case: a tiny model and what it must compute.
type conformance struct {
	name  string
	model *Model

	Tokens    []int32
	Quantised string `json:"quantize_type"` // of the weights, empty for none
	Vocab     int    `json:"n_vocab"`
	Configs   map[string]struct {
		Logits struct {
			File      string
			Shape     [2]int
			Positions [2]int
		}
		VsExact struct {
			RMS float64 `json:"rms_stored_rows"`
		} `json:"vs_exact"`
		SameAs  string `json:"same_logits_as"`
		Env     map[string]string
		Refused bool
		Greedy  []int32
		Margin  []float64 `json:"greedy_margin"`
	}
}

func caseNames(t testing.TB) []string {
	dirs, err := filepath.Glob(arches + "/*/case.json")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no cases in %s: %v", arches, err)
	}
	for i, d := range dirs {
		dirs[i] = filepath.Base(filepath.Dir(d))
	}
	return dirs
}

func readCase(t testing.TB, name string) *conformance {
	raw, err := os.ReadFile(filepath.Join(arches, name, "case.json"))
	if err != nil {
		t.Fatal(err)
	}
	c := &conformance{name: name}
	if err := json.Unmarshal(raw, c); err != nil {
		t.Fatal(err)
	}
	f, err := gguf.Open(filepath.Join(arches, name, "model.gguf"), testSizes)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if c.model, err = load(f, kernels.Default(), testTypes); err != nil {
		t.Fatal(err)
	}
	if c.model.Vocab != c.Vocab {
		t.Fatalf("%d tokens, want %d", c.model.Vocab, c.Vocab)
	}
	return c
}

// usesGELU reports whether the other engine computed the case with its half-precision table.
func (c *conformance) usesGELU() bool {
	return slices.Contains([]string{"gemma2", "gemma3", "gemma4", "gpt2", "starcoder2"}, c.model.Arch)
}

func testTypes(id int) *kernels.Type {
	if t := kernels.Default().ByID(id); t != nil {
		return t
	}
	return typetest.ByID(id)
}

func testType(name string) *kernels.Type {
	if t := kernels.Default().ByName(name); t != nil {
		return t
	}
	return typetest.ByName(name)
}

func testSizes(id uint32) (int, int, bool) {
	t := testTypes(int(id))
	if t == nil {
		return 0, 0, false
	}
	return t.Block, t.Bytes, true
}

// choice reads "q8_0" or "q8_0+attn".
func choice(s string) kv.Choice {
	name, rot, _ := strings.Cut(s, "+")
	c := kv.Choice{Type: testType(name)}
	if rot != "" {
		c.Rotation = typetest.Attn()
	}
	return c
}

func (c *conformance) context(t testing.TB, k, v string, o Options) (*Context, error) {
	plan, err := kv.NewPlan(c.model.KVLayers(), kv.Policy{K: choice(k), V: choice(v)})
	if err != nil {
		return nil, err
	}
	o.Plan, o.Size = plan, max(o.Size, 256)
	x, err := c.model.NewContext(o)
	if err != nil {
		return nil, err
	}
	t.Cleanup(x.Close)
	return x, nil
}

// want is the logits of a config and the position of the first row.
func (c *conformance) want(t testing.TB, config string) (rows [][]float32, first int) {
	cfg, ok := c.Configs[config]
	if !ok || cfg.Logits.File == "" {
		t.Fatalf("%s has no logits for %s", c.name, config)
	}
	raw, err := os.ReadFile(filepath.Join(arches, c.name, cfg.Logits.File))
	if err != nil {
		t.Fatal(err)
	}
	for range cfg.Logits.Shape[0] {
		row := make([]float32, c.Vocab)
		for i := range row {
			row[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw))
			raw = raw[4:]
		}
		rows = append(rows, row)
	}
	return rows, cfg.Logits.Positions[0]
}

// prefill is the logits of all tokens from position first on, run as one batch.
func prefill(t testing.TB, x *Context, tokens []int32, first int) (rows [][]float32) {
	x.Clear()
	err := x.Eval(tokens, first, func(_ int, l []float32) error {
		rows = append(rows, slices.Clone(l))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// decode is prefill, token by token.
func decode(t testing.TB, x *Context, tokens []int32, first int) (rows [][]float32) {
	x.Clear()
	for i, tok := range tokens {
		l, err := x.Decode(tok)
		if err != nil {
			t.Fatal(err)
		}
		if i >= first {
			rows = append(rows, slices.Clone(l))
		}
	}
	return rows
}

// greedy continues from logits by the most probable token.
func greedy(t testing.TB, x *Context, logits []float32, n int) []int32 {
	var ids []int32
	for range n {
		best := 0
		for i, v := range logits {
			if v > logits[best] {
				best = i
			}
		}
		ids = append(ids, int32(best))
		var err error
		if logits, err = x.Decode(int32(best)); err != nil {
			t.Fatal(err)
		}
	}
	return ids
}

// differ is the largest and the root mean square difference of two sets of rows.
func differ(a, b [][]float32) (most, rms float64) {
	n := 0
	for i := range a {
		for k := range a[i] {
			d := math.Abs(float64(a[i][k]) - float64(b[i][k]))
			if !(d <= most) {
				most = d
			}
			rms += d * d
			n++
		}
	}
	return most, math.Sqrt(rms / float64(n))
}
