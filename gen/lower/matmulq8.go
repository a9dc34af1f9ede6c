package lower

import (
	"fmt"

	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/spec"
)

// ActGroup is the number of activations that share a scale in a type's MatmulQ8, 0
// when it has none. Weights share one form of the activations, groups of 32; a type
// for the cache alone takes groups as long as its own scale, so that whole blocks are
// summed as integers.
func ActGroup(t *spec.Type) (group int) {
	_ = reason(func() { group = actGroup(t) })
	return group
}

func actGroup(t *spec.Type) int {
	if !t.Quantised {
		giveUp("plain floats have no levels")
	}
	if t.Block%chunk != 0 {
		giveUp("the block of %d is no multiple of %d", t.Block, chunk)
	}
	a := split(t)
	a.mustBeFaithful()
	switch {
	case a.Run%16 != 0:
		giveUp("a scale serves %s, not 16", plural(a.Run, "value"))
	case len(a.Levels) > 64 && !(&reader{t: t, a: a}).isLinear():
		giveUp("a table of %d levels", len(a.Levels))
	case t.Weight || a.Run%64 != 0:
		return 32
	case a.Run%128 != 0:
		return 64
	}
	return 128
}

// MatmulQ8 is Matmul with x in int8: m rows interleaved group by group (cpu.Act).
// unroll is the number of blocks of one loop turn.
func MatmulQ8(t *spec.Type, c Caps, m, unroll int, name string) *ir.Func {
	group := actGroup(t)
	b := ir.Build(name, []ir.Param{
		{Name: "y", Type: addr, Go: "*float32"}, {Name: "ldy", Type: word, Go: "int"},
		{Name: "q", Type: addr, Go: "*int8"}, {Name: "d", Type: addr, Go: "*float32"}, {Name: "s", Type: addr, Go: "*float32"},
		{Name: "w", Type: addr, Go: "*byte"}, {Name: "stride", Type: word, Go: "int"},
		{Name: "rows", Type: word, Go: "int"}, {Name: "blocks", Type: word, Go: "int"},
	}, fmt.Sprintf("%s multiplies rows of w with %s in int8; ldy and stride in bytes.", name, plural(m, "row")+" of activations"), "",
		"\tfor r := range rows {", fmt.Sprintf("\t\tfor j := range %d {", m),
		fmt.Sprintf("\t\t\ty[j][r] = sum(d[i/%d][j] * q[i/%d][j][i%%%d] * w[r][i]) // over all i", group, group, group), "\t\t}", "\t}")
	k := newQ8(b, c, t, m, group)
	k.y, k.w, k.rows = b.Param(0), b.Param(5), b.Param(7)
	b.Loop(k.rows, 1, func() {
		k.row(8, unroll)
		writeSums(b, k.y, 1, k.acc[:m])
		b.AddInt(k.w, b.Param(6))
	})
	return b.F
}

// MatmulQ8Fours is MatmulQ8 for rows in fours, whose lanes are summed together: short rows,
// such as those of a cache, spend as much on that as on their products.
func MatmulQ8Fours(t *spec.Type, c Caps, m, unroll int, name string) *ir.Func {
	group := ActGroup(t)
	if group == 0 || !t.KV {
		giveUp("not a type for the cache with int8 activations")
	}
	b := ir.Build(name, foursParams, foursDoc(name, m, "")...)
	k := newQ8(b, c, t, m, group)
	k.y, k.w, k.rows = b.Param(0), b.Param(5), b.Param(7)
	sums := b.Slot(ir.VectorBytes*fours*m, "sums")
	b.Loop(k.rows, fours, func() {
		four, to := b.ZeroWord("four"), b.Copy(sums, "to")
		b.AddImm(four, fours)
		b.Loop(four, 1, func() {
			k.row(8, unroll)
			for j, a := range k.acc[:m] {
				b.Store(a, ir.At(to, ir.VectorBytes*fours*j))
			}
			b.AddImm(to, ir.VectorBytes)
			b.AddInt(k.w, b.Param(6))
		})
		b.Note("four results for each row of y")
		writeFours(b, k.y, 1, m, func(j int) *ir.Value {
			return b.Sum4(loadFours(b, f32s(ir.VectorLanes), sums, j)...)
		})
	})
	return b.F
}

// loadFours loads the vectors of 4 rows for row j of y.
func loadFours(b *ir.Builder, t ir.Type, sums *ir.Value, j int) []*ir.Value {
	v := make([]*ir.Value, fours)
	for r := range v {
		v[r] = b.Load(t, ir.At(sums, ir.VectorBytes*(fours*j+r)), "sum")
	}
	return v
}

// writeFours stores 4 results for each of m rows of y, whose stride is parameter ldy, and
// moves y past them.
func writeFours(b *ir.Builder, y *ir.Value, ldy, m int, result func(j int) *ir.Value) {
	var stride *ir.Value
	to := y
	for j := range m {
		v := result(j)
		if j > 0 {
			if stride == nil {
				stride, to = b.Param(ldy), b.Copy(y, "y")
			}
			b.AddInt(to, stride)
		}
		b.Store(v, ir.At(to, 0))
	}
	b.AddImm(y, 4*fours)
}

func newQ8(b *ir.Builder, c Caps, t *spec.Type, m, group int) *q8 {
	k := &q8{reader: newReader(b, c, t), b: b, m: m, group: group}
	_, factor, _ := k.reader.a.int8Levels()
	k.scale, k.min = scaled(k.reader.a.Scale, factor, t), k.reader.a.Min
	k.one = oneRowOf(k)
	return k
}

// row sums the products of the row that k.w points to; the number of blocks is a parameter.
func (k *q8) row(blocks, unroll int) {
	b := k.b
	// A sum waits for the one before it, so a single row of x gets several, and twice as many where
	// little else is between them.
	chains := max(1, k.reader.caps.Chains/2/k.m)
	if k.one != nil {
		chains = k.reader.caps.Chains
	}
	k.acc = accumulators(b, f32s(ir.VectorLanes), k.m*chains, "acc")
	k.q, k.d = b.Param(2), b.Param(3)
	if k.min != nil || k.one != nil && k.one.off != 0 {
		k.s = b.Param(4)
	}
	count, src := b.Param(blocks), b.Copy(k.w, "src")
	switch {
	case k.one != nil:
		unroll = k.one.blocks
		b.Loop(count, unroll, func() { k.turn(src) })
	case unroll > 1:
		b.Loop(count, unroll, func() { k.blocks(src, unroll) })
	}
	if k.one == nil || unroll > 1 {
		b.Loop(count, 1, func() { k.blocks(src, 1) })
	}
	for i := k.m; i < len(k.acc); i++ {
		k.acc[i%k.m] = b.Add(k.acc[i%k.m], k.acc[i])
	}
}

// scaled is the scale of int8 levels: the type's own times the factor of the levels.
func scaled(scale spec.Expr, factor float32, t *spec.Type) spec.Expr {
	if factor == 1 && scale != nil {
		return scale
	}
	f := &spec.Num{Node: spec.Node{Kind: spec.Float, Shape: spec.Const, Same: t.Block}, F: factor}
	if scale == nil {
		return f
	}
	return &spec.Binary{Node: spec.Node{Kind: spec.Float, Shape: spec.Scalar, Same: scale.Run()}, Op: "*", X: scale, Y: f}
}

// q8 is the state of one MatmulQ8.
type q8 struct {
	reader     *reader
	b          *ir.Builder
	m, group   int
	scale, min spec.Expr
	acc        []*ir.Value
	y, w, rows *ir.Value
	q, d, s    *ir.Value
	one        *oneRow // nil where scales are computed block by block
}

func (k *q8) blocks(src *ir.Value, n int) {
	t := k.reader.t
	for i := range n {
		k.reader.at(ir.At(src, i*t.Bytes))
		k.b.Note("scales of the block")
		k.reader.prepare(k.scale)
		k.reader.prepare(k.min)
		for g := 0; g < t.Block; g += k.group {
			k.sumGroup(i*t.Block, g)
		}
	}
	k.advance(src, n)
}

// advance moves all cursors past n blocks.
func (k *q8) advance(src *ir.Value, n int) {
	t := k.reader.t
	k.b.AddImm(src, n*t.Bytes)
	k.b.AddImm(k.q, n*t.Block*k.m)
	k.b.AddImm(k.d, n*t.Block/k.group*4*k.m)
	if k.s != nil {
		k.b.AddImm(k.s, n*t.Block/16*4*k.m)
	}
}

// sumGroup adds values g..g+group-1 of a block that starts at value base of the turn.
func (k *q8) sumGroup(base, g int) {
	b := k.b
	sums := make([]*ir.Value, k.m)
	for first := g; first < g+k.group; first += chunk {
		k.dot(sums, base, first)
		if k.min != nil {
			k.addMin(base, first)
		}
	}
	b.Note("integer sums times both scales")
	scale := k.scaleOf(g)
	for j, sum := range sums {
		d := b.Broadcast(f32s(ir.VectorLanes), ir.At(k.d, 4*((base+g)/k.group*k.m+j)), "d")
		b.FMA(k.chain((base+g)/k.group, j), b.ToF32(sum), b.Mul(d, scale))
	}
}

// chain is the sum of row j that the n-th product goes to.
func (k *q8) chain(n, j int) *ir.Value { return k.acc[(n*k.m+j)%len(k.acc)] }

// dot adds the products of one chunk to sums.
func (k *q8) dot(sums []*ir.Value, base, first int) {
	b := k.b
	b.Note(fmt.Sprintf("levels of values %d to %d, and their products", first, first+chunk-1))
	levels := k.reader.levelBytes(run(first))
	f := factor{bytes: levels}
	if k.reader.signedLevels() {
		f = signedFactor(b, levels)
	}
	for j := range sums {
		at := ((base+first)/k.group*k.m+j)*k.group + (base+first)%k.group
		sums[j] = f.addTo(b, sums[j], b.Load(bytes(chunk), ir.At(k.q, at), "q"))
	}
}

// signedLevels reports whether a level is negative.
func (r *reader) signedLevels() bool {
	levels, _, _ := r.a.int8Levels()
	for _, l := range levels {
		if l < 0 {
			return true
		}
	}
	return false
}

// scaleOf is the scale of a group: one for all lanes, or one for each 16 values.
func (k *q8) scaleOf(first int) *ir.Value {
	r := k.reader
	if perBlock(k.scale, r.t.Block) || k.scale.Run()%chunk == 0 {
		return r.uniform(k.scale, first)
	}
	r.fillRuns(k.scale)
	return k.b.PairBroadcast(f32s(ir.VectorLanes), r.run(k.scale, first), r.run(k.scale, first+16), "scale")
}

// addMin adds min times the sums of 16 activations, two sums to a chunk.
func (k *q8) addMin(base, first int) {
	b, r := k.b, k.reader
	var min *ir.Value
	if perBlock(k.min, r.t.Block) || k.min.Run()%chunk == 0 {
		min = r.uniform(k.min, first)
	} else {
		r.fillRuns(k.min)
		min = b.LoadLow(f32s(ir.VectorLanes), r.run(k.min, first), 2, "min")
	}
	for j := range k.m {
		at := ((base+first)/k.group*k.m+j)*k.group/16 + (base+first)%k.group/16
		b.FMA(k.chain((base+first)/chunk+len(k.acc)/k.m/2, j), min, b.LoadLow(f32s(ir.VectorLanes), ir.At(k.s, 4*at), 2, "s"))
	}
}
