package interp

import (
	"fmt"

	"github.com/kvgen/kvgen/gen/spec"
	"github.com/kvgen/kvgen/kernels/ref"
)

// Format returns the type as the oracle of its kernels, in the form of the hand-written ones.
// Encode is nil when the spec has none; Rotation is the transform that Encode applies and Decode
// leaves in place.
func Format(t *spec.Type) ref.Format {
	f := ref.Format{
		Name: t.Name, ID: t.ID, Block: t.Block, Bytes: t.Bytes,
		Decode: func(dst []float32, src []byte) { Decode(t, dst, src) },
	}
	if t.Encode != nil {
		f.Encode = func(dst []byte, src []float32) { Encode(t, dst, src) }
	}
	if d := t.Domain; d != nil {
		f.Rotation = ref.Transform{Size: d.Size, Left: d.Left, Right: d.Right}
	}
	return f
}

// Encode writes len(src)/t.Block blocks to dst. t has an encoder and len(src) is a multiple of
// t.Block; as in package ref, a destination that is too short panics.
func Encode(t *spec.Type, dst []byte, src []float32) {
	for ; len(src) > 0; src, dst = src[t.Block:], dst[t.Bytes:] {
		block := dst[:t.Bytes]
		clear(block)
		m := machine{block: t.Block, names: map[string]lanes{"x": floats(src[:t.Block])}}
		m.encode(t)
		for _, f := range t.Fields {
			if v, ok := m.names[f.Name]; ok && f.Count == 1 {
				store(f, block[f.Offset:], v[0].f)
			}
		}
		for _, c := range t.Codes {
			if v, ok := m.names[c.Name]; ok {
				storeCode(c, block, v)
			}
		}
	}
}

// encode runs the statements of t's encoder.
func (m *machine) encode(t *spec.Type) {
	for _, a := range t.Encode {
		m.names[a.Name] = m.eval(a.X)
	}
}

// Nearest returns the values that t's encoder looks up in its codebook, in the unit of the levels:
// for every value of src, a multiple of t.Block, the argument of the last call of nearest. It is
// nil for an encoder without one.
func Nearest(t *spec.Type, src []float32) []float32 {
	var seen []float32
	for ; len(src) > 0; src = src[t.Block:] {
		m := machine{block: t.Block, names: map[string]lanes{"x": floats(src[:t.Block])}}
		m.encode(t)
		for _, v := range m.nearest {
			seen = append(seen, v.f)
		}
	}
	return seen
}

// Decode writes len(dst) values, a multiple of t.Block, in the domain in which they are stored.
func Decode(t *spec.Type, dst []float32, src []byte) {
	for ; len(dst) > 0; dst, src = dst[t.Block:], src[t.Bytes:] {
		block := src[:t.Bytes]
		m := machine{block: t.Block, names: map[string]lanes{}}
		for _, f := range t.Fields {
			if f.Count == 1 && f.Kind != spec.U8 {
				m.names[f.Name] = m.spread(lane{f: load(f, block[f.Offset:])})
			}
		}
		for _, c := range t.Codes {
			m.names[c.Name] = loadCode(c, block)
		}
		for i, v := range m.eval(t.Value) {
			dst[i] = v.f
		}
	}
}

// Holds evaluates the condition of a guard for a head of headDim values.
func Holds(g *spec.Guard, headDim int, quantised bool) bool {
	m := machine{block: 1, names: map[string]lanes{
		"head_dim":  {{i: int32(headDim)}},
		"quantised": {{i: truth(quantised)}},
	}}
	return m.eval(g.Cond)[0].i != 0
}

// fail reports an expression that no checked spec contains: a fault of package spec, not of its
// user.
func fail(e spec.Expr, format string, args ...any) {
	panic(fmt.Sprintf("interp: %s: %s", e.Pos(), fmt.Sprintf(format, args...)))
}
