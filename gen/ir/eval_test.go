package ir

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestEval doubles bytes in a loop with a tail: the count is left with what does not fill a turn.
func TestEval(t *testing.T) {
	b, p, n := start()
	b.Loop(n, 8, func() {
		x := b.Load(testI32, At(p, 0), "x")
		b.Store(b.AddI(x, x), At(p, 0))
		b.AddImm(p, 32)
	})
	b.Loop(n, 1, func() {
		b.StoreLow(b.Broadcast(testI32, At(p, 0), "x"), At(p, 4), 4)
		b.AddImm(p, 4)
	})
	data := make([]byte, 4*20)
	for i := range 20 {
		binary.LittleEndian.PutUint32(data[4*i:], uint32(i))
	}
	if err := Verify(b.F); err != nil {
		t.Fatal(err)
	}
	if err := Eval(b.F, Memory(data), Int(18)); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		want := uint32(2 * i)
		if i >= 16 {
			want = 16
		}
		if got := binary.LittleEndian.Uint32(data[4*i:]); got != want && i < 19 {
			t.Errorf("word %d is %d, want %d", i, got, want)
		}
	}
}

// TestEvalFaults runs what a kernel must not do: the error says which instruction does it.
func TestEvalFaults(t *testing.T) {
	for _, c := range []struct {
		want  string
		build func(b *Builder, p, n *Value)
	}{
		{"x.3: f32x8 = load [p.1+33]: reads 32 bytes from byte 33 of p, which has 64", func(b *Builder, p, n *Value) {
			b.Load(testF32, At(p, 33), "x")
		}},
		{"store x.3, [p.1-1]: writes 32 bytes from byte -1 of p, which has 64", func(b *Builder, p, n *Value) {
			b.Store(b.Load(testF32, At(p, 0), "x"), At(p, -1))
		}},
		{"[p.1+n.2*8]: reads 4 bytes from byte 72 of p, which has 64", func(b *Builder, p, n *Value) {
			b.Broadcast(testF32, Mem{Base: p, Index: n, Scale: 8}, "x")
		}},
		{"reads byte 4 of the frame's s, which nothing has written", func(b *Builder, p, n *Value) {
			s := b.Slot(32, "s")
			b.StoreLow(b.Zero(testF32, "x"), At(s, 0), 4)
			b.Load(testF32, At(s, 0), "y")
		}},
		{"writes the constant t", func(b *Builder, p, n *Value) {
			b.Store(b.Zero(testF32, "x"), At(b.Table(make([]byte, 32), "t"), 0))
		}},
		{"dotu8s8 x.3, y.4: the products of bytes 0 and 1 sum to 64770, which 16 bits", func(b *Builder, p, n *Value) {
			b.DotU8S8(b.Const(testBytes, bytes.Repeat([]byte{255}, 32), "x"), b.Const(testBytes, bytes.Repeat([]byte{127}, 32), "y"))
		}},
		{"table16 x.3, all 0: lane 0 of x.3 is 128, allowed: 0 to 127", func(b *Builder, p, n *Value) {
			b.Table16(b.Const(testBytes, bytes.Repeat([]byte{128}, 32), "x"), make([]byte, 16), "")
		}},
		{"lane 0 of m.3 is 1, allowed: 0 and -1", func(b *Builder, p, n *Value) {
			x := b.Zero(testI32, "x")
			m := b.Const(testI32, bytes.Repeat([]byte{1, 0, 0, 0}, 8), "m")
			m.ID = 3
			b.Select(m, x, x)
		}},
		{"entry 2 of a table of 2", func(b *Builder, p, n *Value) {
			b.TableF32(b.Const(testI32, bytes.Repeat([]byte{2, 0, 0, 0}, 8), "x"), make([]byte, 8), "")
		}},
		{"more than 10000000 operations", func(b *Builder, p, n *Value) {
			b.Loop(n, 1, func() {
				for range 1000 {
					b.AddImm(p, 0)
				}
				b.AddImm(n, 1)
			})
		}},
	} {
		b, p, n := start()
		c.build(b, p, n)
		err := Eval(b.F, Memory(make([]byte, 64)), Int(9))
		if err == nil || !strings.HasPrefix(err.Error(), "ir: f: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %q", err, c.want)
		}
	}
	b, _, _ := start()
	for want, args := range map[string][]Argument{
		"1 arguments, want 2":                        {Int(1)},
		"p is an address: the word 1 cannot be":      {Int(1), Int(1)},
		"n is a word: memory cannot be given for it": {Memory{}, Memory{}},
	} {
		if err := Eval(b.F, args...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// TestNumbers holds conversions and the fused product to arithmetic that is exact.
func TestNumbers(t *testing.T) {
	for h := range 1 << 16 {
		x := fromF16(uint16(h))
		want := uint16(h)
		if x != x {
			want = uint16(h)&0x8000 | 0x7E00
		}
		if got := toF16(x); got != want {
			t.Fatalf("f16 %04x is %g, which is %04x", h, x, got)
		}
	}
	for x, want := range map[float32]uint16{0x1p-25: 0, 0x1.8p-25: 1, 0x1p-14: 0x400, 0x1.ffcp15: 0x7bff, 65519: 0x7bff, 65520: 0x7c00, 1 + 0x1p-11: 0x3c00, 1 + 0x1.8p-10: 0x3c02, 0x1.ffep-15: 0x400} {
		if got := toF16(x); got != want {
			t.Errorf("%g is %04x, want %04x", x, got, want)
		}
	}
	for _, c := range [][4]float32{
		{1 + 0x1p-23, 1 + 0x1p-23, -1, 0x1p-22 + 0x1p-46},
		{0x1p-12 + 0x1p-24, 0x1p-12, 1, 1 + 0x1p-23},          // just above half a unit of 1
		{0x1p-12, 0x1p-12, 1, 1},                              // half a unit: to even
		{0x1.000002p0, 0x1.000002p-24, 0x1p30, 0x1p30},        // far below
		{0x1.fffffep0, 0x1.fffffep-1, -0x1.fffffcp0, 0x1p-47}, // what is left of a cancellation
		{-0x1p-12 - 0x1p-24, 0x1p-13, 1, 1 - 0x1p-24},         // below 1 the unit is half as large
		{float32(math.Inf(1)), 1, 0, float32(math.Inf(1))},
	} {
		if got := fma(c[0], c[1], c[2]); got != c[3] {
			t.Errorf("%x*%x + %x is %x, want %x", c[0], c[1], c[2], got, c[3])
		}
	}
}

// TestFused holds the fused product to exact arithmetic, above all where a sum in f64 falls on the
// middle between two f32 and what it lost decides.
func TestFused(t *testing.T) {
	check := func(x, y, z float32) {
		t.Helper()
		exact := func(v float32) *big.Float { return new(big.Float).SetPrec(600).SetFloat64(float64(v)) }
		sum := exact(x)
		sum.Add(sum.Mul(sum, exact(y)), exact(z))
		if want, _ := sum.Float32(); fma(x, y, z) != want {
			t.Errorf("%x*%x + %x is %x, want %x", x, y, z, fma(x, y, z), want)
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		_, e := math.Frexp(float64(r.Uint32()>>8 | 1))
		z := float32(math.Ldexp(1+float64(r.Uint32()>>9)*0x1p-23, e-12))
		_, e = math.Frexp(float64(z))
		half := math.Ldexp(1, e-25) // of a unit of z
		// 2^30 less 1, 2^30 and 2^30 more 1, as products of f32
		for _, f := range [][2]float32{{32767, 32769}, {32768, 32768}, {13325, 80581}} {
			y := float32(float64(f[1]) * half * 0x1p-30)
			for _, sign := range []float32{1, -1} {
				check(f[0], sign*y, z)
				check(f[0], sign*y, -z)
			}
		}
		check(float32(r.NormFloat64()), float32(r.NormFloat64()), float32(r.NormFloat64()))
	}
}

// TestRelations holds every relation on pairs that are less, equal, greater and not ordered.
func TestRelations(t *testing.T) {
	nan := float32(math.NaN())
	for _, c := range []struct {
		x, y  float32
		holds string // the relations that do
	}{
		{1, 2, "NotEqual Less LessEqual"},
		{2, 2, "Equal LessEqual GreaterEqual NotLess"},
		{3, 2, "NotEqual Greater GreaterEqual NotLess"},
		{0, float32(math.Copysign(0, -1)), "Equal LessEqual GreaterEqual NotLess"},
		{nan, 2, "NotEqual NotLess"}, {2, nan, "NotEqual NotLess"}, {nan, nan, "NotEqual NotLess"},
	} {
		var got []string
		for r, name := range []string{"Equal", "NotEqual", "Less", "LessEqual", "Greater", "GreaterEqual", "NotLess"} {
			if holds(r, c.x, c.y) {
				got = append(got, name)
			}
		}
		if strings.Join(got, " ") != c.holds {
			t.Errorf("%g and %g: %v, want %s", c.x, c.y, got, c.holds)
		}
	}
}

// TestString prints a function: nothing in it depends on when or where it was built.
func TestString(t *testing.T) {
	b, p, n := start()
	b.Note("a phase")
	acc := b.Zero(testF32, "acc")
	b.Loop(n, 8, func() {
		x := b.Mul(b.Load(testF32, At(p, 4), "x"), SplatF32(0.5))
		b.FMA(acc, x, b.Broadcast(testF32, Mem{Base: p, Index: n, Scale: 4, Off: -8}, "y"))
		b.CompareF(x, NotLess, acc)
		b.Order(x, Lanes{1, 0, 0, 0, 0, 0, 0, 0})
		b.Xor(x, Splat(1<<31))
	})
	b.HSum(acc, At(p, 0))
	want := `func f(p *byte, n int) {
	p.1: addr = param 0
	n.2: word = param 1
	// a phase
	acc.3: f32x8 = zero
	for n.2 by 8 {
		x.4: f32x8 = load [p.1+4]
		mul.5: f32x8 = mul x.4, all 0.5
		y.6: f32x8 = broadcast [p.1+n.2*4-8]
		fma acc.3, mul.5, y.6
		comparef.7: i32x8 = comparef mul.5, not <, acc.3
		order.8: f32x2 = order mul.5, {1 0}
		xor.9: f32x8 = xor mul.5, all 0x80000000
	}
	hsum acc.3, [p.1]
}
`
	if got := b.F.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
