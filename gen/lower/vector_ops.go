package lower

import (
	"math"

	"github.com/kvgen/kvgen/gen/ir"
)

// Vectors lists the operations in the order of the fields of cpu.Vec.
var Vectors = []*Vector{
	{Field: "Max", Slices: []string{"x"}, Partial: "float32", Fold: "foldMax", Result: "float32",
		Loop: []string{"lanes[i%8] = max(lanes[i%8], x[i])"}, build: vectorMax},
	{Field: "ExpSum", Slices: []string{"x"}, Scalars: []string{"scale", "shift"}, Args: []string{"scale", "shift"},
		Partial: "float32", Fold: "foldSum", Result: "float32",
		Loop: []string{"x[i] = exp(x[i]*scale - shift)", "lanes[i%8] += x[i]"}, build: vectorExpSum},
	{Field: "SiLUMul", Slices: []string{"gate", "up"},
		Loop: []string{"gate[i] = gate[i] / (1 + exp(-gate[i])) * up[i]"}, build: vectorSiLUMul},
	{Field: "GELUMul", Slices: []string{"gate", "up"},
		Loop: []string{"u := sqrt(2/pi) * gate[i] * (1 + 0.044715*gate[i]*gate[i])", "gate[i] = gate[i] / (1 + exp(-2*u)) * up[i]"}, build: vectorGELUMul},
	{Field: "SoftCap", Slices: []string{"x"}, Scalars: []string{"c"}, Args: []string{"2 / c", "c"},
		Loop: []string{"x[i] = c * (1 - 2/(exp(2/c*x[i])+1))"}, build: vectorSoftCap},
	{Field: "Add", Slices: []string{"y", "x"}, Loop: []string{"y[i] += x[i]"}, build: func(v *vector) {
		v.each(4, func(p piece) { p.store(0, v.add(p.load(0), p.load(1))) })
	}},
	{Field: "Scale", Slices: []string{"y"}, Scalars: []string{"s"}, Args: []string{"s"}, Loop: []string{"y[i] *= s"}, build: func(v *vector) {
		v.each(4, func(p piece) { p.store(0, v.mul(p.load(0), v.args[0])) })
	}},
	{Field: "ScaleMul", Slices: []string{"y", "x", "w"}, Scalars: []string{"s"}, Args: []string{"s"},
		Loop: []string{"y[i] = x[i] * s * w[i]"}, build: func(v *vector) {
			v.each(2, func(p piece) { p.store(0, v.mul(v.mul(p.load(1), v.args[0]), p.load(2))) })
		}},
	{Field: "Blend", Slices: []string{"y", "x"}, Scalars: []string{"a", "b"}, Args: []string{"a", "b"},
		Loop: []string{"y[i] = y[i]*a + x[i]*b"}, build: func(v *vector) {
			v.each(2, func(p piece) { p.store(0, v.add(v.mul(p.load(0), v.args[0]), v.mul(p.load(1), v.args[1]))) })
		}},
	{Field: "SumSquares", Slices: []string{"x"}, Partial: "float64", Fold: "foldSquares", Result: "float64",
		Loop: []string{"lanes[i%8] += float64(x[i]) * float64(x[i])"}, build: vectorSumSquares},
	{Field: "RopeAdjacent", Slices: []string{"x", "cos", "sin"}, Wide: "x",
		Loop: []string{"x[2*i], x[2*i+1] = x[2*i]*cos[i]-x[2*i+1]*sin[i], x[2*i]*sin[i]+x[2*i+1]*cos[i]"}, build: vectorRopeAdjacent},
	{Field: "RopeHalves", Slices: []string{"lo", "hi", "cos", "sin"},
		Loop: []string{"lo[i], hi[i] = lo[i]*cos[i]-hi[i]*sin[i], lo[i]*sin[i]+hi[i]*cos[i]"}, build: vectorRopeHalves},
}

// vectorMax keeps the maxima of lanes and, since a comparison passes over NaNs, a count of these.
func vectorMax(v *vector) {
	b, f, i := v.b, f32s(v.n), i32s(v.n)
	none := float32(math.Inf(-1))
	most := []*ir.Value{v.constant(none, "most"), v.constant(none, "most"), v.constant(none, "most"), v.constant(none, "most")}
	nans := b.Zero(i, "nans")
	v.each(len(most), func(p piece) {
		x := p.load(0)
		b.Accumulate(nans, compare(b, x, ir.NotEqual, x))
		if p.mask != nil {
			x = b.Select(p.mask, x, v.constant(none, "none"))
		}
		b.Raise(most[p.part], x)
	})
	for _, m := range most[1:] {
		b.Raise(most[0], m)
	}
	nan := b.Const(f, dwordConst(repeat(quietNaN, v.n)), "NaN")
	b.Store(b.Select(compare(b, nans, ir.Equal, ir.Splat(0)), most[0], nan), ir.At(v.out, 0))
}

func vectorExpSum(v *vector) {
	b, e, sum := v.b, v.newExp(false), v.b.Zero(f32s(v.n), "sum")
	v.each(1, func(p piece) {
		x := e.of(v.sub(v.mul(p.load(0), v.args[0]), v.args[1]))
		p.store(0, x)
		if p.mask != nil {
			x = as(b, f32s(v.n), b.And(as(b, i32s(v.n), x), p.mask))
		}
		b.Accumulate(sum, x)
	})
	b.Store(sum, ir.At(v.out, 0))
}

func vectorSiLUMul(v *vector) {
	e := v.newExp(true)
	v.each(1, func(p piece) {
		g := p.load(0)
		p.store(0, v.mul(e.sigmoid(g, v.b.Xor(g, ir.Splat(signBit))), p.load(1)))
	})
}

// vectorGELUMul uses (1 + tanh u)/2 = sigmoid(2u).
func vectorGELUMul(v *vector) {
	e := v.newExp(true)
	v.each(1, func(p piece) {
		g := p.load(0)
		u := v.mul(v.mulC(g, -2*0.7978845608028654), v.addC(v.mul(v.mulC(g, 0.044715), g), 1))
		p.store(0, v.mul(e.sigmoid(g, u), p.load(1)))
	})
}

func vectorSoftCap(v *vector) {
	e, one, two := v.newExp(true), v.constant(1, "one"), v.constant(2, "two")
	v.each(1, func(p piece) {
		t := e.of(v.mul(p.load(0), v.args[0]))
		p.store(0, v.mul(v.sub(one, v.div(two, v.addC(t, 1))), v.args[1]))
	})
}

func vectorSumSquares(v *vector) {
	b, half := v.b, ir.Type{Elem: ir.F64, Lanes: v.n / 2}
	sums := []*ir.Value{b.Zero(half, "sum"), b.Zero(half, "sum")}
	v.each(1, func(p piece) {
		x := p.load(0)
		for h, sum := range sums {
			b.AddSquares(sum, x, h)
		}
	})
	for h, sum := range sums {
		b.Store(sum, ir.At(v.out, 4*v.n*h))
	}
}

// vectorRopeAdjacent turns pairs of neighbouring lanes: the first is x*cos - other*sin, the second
// x*cos + other*sin.
func vectorRopeAdjacent(v *vector) {
	first := make([]uint32, v.n)
	for l := 0; l < v.n; l += 2 {
		first[l] = signBit
	}
	v.each(1, func(p piece) {
		cos, sin := p.load(1), p.load(2)
		for half := range 2 {
			x, c, s := p.loadHalf(0, half), v.twice(cos, half), v.twice(sin, half)
			s = v.b.Xor(s, dwordConst(first))
			p.storeHalf(0, half, v.add(v.mul(x, c), v.mul(v.b.Swap(x, 1), s)))
		}
	})
}

func vectorRopeHalves(v *vector) {
	v.each(1, func(p piece) {
		lo, hi, cos, sin := p.load(0), p.load(1), p.load(2), p.load(3)
		p.store(0, v.sub(v.mul(lo, cos), v.mul(hi, sin)))
		p.store(1, v.add(v.mul(lo, sin), v.mul(hi, cos)))
	})
}
