package lower

import (
	"fmt"

	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/spec"
	"github.com/kvgen/kvgen/kernels/abi"
)

// Panel describes the records of a type: a prefill multiplies each row of weights with many tokens,
// so a row is unpacked once, into records as package abi has them.
type Panel struct {
	Signed bool
	Bits   int  // of an unsigned level
	Halves bool // two scales to a record
	Min    bool
	Bytes  int // of a record
}

// panelOf says what records a type has: types whose level is code + constant keep
// the code and move the constant into min, so that bytes stay unsigned and small.
func panelOf(t *spec.Type) Panel {
	if ActGroup(t) == 0 {
		giveUp("the type has no MatmulQ8")
	}
	a := split(t)
	levels, _, _ := a.int8Levels()
	off, linear := a.linear(levels)
	p := Panel{Halves: a.Run%chunk != 0, Min: a.Min != nil, Signed: !linear || a.Code.Signed || a.Code.Bits > 7}
	if p.Bytes = abi.RecordBytes(p.Signed); p.Signed {
		return p
	}
	p.Bits = a.Code.Bits
	p.Min = p.Min || off != 0
	return p
}

// PanelOf is panelOf for callers that take no panic: ok is false when there is none.
func PanelOf(t *spec.Type) (p Panel, ok bool) {
	ok = reason(func() { p = panelOf(t) }) == ""
	return p, ok
}

// Unpack writes the records of one row.
func Unpack(t *spec.Type, c Caps, name string) *ir.Func {
	p := panelOf(t)
	b := ir.Build(name, []ir.Param{
		{Name: "dst", Type: addr, Go: "*byte"},
		{Name: "src", Type: addr, Go: "*byte"},
		{Name: "blocks", Type: word, Go: "int"},
	}, name+" unpacks a row into records of 32 levels, their scales and mins.", "",
		fmt.Sprintf("\tfor i := range blocks * %d {", t.Block), "\t\tr := &dst[i/32]", "\t\tr.level[i%32] = level(src, i) // value = scale*level + min",
		"\t\tr.scale[i%32/16], r.min[i%32/16] = scale(src, i), min(src, i)", "\t}")
	dst, src, blocks := b.Param(0), b.Param(1), b.Param(2)
	r := newReader(b, c, t)
	levels, factor, _ := r.a.int8Levels()
	scale, min := scaled(r.a.Scale, factor, t), r.a.Min
	if off, _ := r.a.linear(levels); !p.Signed && off != 0 {
		min = addOffset(scale, min, float32(off), t.Block)
	}
	b.Loop(blocks, 1, func() {
		r.at(ir.At(src, 0))
		r.prepare(scale)
		r.prepare(min)
		for first := 0; first < t.Block; first += chunk {
			rec := ir.At(dst, first/chunk*p.Bytes)
			if p.Signed {
				v := r.levelBytes(run(first))
				b.Store(b.AbsB(v), rec)
				b.Store(v, rec.Plus(abi.RecordSigned))
			} else {
				b.Store(gatherBytes(b, r.block, t, r.a.Code, run(first)), rec)
			}
			r.storeRuns(scale, first, rec.Plus(abi.RecordScale))
			if min != nil {
				r.storeRuns(min, first, rec.Plus(abi.RecordMin))
			}
		}
		b.AddImm(src, t.Bytes)
		b.AddImm(dst, t.Block/chunk*p.Bytes)
	})
	return b.F
}

// addOffset is min + scale*off; run is that of a constant.
func addOffset(scale, min spec.Expr, off float32, run int) spec.Expr {
	if scale != nil {
		run = scale.Run()
	}
	n := spec.Node{Kind: spec.Float, Shape: spec.Scalar, Same: run}
	var shift spec.Expr = &spec.Num{Node: spec.Node{Kind: spec.Float, Shape: spec.Const, Same: run}, F: off}
	if scale != nil {
		shift = &spec.Binary{Node: n, Op: "*", X: scale, Y: shift}
	}
	if min == nil {
		return shift
	}
	n.Same = gcd(run, min.Run())
	return &spec.Binary{Node: n, Op: "+", X: min, Y: shift}
}

// storeRuns stores e for values first and first+16, or once where one serves both.
func (r *reader) storeRuns(e spec.Expr, first int, to ir.Mem) {
	if perBlock(e, r.t.Block) || e.Run()%chunk == 0 {
		v := r.uniform(e, first)
		r.b.StoreLow(v, to, 8)
		return
	}
	r.fillRuns(e)
	pair := r.b.LoadLow(f32s(ir.VectorLanes), r.run(e, first), 2, "pair")
	r.b.StoreLow(pair, to, 8)
}
