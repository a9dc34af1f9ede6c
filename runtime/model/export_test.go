package model

import (
	"path/filepath"
	"testing"
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

// ReadCase is a case without its logits.
func ReadCase(t *testing.T, name string) *Case {
	c := readCase(t, name)
	return &Case{Name: name, Model: c.model, Tokens: c.Tokens, Size: 256}
}
