package main

import (
	"fmt"

	"github.com/kvgen/kvgen/gen/interp"
	"github.com/kvgen/kvgen/gen/spec"
	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/kv"
)

// interpreted is the name of the instruction set of what no kernel was generated for.
const interpreted = "interpreted"

// extension is a set as rows of the table. Transforms that the set uses and does not declare are those of the table.
func extension(set *spec.Set) (x kernels.Extension) {
	own := map[*spec.Transform]*kernels.Transform{}
	for _, t := range set.Transforms {
		own[t] = &kernels.Transform{Name: t.Name, Summary: t.Summary, Size: t.Size, Impls: []kernels.TransformImpl{{
			ISA:     interpreted,
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
		return kernels.TransformByName(t.Name)
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
	impl := kernels.Plain(interpreted, t.Block, t.Bytes, encode, decode)
	if !t.KV {
		impl.Mix = nil
	}
	return &kernels.Type{
		Name: t.Name, Summary: t.Summary, ID: t.ID, Identity: t.Identity,
		KV: t.KV, Weight: t.Weight, Quantised: t.Quantised, Block: t.Block, Bytes: t.Bytes, Pad: t.Pad,
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

// noteInterpreted says of the types of a plan, once for each, that they are slow. A GPU has kernels of them.
func (s *session) noteInterpreted(plan *kv.Plan) {
	for _, l := range plan.Layers {
		s.noteType(l.K.Effective.Type)
		s.noteType(l.V.Effective.Type)
	}
}

func (s *session) noteType(t *kernels.Type) {
	if t == nil || t.Spec == "" || s.slow[t] || s.flags.backend != nil {
		return
	}
	if s.slow == nil {
		s.slow = map[*kernels.Type]bool{}
	}
	s.slow[t] = true
	s.notes = append(s.notes, fmt.Sprintf("%s is interpreted (spec file %s), which is slow; kvgen build makes a kvrun with kernels of it", t.Name, t.Spec))
}
