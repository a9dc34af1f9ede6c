package model

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/gguf"
)

// variant is a case with other hyperparameters: what a file may say, or leave out.
type variant struct {
	Name string
	Base string // case whose tensors and tokens it has
	// numbers with a point are f32, others and those of arrays u32
	Set     map[string]json.RawMessage
	Drop    []string             // keys
	Vectors map[string][]float32 // additional tensors
	Size    int                  // of the context
}

// variants is all of them.
func variants(t *testing.T) (all []variant) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(arches, "variants", "variants.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &all); err != nil || len(all) == 0 {
		t.Fatalf("%d variants: %v", len(all), err)
	}
	return all
}

// TestVariants compares the last logits of every variant with the other engine's, both ways.
func TestVariants(t *testing.T) {
	EachVariant(t, func(t *testing.T, v *Case) {
		c := conformance{model: v.Model}
		x, err := c.context(t, "f32", "f32", Options{Threads: 2, Size: v.Size})
		if err != nil {
			t.Fatal(err)
		}
		first := len(v.Tokens) - len(v.Want)
		if d, _ := differ(prefill(t, x, v.Tokens, first), v.Want); !(d <= v.Most) {
			t.Errorf("prefill: max %.2g, allowed %.2g", d, v.Most)
		}
		if d, _ := differ(decode(t, x, v.Tokens, first), v.Want); !(d <= v.Most) {
			t.Errorf("decode: max %.2g, allowed %.2g", d, v.Most)
		}
	})
}

// model is the variant's file, loaded.
func (v *variant) model(t *testing.T) *Model {
	r := recipeOf(t, v.Base)
	for _, key := range v.Drop {
		delete(r.keys, key)
	}
	for key, raw := range v.Set {
		r.keys[key] = keyOf(t, raw)
	}
	for name, x := range v.Vectors {
		if !strings.HasSuffix(name, ".bias") {
			name += ".weight"
		}
		r.add(name, x)
	}
	return r.model(t)
}

// keyOf is the value of a key: f32 where it has a point or an exponent, else u32, also in lists.
func keyOf(t testing.TB, raw json.RawMessage) any {
	var x any
	if err := json.Unmarshal(raw, &x); err != nil {
		t.Fatal(err)
	}
	point := strings.ContainsAny(string(raw), ".e")
	switch x := x.(type) {
	case float64:
		if point {
			return float32(x)
		}
		return uint32(x)
	case []any:
		if len(x) > 0 {
			if _, ok := x[0].(bool); ok {
				return listOf[bool](x)
			}
		}
		if point {
			return listOf[float32](x)
		}
		return listOf[uint32](x)
	}
	return x
}

func listOf[T bool | float32 | uint32](list []any) []T {
	var all []T
	for _, v := range list {
		var to T
		switch p := any(&to).(type) {
		case *bool:
			*p = v.(bool)
		case *float32:
			*p = float32(v.(float64))
		case *uint32:
			*p = uint32(v.(float64))
		}
		all = append(all, to)
	}
	return all
}

// add adds a vector.
func (r *recipe) add(name string, x []float32) {
	data := make([]byte, 4*len(x))
	for i, v := range x {
		binary.LittleEndian.PutUint32(data[4*i:], math.Float32bits(v))
	}
	r.tensors = append(r.tensors, gguf.Tensor{Name: name, Dims: []int64{int64(len(x))}})
	r.data[name] = data
}

// model is the file, loaded.
func (r *recipe) model(t *testing.T) *Model {
	t.Helper()
	data, err := r.bytes()
	if err != nil {
		t.Fatal(err)
	}
	f, err := gguf.Parse(data, testSizes)
	if err != nil {
		t.Fatal(err)
	}
	m, err := load(f, kernels.Default(), testTypes)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// readRows reads little-endian f32 rows of n.
func readRows(t *testing.T, path string, n int) (rows [][]float32) {
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for ; len(raw) > 0; raw = raw[4*n:] {
		row := make([]float32, n)
		for i := range row {
			row[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
		}
		rows = append(rows, row)
	}
	return rows
}
