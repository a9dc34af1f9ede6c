package lower

import "github.com/kvgen/kvgen/gen/ir"

// Four rows of activations, such as those of four query heads, fill a vector where products are
// summed in half a vector of the IR: their sums are added across, and meet one vector of scales.

// sumAcross adds a group's sums of four rows, times their scales, to one vector.
func (k *q8) sumAcross(sums []*ir.Value, base, g int) {
	b, n := k.b, (base+g)/k.group
	four := f32s(fours)
	b.Note("integer sums of four rows times both scales")
	scale := b.Mul(b.Load(four, ir.At(k.d, 4*n*fours), "d"), k.scaleOf(g))
	b.FMA(k.acc[n%len(k.acc)], b.ToF32(b.Sum4(sums...)), scale)
	if k.min == nil {
		return
	}
	at := ir.At(k.s, 4*n*fours*k.group/16)
	both := b.AddPairs(b.Load(four, at, "s"), b.Load(four, at.Plus(4*fours), "s"))
	b.FMA(k.acc[(n+len(k.acc)/2)%len(k.acc)], both, k.reader.uniform(k.min, g))
}

// rowSums are the vectors that a row has left.
func (k *q8) rowSums() []*ir.Value {
	if k.across {
		return k.acc[:1]
	}
	return k.acc[:k.m]
}
