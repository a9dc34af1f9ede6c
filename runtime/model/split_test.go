package model

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/gguf"
)

// TestSplitModel writes a case as two files and compares bits with the one file.
func TestSplitModel(t *testing.T) {
	c := readCase(t, "qwen3")
	r := recipeOf(t, "qwen3")
	dir := t.TempDir()
	const parts = 2
	for i := range parts {
		err := gguf.Create(filepath.Join(dir, fmt.Sprintf("m-%05d-of-%05d.gguf", i+1, parts)), func(w *gguf.Writer) error {
			w.Set("split.no", uint16(i))
			w.Set("split.count", uint16(parts))
			for k, v := range r.keys {
				if i == 0 {
					w.Set(k, v)
				}
			}
			half := r.tensors[i*len(r.tensors)/parts : (i+1)*len(r.tensors)/parts]
			for _, x := range half {
				w.Tensor(x.Name, x.Type, x.Dims, int64(len(r.data[x.Name])))
			}
			for _, x := range half {
				w.Data(x.Name, r.data[x.Name])
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	m, err := Open(filepath.Join(dir, "m-00001-of-00002.gguf"), kernels.Default())
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	one, two := identity(t, c.model), identity(t, m)
	if one.Weights != two.Weights || !maps.Equal(one.Keys, two.Keys) { // the tokenizer was left out
		t.Errorf("identities %+v and %+v", one, two)
	}
	var logits [][]float32
	for _, m := range []*Model{c.model, m} {
		x, err := (&conformance{model: m}).context(t, "f16", "f16", Options{Threads: 2})
		if err != nil {
			t.Fatal(err)
		}
		logits = append(logits, prefill(t, x, c.Tokens, len(c.Tokens)-1)...)
		x.Close()
	}
	if !slices.Equal(logits[0], logits[1]) {
		t.Error("the split model computes something else")
	}
	if _, err := Open(filepath.Join(dir, "m-00002-of-00002.gguf"), kernels.Default()); err == nil || !strings.Contains(err.Error(), "part 2 of 2") {
		t.Errorf("the second part by itself: %v", err)
	}
}

func identity(t *testing.T, m *Model) *Identity {
	t.Helper()
	id, err := m.Identity()
	if err != nil {
		t.Fatal(err)
	}
	return id
}
