package lower

import (
	"fmt"

	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/spec"
)

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
	lanes      int     // of a vector of sums
	across     bool    // sums of 4 rows are lanes of one vector
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
		if k.min != nil && !k.across {
			k.addMin(base, first)
		}
	}
	if k.across {
		k.sumAcross(sums, base, g)
		return
	}
	b.Note("integer sums times both scales")
	scale := k.scaleOf(g)
	for j, sum := range sums {
		d := b.Broadcast(f32s(k.lanes), ir.At(k.d, 4*((base+g)/k.group*k.m+j)), "d")
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
	switch {
	case k.lanes < ir.VectorLanes:
		f = foldedFactor(b, levels)
	case k.reader.signedLevels():
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
	if k.isUniform(k.scale) {
		return r.uniform(k.scale, first)
	}
	r.fillRuns(k.scale)
	return k.b.PairBroadcast(f32s(ir.VectorLanes), r.run(k.scale, first), r.run(k.scale, first+16), "scale")
}

// addMin adds min times the sums of 16 activations, two sums to a chunk.
func (k *q8) addMin(base, first int) {
	b, r := k.b, k.reader
	var min *ir.Value
	if k.isUniform(k.min) {
		min = r.uniform(k.min, first)
	} else {
		r.fillRuns(k.min)
		min = b.LoadLow(f32s(k.lanes), r.run(k.min, first), 2, "min")
	}
	for j := range k.m {
		at := ((base+first)/k.group*k.m+j)*k.group/16 + (base+first)%k.group/16
		b.FMA(k.chain((base+first)/chunk+len(k.acc)/k.m/2, j), min, b.LoadLow(f32s(k.lanes), ir.At(k.s, 4*at), 2, "s"))
	}
}
