package lower

import (
	"fmt"

	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/kernels/abi"
)

// gemmRows is the number of weight rows that meet a panel at a time.
const gemmRows = 4

// Gemm multiplies unpacked rows with one panel of 8 tokens, whose lanes they share:
// out[r][token] = sum over groups of scale * xscale * sum(level*quant) + min * xsum.
// It does not depend on a type, only on the form of its records.
func Gemm(p Panel, c Caps, name string) *ir.Func {
	b := ir.Build(name, []ir.Param{
		{Name: "out", Type: addr, Go: "*float32"},
		{Name: "w", Type: addr, Go: "*byte"}, {Name: "ldw", Type: word, Go: "int"},
		{Name: "x", Type: addr, Go: "*float32"},
		{Name: "rows", Type: word, Go: "int"}, {Name: "groups", Type: word, Go: "int"},
	}, fmt.Sprintf("%s multiplies unpacked rows with a panel of 8 tokens; rows is a multiple of %d, ldw in bytes.", name, gemmRows), "",
		"\tfor r := range rows {", "\t\tfor j := range 8 {", "\t\t\tout[r][j] = sum(w[r][i] * x[i][j]) // over all i", "\t\t}", "\t}")
	g := &gemm{b: b, p: p, c: c}
	out, w, rows := b.Param(0), b.Param(1), b.Param(4)
	b.Loop(rows, gemmRows, func() {
		acc := accumulators(b, f32s(ir.VectorLanes), gemmRows, "acc")
		ld := b.Param(2)
		g.w = cursors(b, b.Copy(w, "w"), ld, gemmRows)
		g.x = b.Param(3)
		b.Loop(b.Param(5), 1, func() {
			g.group(acc)
			g.w.advance(b, p.Bytes)
			b.AddImm(g.x, abi.PanelBytes)
		})
		for r, a := range acc {
			b.Store(a, ir.At(out, 4*abi.ActPanel*r))
		}
		b.AddImm(out, 4*abi.ActPanel*gemmRows)
		for range gemmRows {
			b.AddInt(w, ld)
		}
	})
	return b.F
}

type gemm struct {
	b *ir.Builder
	p Panel
	c Caps
	w tileRows
	x *ir.Value
}

// group adds one record of each row.
func (g *gemm) group(acc []*ir.Value) {
	b, steps := g.b, chunk/4 // of 4 values
	if g.p.Halves {
		steps = 4
	}
	for first := 0; first < chunk/4; first += steps {
		sums := g.products(first, steps)
		d := b.Load(f32s(ir.VectorLanes), ir.At(g.x, abi.PanelScale), "d")
		half := 4 * (first / 4)
		for r := range acc {
			scale := b.Broadcast(f32s(ir.VectorLanes), g.w.at(r, abi.RecordScale+half), "scale")
			b.FMA(acc[r], b.ToF32(sums[r]), b.Mul(scale, d))
		}
		if !g.p.Min {
			continue
		}
		at := abi.PanelSums + 2*4*abi.ActPanel
		if g.p.Halves {
			at = abi.PanelSums + 8*half
		}
		s := b.Load(f32s(ir.VectorLanes), ir.At(g.x, at), "s")
		for r := range acc {
			b.FMA(acc[r], b.Broadcast(f32s(ir.VectorLanes), g.w.at(r, abi.RecordMin+half), "min"), s)
		}
	}
}

// depth is how many sums of two products fit 16 bits.
func (g *gemm) depth() int {
	if g.p.Signed || g.c.Dot4 {
		return 1
	}
	return max(1, min(8, 32767/((1<<g.p.Bits-1)*127*2)))
}

// products sums level*quant over steps vectors of 4 values for the rows of a tile, in
// 16 bits as long as these suffice.
func (g *gemm) products(first, steps int) []*ir.Value {
	b := g.b
	short, sums := make([]*ir.Value, gemmRows), make([]*ir.Value, gemmRows)
	depth := g.depth()
	for k := first; k < first+steps; k++ {
		x := b.Load(bytes(chunk), ir.At(g.x, chunk*k), "x")
		for r := range gemmRows {
			if g.p.Signed && g.c.SignedDot {
				level := b.LoadDup(bytes(chunk), g.w.at(r, abi.RecordSigned+4*k), 4, "w")
				sums[r] = signedFactor(b, level).addTo(b, sums[r], x)
				continue
			}
			level := b.LoadDup(bytes(chunk), g.w.at(r, 4*k), 4, "w")
			if g.c.SignedDot { // levels of so few bits are signed ones too
				sums[r] = signedFactor(b, level).addTo(b, sums[r], x)
				continue
			}
			q := x
			if g.p.Signed {
				q = b.SignB(x, b.LoadDup(bytes(chunk), g.w.at(r, abi.RecordSigned+4*k), 4, "sign"))
			}
			if depth == 1 {
				sums[r] = factor{bytes: level}.addTo(b, sums[r], q)
				continue
			}
			t := b.PairsU8S8(level, q)
			if short[r] == nil {
				short[r] = t
			} else {
				b.Accumulate(short[r], t)
			}
			if (k-first)%depth == depth-1 || k == first+steps-1 {
				wide := b.WidenPairs(short[r])
				if short[r] = nil; sums[r] == nil {
					sums[r] = wide
				} else {
					b.Accumulate(sums[r], wide)
				}
			}
		}
	}
	return sums
}
