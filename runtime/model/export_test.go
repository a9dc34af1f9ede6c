package model

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/kvgen/kvgen/runtime/kv"
)

// Case is a case, for tests outside the package: those that need a device, which imports it.
type Case struct {
	Name   string
	Model  *Model
	Tokens []int32
	Size   int         // of the context
	Want   [][]float32 // logits of the last tokens by the other engine
	Most   float64     // largest difference from them
}

// EachVariant runs a test for every variant.
func EachVariant(t *testing.T, run func(t *testing.T, c *Case)) {
	for _, v := range variants(t) {
		t.Run(v.Name, func(t *testing.T) {
			base := readCase(t, v.Base)
			c := &Case{Name: v.Name, Model: v.model(t), Tokens: base.Tokens, Size: max(256, v.Size), Most: 2e-4}
			if base.usesGELU() {
				c.Most = 2e-2
			}
			c.Want = readRows(t, filepath.Join(arches, "variants", v.Name+".f32"), c.Model.Vocab)
			run(t, c)
		})
	}
}

// OddShapes are models whose files are laid out as few are: a tensor for each expert, and a layer
// with the last matrix of its attention alone. Want is what the processor computes.
func OddShapes(t *testing.T) (all []*Case) {
	for name, edit := range map[string]func(r *recipe){
		"mixtral": func(r *recipe) {
			for i := range 2 {
				for _, kind := range []string{"gate", "up", "down"} {
					r.scatter(fmt.Sprintf("blk.%d.ffn_%s_exps.weight", i, kind), fmt.Sprintf("blk.%d.ffn_%s", i, kind))
				}
			}
		},
		"llama_hd64": func(r *recipe) {
			r.keys["llama.attention.head_count_kv"] = []uint32{0, 2}
			for _, n := range []string{"q", "k", "v"} {
				r.drop("blk.0.attn_" + n + ".weight")
			}
			x := r.tensor("blk.0.attn_output.weight")
			x.Dims = []int64{64, 64}
			r.data[x.Name] = r.data[x.Name][:64*64*testTypes(int(x.Type)).Bytes]
		},
	} {
		r := recipeOf(t, name)
		edit(r)
		c := &Case{Name: name, Tokens: readCase(t, name).Tokens[:40], Size: 256, Most: 2e-4}
		c.Model, c.Want = r.logitsOf(t, c.Tokens)
		all = append(all, c)
	}
	return all
}

// DamagedKeys is a model with a NaN among what its keys are made of.
func DamagedKeys(t *testing.T) *Model {
	return recipeOf(t, "llama_hd64").poisoned("blk.1.attn_k.weight").model(t)
}

// ReadCase is a case without its logits.
func ReadCase(t *testing.T, name string) *Case {
	c := readCase(t, name)
	return &Case{Name: name, Model: c.model, Tokens: c.Tokens, Size: 256}
}

// SequencesAreAlone does on a device what TestSequencesAreAlone does on the processor, and holds
// the logits to those of the processor's contexts of one sequence each. Where share is 0 most
// bounds their difference, and else share is what they may be of the cache's own error.
func SequencesAreAlone(t *testing.T, places []Placement, name, k, v string, ends kv.Ends, offset bool, most, share float64) {
	c := readCase(t, name)
	key := choice(k)
	if offset {
		key.Offset = someOffset(c.model)
	}
	plan, err := kv.NewPlan(c.model.KVLayers(), kv.Policy{K: key, V: choice(v), Ends: ends})
	if err != nil {
		t.Fatal(err)
	}
	alone, err := c.model.NewContext(Options{Plan: plan, Size: 128, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer alone.Close()
	exact := c.extras(t, "f32", "f32", nil, kv.Ends{}, Options{Threads: 1})
	sequencesAreAlone(t, c, Options{Threads: 1, Placements: places}, alone, exact, bounds{share, most, most / 5}, name+" "+k+" "+v)
}

// Seeded is a case whose weights are drawn from a seed.
func Seeded(t *testing.T, name string) *Case {
	c, _, logits := readSeeded(t, name)
	return &Case{Name: name, Model: c.model, Tokens: c.Tokens, Size: 256, Want: logits["exact"], Most: 5e-4}
}
