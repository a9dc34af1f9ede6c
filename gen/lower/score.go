package lower

import (
	"fmt"

	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/spec"
)

// Types for the cache alone have one scale per block, and most heads are one block. For
// these Score does what MatmulQ8 does with half the work: levels are made unsigned by
// taking off the smallest, which costs the sum of the quants once per call; quants of 7
// bits leave room for that in sums of 16 bits; four rows are summed together.

// ActLimit is the largest quant of activations in groups of the given length.
func ActLimit(group int) int {
	if group > chunk {
		return 63
	}
	return 127
}

// scoreRows is the number of rows that Score sums together.
const scoreRows = 4

// Score is y[j][r] = sum over i of x[j][i]*w[r][i] for rows that are one block.
func Score(t *spec.Type, c Caps, m int, name string) *ir.Func {
	group := ActGroup(t)
	if group != t.Block || group <= chunk || c.Lanes != 8 {
		giveUp("a row is more than one group of activations")
	}
	b := ir.Build(name, scoreParams, scoreDoc(name, m, " of one block")...)
	k := &score{b: b, r: newReader(b, c, t), t: t, m: m}
	k.prologue()
	y, w, rows := b.Param(0), b.Param(5), b.Param(7)
	b.Loop(rows, scoreRows, func() {
		b.Note("integer sums of 4 rows")
		four := b.ZeroWord("four")
		b.AddImm(four, scoreRows)
		to := b.Copy(k.sums, "to")
		norm := b.Copy(k.norms, "norm")
		b.Loop(four, 1, func() {
			k.row(w, to, norm)
			b.AddImm(to, 32)
			b.AddImm(norm, 4)
			b.AddInt(w, b.Param(6))
		})
		k.finish(y)
	})
	return b.F
}

// scoreParams are those of Score and ScoreQ8.
var scoreParams = []ir.Param{
	{Name: "y", Type: addr, Go: "*float32"}, {Name: "ldy", Type: word, Go: "int"},
	{Name: "q", Type: addr, Go: "*int8"}, {Name: "d", Type: addr, Go: "*float32"}, {Name: "s", Type: addr, Go: "*float32"},
	{Name: "w", Type: addr, Go: "*byte"}, {Name: "stride", Type: word, Go: "int"},
	{Name: "rows", Type: word, Go: "int"}, {Name: "blocks", Type: word, Go: "int"},
}

func scoreDoc(name string, m int, which string) []string {
	return []string{fmt.Sprintf("%s multiplies rows%s with %s in int8; rows is a multiple of %d, ldy and stride in bytes.", name, which, plural(m, "row")+" of activations", scoreRows), "",
		"\tfor r := range rows {", fmt.Sprintf("\t\tfor j := range %d {", m), "\t\t\ty[j][r] = sum(d[j] * q[j][i] * w[r][i]) // over all i", "\t\t}", "\t}"}
}

// score is the state of one Score.
type score struct {
	b *ir.Builder
	r *reader
	t *spec.Type
	m int

	q                  *ir.Value
	sums, norms, fixed *ir.Value // [m][4][8] i32, [4] f32, [m] f32
	scale              spec.Expr
	levels             []byte
	least              int
}

// prologue reserves the frame and computes what smallest level and min add to each row of y.
func (k *score) prologue() {
	b := k.b
	levels, factor, _ := k.r.a.int8Levels()
	k.scale = scaled(k.r.a.Scale, factor, k.t)
	if k.r.a.Min != nil {
		giveUp("a min beside the scale")
	}
	k.least = int(levels[0])
	for _, l := range levels {
		k.least = min(k.least, int(l))
	}
	k.levels = make([]byte, max(16, len(levels)))
	for i, l := range levels {
		k.levels[i] = byte(int(l) - k.least)
	}
	k.sums = b.Slot(32*scoreRows*k.m, "sums")
	k.norms = b.Slot(32, "norms")
	k.fixed = b.Slot(32, "fixed")
	k.q = b.Param(2)
	if k.least == 0 {
		return
	}
	b.Note("fixed: the smallest level times the sum of the activations")
	s := b.Param(4)
	per := k.t.Block / 16
	least := b.Const(f32s(8), splatF32(float32(k.least), 8), "least")
	for j := range k.m {
		v := b.Bin(ir.OpMul, b.Mem1(ir.OpLoadLow, f32s(8), ir.At(s, 4*per*j), per, "s"), least, "s")
		b.Do(ir.OpHSum, ir.Instr{Args: []*ir.Value{v}, Mem: ir.At(k.fixed, 4*j)})
	}
}

// row leaves the sums of level*quant of one row in slots, in 8 lanes, and its scale.
func (k *score) row(w, to, norm *ir.Value) {
	b := k.b
	k.r.at(ir.At(w, 0))
	sums := make([]*ir.Value, k.m)
	for first := 0; first < k.t.Block; first += chunk {
		levels := k.unsigned(first)
		for j := range sums {
			x := b.Load(bytes(chunk), ir.At(k.q, j*k.t.Block+first), "q")
			if sums[j] == nil {
				sums[j] = b.To(ir.OpDotU8S8, i32s(8), "sum", levels, x)
			} else {
				b.Do(ir.OpDotAcc, ir.Instr{Args: []*ir.Value{sums[j], levels, x}})
			}
		}
	}
	for j, s := range sums {
		b.Store(s, ir.At(to, 32*scoreRows*j))
	}
	b.Do(ir.OpStoreLow, ir.Instr{Args: []*ir.Value{k.r.uniform(k.scale, 0)}, Mem: ir.At(norm, 0), Imm: 4})
}

// unsigned gives levels first.. less the smallest.
func (k *score) unsigned(first int) *ir.Value {
	codes := gatherBytes(k.b, k.r.block, k.t, k.r.a.Code, first)
	switch {
	case k.r.isLinear() && k.r.a.Code.Signed:
		return k.b.UnC(ir.OpXor, codes, splatByte(0x80), "levels")
	case k.r.isLinear():
		return codes
	case k.r.a.Code.Signed:
		giveUp("a table with a signed code")
	}
	return k.r.lookup(codes, k.levels)
}

// finish sums the lanes of 4 rows together and scales them.
func (k *score) finish(y *ir.Value) {
	b, four := k.b, f32s(scoreRows)
	b.Note("four results for each row of y")
	norms := b.Load(four, ir.At(k.norms, 0), "norms")
	writeFours(b, y, 1, k.m, func(j int) *ir.Value {
		v := b.To(ir.OpToF32, four, "sum", b.To(ir.OpSum4, i32s(scoreRows), "sum", loadFours(b, i32s(8), k.sums, j)...))
		v = b.Bin(ir.OpMul, v, b.Mem1(ir.OpBroadcast, four, ir.At(b.Param(3), 4*j), 0, "d"), "sum")
		if k.least != 0 {
			v = b.Bin(ir.OpAdd, v, b.Mem1(ir.OpBroadcast, four, ir.At(k.fixed, 4*j), 0, "fixed"), "sum")
		}
		return b.Bin(ir.OpMul, v, norms, "y")
	})
}
