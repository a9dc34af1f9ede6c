package optest

import (
	"bytes"

	"github.com/kvgen/kvgen/gen/ir"
)

var (
	bytes32 = ir.Type{Elem: ir.I8, Lanes: 32}
	lanes8  = ir.Type{Elem: ir.I32, Lanes: 8}
)

// scalars are functions that show what operations on addresses and words do, by what is loaded and
// stored there.
var scalars = map[ir.Op]func(b *ir.Builder, p *ir.Value){
	ir.OpParam: func(b *ir.Builder, p *ir.Value) { move(b, b.Param(0), p) },
	ir.OpSlot: func(b *ir.Builder, p *ir.Value) {
		first, second := b.Slot(64, "first"), b.Slot(40, "second")
		b.Store(b.Load(bytes32, ir.At(p, arguments), "x"), ir.At(first, 32))
		b.Store(b.Load(bytes32, ir.At(p, arguments+32), "x"), ir.At(second, 8))
		b.Store(b.Load(bytes32, ir.At(first, 32), "x"), ir.At(p, results))
		b.Store(b.Load(bytes32, ir.At(second, 8), "x"), ir.At(p, results+32))
	},
	ir.OpTable: func(b *ir.Builder, p *ir.Value) {
		c := make([]byte, 44)
		for i := range c {
			c[i] = byte(7 * i)
		}
		move(b, b.Table(c, "table"), p)
	},
	ir.OpCopy: func(b *ir.Builder, p *ir.Value) {
		other := b.Copy(p, "other")
		b.AddImm(other, arguments)
		move(b, other, p)
	},
	ir.OpAddImm: func(b *ir.Builder, p *ir.Value) {
		from := b.Copy(p, "from")
		b.AddImm(from, arguments+1000)
		b.AddImm(from, -1000)
		move(b, from, p)
	},
	ir.OpAddInt: func(b *ir.Builder, p *ir.Value) {
		from, n := b.Copy(p, "from"), b.ZeroWord("n")
		b.AddImm(n, 300)
		b.AddInt(n, n)
		b.AddInt(from, n)
		move(b, from, p)
	},
	ir.OpAlign: func(b *ir.Builder, p *ir.Value) {
		for k, n := range []int{32, 64} {
			from, to := b.Copy(p, "from"), b.Copy(p, "to")
			b.AddImm(from, arguments+7)
			b.AddImm(to, 32*k)
			b.Align(from, n)
			move(b, from, to)
		}
	},
	ir.OpFirst: func(b *ir.Builder, p *ir.Value) {
		for n := range 9 {
			count := b.ZeroWord("count")
			b.AddImm(count, n)
			b.Store(b.First(count, 8), ir.At(p, results+32*n))
		}
	},
	ir.OpZero: func(b *ir.Builder, p *ir.Value) {
		b.Store(b.Zero(lanes8, "zero"), ir.At(p, results))
		b.Store(b.Load(bytes32, ir.Mem{Base: p, Index: b.ZeroWord("n"), Scale: 8, Off: arguments}, "x"), ir.At(p, results+32))
	},
	ir.OpFactor: func(b *ir.Builder, p *ir.Value) {
		// Two readers of one factor, and its argument after them.
		x := b.Load(bytes32, ir.At(p, arguments), "x")
		factor, one := b.Factor(x), b.Const(bytes32, bytes.Repeat([]byte{1}, 32), "one")
		b.Store(b.DotS8(factor, one), ir.At(p, results))
		sum := b.Zero(lanes8, "sum")
		b.DotS8Acc(sum, factor, one)
		b.Store(sum, ir.At(p, results+32))
		b.Store(x, ir.At(p, results+64))
	},
	ir.OpPrefetch: func(b *ir.Builder, p *ir.Value) { b.Prefetch(ir.At(p, 1<<20)) },
}

// move copies 32 bytes to the results.
func move(b *ir.Builder, from, to *ir.Value) {
	b.Store(b.Load(bytes32, ir.At(from, 0), "x"), ir.At(to, results))
}
