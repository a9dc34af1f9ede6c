package live

import (
	"github.com/kvgen/kvgen/gen/interp"
	"github.com/kvgen/kvgen/gen/spec"
	"github.com/kvgen/kvgen/kernels"
)

// Interpreted is the name of the instruction set of what no kernel was generated for.
const Interpreted = "interpreted"

// Extend returns the table with the rows of the set behind its own. Their implementation is the
// interpreter. Transforms that the set uses and does not declare are those of the table.
func (s *Set) Extend(t *kernels.Table) (*kernels.Table, error) {
	return t.Extend(rows(s.Spec, t))
}

// rows is a set as rows of a table.
func rows(set *spec.Set, table *kernels.Table) (x kernels.Extension) {
	own := map[*spec.Transform]*kernels.Transform{}
	for _, t := range set.Transforms {
		own[t] = &kernels.Transform{Name: t.Name, Summary: t.Summary, Size: t.Size, Impls: []kernels.TransformImpl{{
			ISA:     Interpreted,
			Forward: func(x []float32) { interp.Forward(t, x) },
			Inverse: func(x []float32) { interp.Inverse(t, x) },
		}}}
		x.Transforms = append(x.Transforms, own[t])
	}
	find := func(t *spec.Transform) *kernels.Transform {
		switch {
		case t == nil:
			return nil
		case own[t] != nil:
			return own[t]
		}
		return table.TransformByName(t.Name)
	}
	for _, t := range set.Types {
		x.Types = append(x.Types, typeOf(t, find(t.Domain)))
	}
	for _, r := range set.Rotations {
		x.Rotations = append(x.Rotations, &kernels.Rotation{Name: r.Name, Summary: r.Summary, Transform: find(r.Tile), Guard: guardOf(r.Guard)})
	}
	return x
}

// typeOf is the row of one type, whose implementation is the interpreter.
func typeOf(t *spec.Type, domain *kernels.Transform) *kernels.Type {
	var encode func(dst []byte, src []float32)
	if t.Encode != nil {
		encode = func(dst []byte, src []float32) { interp.Encode(t, dst, src) }
	}
	decode := func(dst []float32, src []byte) { interp.Decode(t, dst, src) }
	impl := kernels.Plain(Interpreted, t.Block, t.Bytes, encode, decode)
	if !t.KV {
		impl.Mix = nil
	}
	return &kernels.Type{
		Name: t.Name, Summary: t.Summary, ID: t.ID, Identity: t.Identity,
		KV: t.KV, Weight: t.Weight, Quantised: t.Quantised, Block: t.Block, Bytes: t.Bytes, Pad: t.Pad, Whole: t.Whole(),
		CompatibleWith: t.Compatible, Domain: domain, Guard: guardOf(t.Guard),
		Spec: t.Range.Filename, Impls: []kernels.Impl{impl},
	}
}

func guardOf(g *spec.Guard) *kernels.Guard {
	if g == nil {
		return nil
	}
	return &kernels.Guard{Text: g.Text, Holds: func(headDim int, quantised bool) bool { return interp.Holds(g, headDim, quantised) }}
}
