package interp

import (
	"math"
	"slices"
	"testing"

	"github.com/kvgen/kvgen/gen/spec"
)

var (
	nan  = float32(math.NaN())
	inf  = float32(math.Inf(1))
	neg0 = float32(math.Copysign(0, -1))
)

// TestFloatFunctions runs each function over a block of four lanes x.
func TestFloatFunctions(t *testing.T) {
	x := name(spec.Float, "x")
	grouped := func(f string) spec.Expr { c := fn(spec.Float, f, x); c.Group = 2; return c }
	for _, c := range []struct {
		what    string
		e       spec.Expr
		x, want []float32
	}{
		{"sum in order", fn(spec.Float, "sum", x), []float32{1e8, 1, -1e8, 1}, []float32{1, 1, 1, 1}},
		{"sum from +0", fn(spec.Float, "sum", x), []float32{neg0, neg0, neg0, neg0}, make([]float32, 4)},
		{"sum of runs", grouped("sum"), []float32{1, 2, 3, 4}, []float32{3, 3, 7, 7}},
		{"extremum of runs", grouped("extremum"), []float32{1, -2, 3, -3}, []float32{-2, -2, 3, 3}},
		{"first extremum", fn(spec.Float, "extremum", x), []float32{1, -3, 3, 2}, []float32{-3, -3, -3, -3}},
		{"extremum of NaN", fn(spec.Float, "extremum", x), []float32{nan, -1, nan, 1}, []float32{-1, -1, -1, -1}},
		{"absmax", fn(spec.Float, "absmax", x), []float32{nan, -1, 0, -inf}, []float32{inf, inf, inf, inf}},
		{"min of NaN", fn(spec.Float, "min", x), []float32{nan, 2, 1, nan}, []float32{1, 1, 1, 1}},
		{"max of nothing", fn(spec.Float, "max", x), []float32{nan, nan, nan, nan}, slices.Repeat([]float32{-math.MaxFloat32}, 4)},
		{"min lane by lane", fn(spec.Float, "min", x, num(1)), []float32{nan, 2, -1, 1}, []float32{1, 1, -1, 1}},
		{"max lane by lane", fn(spec.Float, "max", x, num(1)), []float32{nan, 2, -1, inf}, []float32{1, 2, 1, inf}},
		{"NaN second", fn(spec.Float, "max", num(1), x), []float32{nan, 2, -1, 0}, []float32{nan, 2, 1, 1}},
		{"clamp", fn(spec.Float, "clamp", x, num(-1), num(1)), []float32{nan, inf, -9, .5}, []float32{-1, 1, -1, .5}},
		{"inv", fn(spec.Float, "inv", x), []float32{0, neg0, 4, inf}, []float32{0, 0, .25, 0}},
		{"floor", fn(spec.Float, "floor", x), []float32{-.5, 1.5, neg0, inf}, []float32{-1, 1, neg0, inf}},
		{"no fusion", op(op(x, "*", x), "-", num(1)), []float32{1 + 0x1p-13, 1, 0, 2}, []float32{0x1p-12, 0, -1, 3}},
		{"cond", &spec.Cond{If: op(x, "<", num(0)), Then: num(1), Else: &spec.Unary{Node: spec.Node{}, Op: "-", X: x}},
			[]float32{-1, nan, 0, 3}, []float32{1, nan, neg0, -3}},
	} {
		m := machine{block: 4, names: map[string]lanes{"x": floats(c.x)}}
		for i, v := range m.eval(c.e) {
			if math.Float32bits(v.f) != math.Float32bits(c.want[i]) && (v.f == v.f || c.want[i] == c.want[i]) {
				t.Errorf("%s: lane %d of %v is %g, want %g", c.what, i, c.x, v.f, c.want[i])
			}
		}
	}
}

// TestIntFunctions is the same for integer results.
func TestIntFunctions(t *testing.T) {
	x := name(spec.Float, "x")
	per := &spec.PerIndex{Node: spec.Node{Kind: spec.Int}, I: []int{0, 7, -7, 100}}
	book := fn(spec.Int, "nearest", x)
	book.Book = &spec.Codebook{Thresholds: []float32{-1, 0, 1}}
	const none = math.MinInt32
	for _, c := range []struct {
		what string
		e    spec.Expr
		x    []float32
		want []int32
	}{
		{"trunc", fn(spec.Int, "trunc", x), []float32{-1.9, 1.9, nan, 3e9}, []int32{-1, 1, none, none}},
		{"rint", fn(spec.Int, "rint", x), []float32{-.5, 1.5, 2.5, -3e9}, []int32{0, 2, 2, none}},
		{"round", fn(spec.Int, "round", x), []float32{-.5, 1.5, 2.5, .49999997}, []int32{-1, 2, 3, 0}},
		{"just fits", fn(spec.Int, "trunc", x), []float32{-0x1p31, 0x1p31, 2147483520, inf}, []int32{none, none, 2147483520, none}},
		{"nearest", book, []float32{-1, 0, nan, -2}, []int32{1, 2, 3, 0}},
		{"division", op(per, "/", whole(2)), make([]float32, 4), []int32{0, 3, -3, 50}},
		{"remainder", op(per, "%", whole(4)), make([]float32, 4), []int32{0, 3, -3, 0}},
		{"sum", fn(spec.Int, "sum", per), make([]float32, 4), []int32{100, 100, 100, 100}},
		{"extremum", fn(spec.Int, "extremum", per), make([]float32, 4), []int32{100, 100, 100, 100}},
	} {
		m := machine{block: 4, names: map[string]lanes{"x": floats(c.x)}}
		for i, v := range m.eval(c.e) {
			if v.i != c.want[i] {
				t.Errorf("%s: lane %d of %v is %d, want %d", c.what, i, c.x, v.i, c.want[i])
			}
		}
	}
}

// TestNearest looks at the values that an encoder looks up: half of what it is given here.
func TestNearest(t *testing.T) {
	look := fn(spec.Int, "nearest", op(name(spec.Float, "x"), "*", num(0.5)))
	look.Book = &spec.Codebook{Levels: []float32{-1, 1}, Thresholds: []float32{0}}
	typ := &spec.Type{Block: 2, Bytes: 1, Encode: []*spec.Assign{{Name: "code", X: look}}}
	if got := Nearest(typ, []float32{1, 2, 3, -4}); !slices.Equal(got, []float32{.5, 1, 1.5, -2}) {
		t.Errorf("looked up %v", got)
	}
	if got := Nearest(q40(), make([]float32, 64)); got != nil {
		t.Errorf("q4_0 has no codebook, but looked up %v", got)
	}
}

// TestSignedParts reads and writes a signed code and one made of two parts.
func TestSignedParts(t *testing.T) {
	split := &spec.Code{Bits: 5, Parts: [][]spec.Part{{{Bit: 6, Width: 3}, {Bit: 0, Width: 2, Shift: 3}}}}
	signed := &spec.Code{Bits: 6, Signed: true, Parts: [][]spec.Part{{{Bit: 10, Width: 6}}}}
	block := []byte{0x00, 0x00}
	storeCode(split, block, lanes{{i: 0b10_110}})
	storeCode(signed, block, lanes{{i: -3}})
	if block[0] != 0b10_0000_10 || block[1] != 0b111101_0_1 {
		t.Errorf("stored %08b %08b", block[0], block[1])
	}
	if got := loadCode(split, block)[0].i; got != 0b10110 {
		t.Errorf("split code %05b", got)
	}
	if got := loadCode(signed, block)[0].i; got != -3 {
		t.Errorf("signed code %d", got)
	}
}
