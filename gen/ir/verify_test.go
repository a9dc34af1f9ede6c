package ir

import (
	"strings"
	"testing"
)

var (
	testAddr  = Type{Addr, 1}
	testWord  = Type{Word, 1}
	testF32   = Type{F32, 8}
	testI32   = Type{I32, 8}
	testBytes = Type{I8, 32}
)

// start begins a function of an address p and a word n.
func start() (b *Builder, p, n *Value) {
	b = Build("f", []Param{{"p", testAddr, "*byte"}, {"n", testWord, "int"}}, "f is a test.")
	return b, b.Param(0), b.Param(1)
}

// TestVerify builds one mistake of each kind.
func TestVerify(t *testing.T) {
	for _, c := range []struct {
		want  string
		build func(b *Builder, p, n *Value)
	}{
		{"", func(b *Builder, p, n *Value) { b.Store(b.Load(testF32, At(p, 0), "x"), At(p, 32)) }},
		{"add: argument 0 is i32x8", func(b *Builder, p, n *Value) { x := b.Load(testI32, At(p, 0), "x"); b.Add(x, x) }},
		{"fma: argument 1 is f32x4, beside f32x8", func(b *Builder, p, n *Value) {
			b.FMA(b.Zero(testF32, "acc"), b.Zero(Type{F32, 4}, "x"), b.Zero(testF32, "y"))
		}},
		{"mul: constant of 16 bytes, want 32", func(b *Builder, p, n *Value) { b.Mul(b.Zero(testF32, "x"), make(Lanes, 16)) }},
		{"shuffle: index 16 for byte 0", func(b *Builder, p, n *Value) {
			b.Shuffle(b.Zero(testBytes, "x"), append([]byte{16}, make([]byte, 31)...))
		}},
		{"order: lane 8 of i32x8", func(b *Builder, p, n *Value) {
			b.Order(b.Zero(testI32, "x"), append([]byte{8, 0, 0, 0}, make([]byte, 28)...))
		}},
		{"loaddup: 5 is not", func(b *Builder, p, n *Value) { b.LoadDup(testBytes, At(p, 0), 5, "x") }},
		{"swap: 3 is not", func(b *Builder, p, n *Value) { b.Swap(b.Zero(testI32, "x"), 3) }},
		{"shr: 32 is not", func(b *Builder, p, n *Value) { b.Shr(b.Zero(testI32, "x"), 32) }},
		{"comparei: 2 is not", func(b *Builder, p, n *Value) { x := b.Zero(testI32, "x"); b.CompareI(x, Less, x) }},
		{"load: the base of a memory operand", func(b *Builder, p, n *Value) { b.Load(testF32, At(n, 0), "x") }},
		{"load: the index of a memory operand", func(b *Builder, p, n *Value) {
			b.Load(testF32, Mem{Base: p, Index: p, Scale: 1}, "x")
		}},
		{"load: memory where there is none", func(b *Builder, p, n *Value) { b.Load(testF32, Mem{}, "x") }},
		{"store: an argument is used before it is defined", func(b *Builder, p, n *Value) {
			b.Store(&Value{Type: testF32}, At(p, 0))
		}},
		{"store: an argument is used before it is defined, or after it was used up", func(b *Builder, p, n *Value) {
			x := b.Zero(testI32, "x")
			b.Scatter(At(p, 0), 4, x)
			b.Store(x, At(p, 0))
		}},
		{"store: an argument is used before it is defined", func(b *Builder, p, n *Value) {
			var x *Value
			b.Loop(n, 1, func() { x = b.Zero(testI32, "x") })
			b.Store(x, At(p, 0))
		}},
		{"pack4: 3 arguments, allowed: [4]", func(b *Builder, p, n *Value) { x := b.Zero(testI32, "x"); b.Pack4(x, x, x) }},
		{"transpose: as many vectors as lanes", func(b *Builder, p, n *Value) {
			b.Transpose(b.Zero(testF32, "a"), b.Zero(testF32, "b"), b.Zero(testF32, "c"), b.Zero(testF32, "d"))
		}},
		{"select: select keeps the type", func(b *Builder, p, n *Value) {
			b.Select(b.Zero(testI32, "m"), b.Zero(testI32, "x"), b.Zero(testF32, "y"))
		}},
		{"tablef32: a table of 260 bytes", func(b *Builder, p, n *Value) { b.TableF32(b.Zero(testI32, "x"), make([]byte, 260), "") }},
		{"dots8: x.3 is what an opaque operation made, or is not", func(b *Builder, p, n *Value) { x := b.Zero(testBytes, "x"); b.DotS8(x, x) }},
		{"store: factor.4 is what an opaque operation made", func(b *Builder, p, n *Value) {
			b.Store(b.Factor(b.Zero(testBytes, "x")), At(p, 0))
		}},
		{"a loop needs a defined word", func(b *Builder, p, n *Value) { b.Loop(p, 1, func() {}) }},
	} {
		b, p, n := start()
		c.build(b, p, n)
		err := Verify(b.F)
		op, why, _ := strings.Cut(c.want, ": ")
		if (err == nil) != (c.want == "") || err != nil && (!strings.Contains(err.Error(), op) || !strings.Contains(err.Error(), why)) {
			t.Errorf("got %v, want %q", err, c.want)
		}
	}
}
