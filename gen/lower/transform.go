package lower

import (
	"fmt"

	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/spec"
)

// Transform is x = after * norm*H * before * x in place on runs of t.Size values, with
// the diagonals of the forward direction or, inverse, exchanged. Lanes are values of one
// run. Stages below 64 values are done in registers, 8 vectors at a time; the rest in a
// second pass over vectors 64 values apart. Each value goes through the stages in
// ascending order of stride, so the bits are those of any other order of visits.
func Transform(t *spec.Transform, c Caps, inverse bool, name string) *ir.Func {
	k := &wht{lanes: ir.VectorLanes, size: t.Size, before: t.Left, after: t.Right}
	formula, first, last := "y = right * H/sqrt(n) * left * x", "left", "right"
	if inverse {
		k.before, k.after = t.Right, t.Left
		formula, first, last = "x = left * H/sqrt(n) * right * y", "right", "left"
	}
	b := ir.Build(name, []ir.Param{
		{Name: "x", Type: addr, Go: "*float32"}, {Name: "runs", Type: word, Go: "int"},
	}, fmt.Sprintf("%s is %s on runs of %d values, in place.", name, formula, t.Size), "",
		"\tfor r := range runs {", fmt.Sprintf("\t\tx := x[r*%d:][:%d]", t.Size, t.Size), fmt.Sprintf("\t\tscale(x, %s) // nil: all 1", first),
		fmt.Sprintf("\t\tfor h := 1; h < %d; h *= 2 {", t.Size), "\t\t\tfor i := range x {", "\t\t\t\tif i&h == 0 {",
		"\t\t\t\t\tx[i], x[i+h] = x[i]+x[i+h], x[i]-x[i+h]", "\t\t\t\t}", "\t\t\t}", "\t\t}",
		fmt.Sprintf("\t\tscale(x, norm*%s)", last), "\t}")
	k.b = b
	k.norm = t.Norm
	x, runs := b.Param(0), b.Param(1)
	if k.before != nil {
		k.left = table(b, k.before, "before")
	}
	if k.after != nil {
		k.right = table(b, scaledSigns(t.Norm, k.after), "after")
	}
	part := min(t.Size, 8*k.lanes)
	b.Loop(runs, 1, func() {
		k.eachTurn(t.Size/part, part, x, func(at ir.Mem, turn *ir.Value) { k.near(at, turn, part) })
		if part < t.Size {
			b.AddImm(x, -4*t.Size)
			k.eachTurn(part/k.lanes, k.lanes, x, func(at ir.Mem, turn *ir.Value) { k.far(at, turn, part) })
			b.AddImm(x, 4*(t.Size-part))
		}
	})
	return b.F
}

// scaledSigns is norm*sign for every value.
func scaledSigns(norm float32, signs []float32) []float32 {
	v := make([]float32, len(signs))
	for i, s := range signs {
		v[i] = norm * s
	}
	return v
}

// wht is the state of one Transform.
type wht struct {
	b             *ir.Builder
	lanes, size   int
	before, after []float32
	left, right   *ir.Value // tables of before and norm*after
	norm          float32
}

// eachTurn runs body n times, x moving by step values; turn counts bytes from 0.
func (k *wht) eachTurn(n, step int, x *ir.Value, body func(at ir.Mem, turn *ir.Value)) {
	if n == 1 {
		body(ir.At(x, 0), nil)
		k.b.AddImm(x, 4*step)
		return
	}
	turn, left := k.b.ZeroWord("turn"), count(k.b, n)
	k.b.Loop(left, 1, func() {
		body(ir.At(x, 0), turn)
		k.b.AddImm(turn, 4*step)
		k.b.AddImm(x, 4*step)
	})
}

// factor multiplies v by the entry of a table for value i of the turn.
func (k *wht) factor(v, table, turn *ir.Value, i int) *ir.Value {
	m := ir.At(table, 4*i)
	if turn != nil {
		m.Index, m.Scale = turn, 1
	}
	return k.b.Mul(v, k.b.Load(f32s(k.lanes), m, "sign"))
}

// finish multiplies v by the factors of value i of the turn on.
func (k *wht) finish(v, turn *ir.Value, i int) *ir.Value {
	if k.after == nil {
		return k.b.Mul(v, ir.SplatF32(k.norm))
	}
	return k.factor(v, k.right, turn, i)
}

// near does the stages of stride below part on part values.
func (k *wht) near(at ir.Mem, turn *ir.Value, part int) {
	v := make([]*ir.Value, part/k.lanes)
	for j := range v {
		v[j] = k.b.Load(f32s(k.lanes), at.Plus(4*k.lanes*j), "x")
		if k.before != nil {
			v[j] = k.factor(v[j], k.left, turn, k.lanes*j)
		}
		for h := 1; h < k.lanes; h *= 2 {
			v[j] = k.inside(v[j], h)
		}
	}
	butterflies(k.b, v)
	for j := range v {
		if part == k.size {
			v[j] = k.finish(v[j], turn, k.lanes*j)
		}
		k.b.Store(v[j], at.Plus(4*k.lanes*j))
	}
}

// far does the stages of stride part and more on the vectors part values apart.
func (k *wht) far(at ir.Mem, turn *ir.Value, part int) {
	v := make([]*ir.Value, k.size/part)
	for j := range v {
		v[j] = k.b.Load(f32s(k.lanes), at.Plus(4*part*j), "x")
	}
	butterflies(k.b, v)
	for j := range v {
		k.b.Store(k.finish(v[j], turn, part*j), at.Plus(4*part*j))
	}
}

// inside is a stage between lanes h apart: the lower lane of a pair becomes the sum,
// the upper one the difference.
func (k *wht) inside(v *ir.Value, h int) *ir.Value {
	other := k.b.Swap(v, h)
	sum := k.b.Add(v, other)
	difference := k.b.Sub(other, v)
	return k.b.Merge(sum, difference, h)
}

// butterflies is all stages of a transform of len(v) vectors, lane by lane.
func butterflies(b *ir.Builder, v []*ir.Value) {
	for h := 1; h < len(v); h *= 2 {
		for i := range v {
			if i&h == 0 {
				v[i], v[i+h] = b.Add(v[i], v[i+h]), b.Sub(v[i], v[i+h])
			}
		}
	}
}
