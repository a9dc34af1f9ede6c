package product

import (
	"fmt"

	"github.com/kvgen/kvgen/kernels/args"
	"github.com/kvgen/kvgen/runtime/gpu"
)

// MostSlots is how long runs of slots should be where an expert has about so many: as long as a
// product with few tokens is, or as a tile of one with many. It is 1 where slots should be
// multiplied one by one.
func MostSlots(each int) int {
	switch {
	case each < 1:
		return 1
	case each >= tileTokens[0]:
		return tileTokens[0]
	case each >= maxDecodeTokens:
		return tileTokens[1]
	}
	most := 2
	for most < decodeTokens && most <= each {
		most *= 2
	}
	return most
}

// tileTokens is the tokens of tiles, the large and the small, as in gemm.cu.
var tileTokens = [2]int{128, 64}

// shapeOf is the kernel whose tiles have so many tokens.
func (x *Kernel) shapeOf(tokens int) *gemmShape {
	for i := range x.prefill.shapes {
		if x.prefill.shapes[i].tokens == tokens {
			return &x.prefill.shapes[i]
		}
	}
	return nil
}

// groupSpace is gemmSpace where the matrix is count matrices; band is matrices.
func (x *Kernel) groupSpace(slots, count int) gemmSpace {
	s := x.inputSpace(slots)
	if s.band = count; x.direct() {
		return s
	}
	rows := uint64(x.Matrix.Rows / count)
	s.band = min(count, max(1, int(x.bandBytes/(x.parts()*rows*x.line()))))
	x.takeWeights(&s, uint64(s.band)*rows)
	return s
}

// GroupWorkspace is the bytes of the device's workspace that RunGroups takes with so many slots in
// runs of up to most.
func (x *Kernel) GroupWorkspace(slots, count, most int) uint64 {
	if most > decodeTokens {
		return x.groupSpace(slots, count).end
	}
	return x.transformedBytes(slots)
}

// runPrefillGroups is RunGroups for runs that are tiles. The matrices of all experts become f16, as
// many at a time as there is room for: with so many slots few experts have none.
func (x *Kernel) runPrefillGroups(y, in uint64, r *Runs, slots, count int) error {
	m, s := x.Matrix, x.groupSpace(slots, count)
	base, err := x.splitInputs(&s, in, slots)
	if err != nil {
		return fmt.Errorf("%w: a product of %d slots with %d experts of %d rows of %d", err, slots, count, m.Rows/count, m.N)
	}
	at := func(offset uint64) uint64 { return base + offset }
	rows := m.Rows / count
	a := args.Gemm{XHigh: at(s.xHigh), XLow: at(s.xLow), XUnits: at(s.xUnits), Y: y, Depth: int32(roundUp(m.N, padding)), Tokens: int32(slots),
		Outputs: int32(rows), Count: int32(rows), Act: int32(x.Act), Expert: r.Expert.Address(), Run: r.First.Address(), Many: r.Slots.Address()}
	if x.Bias != nil {
		a.Bias = x.Bias.Address()
	}
	shape := x.shapeOf(r.Most)
	launch := func() error {
		return shape.kernel.Launch(gpu.Grid{X: r.Count, Y: (rows + shape.rows - 1) / shape.rows, Threads: shape.threads}, &a)
	}
	if x.direct() {
		a.WHigh, a.Pitch, a.Experts = m.weights.Address(), int64(m.at.Pitch), int32(count)
		return launch()
	}
	a.WHigh, a.WLow, a.WUnits, a.Pitch = at(s.wHigh), at(s.wLow), m.units.Address(), 2*int64(a.Depth)
	for first := 0; first < count; first += s.band {
		n := min(s.band, count-first)
		a.Lowest, a.Experts = int32(first), int32(n)
		if err := m.expandInto(a.WHigh, a.WLow, first*rows, n*rows, x.Exact); err != nil {
			return err
		}
		if err := launch(); err != nil {
			return err
		}
	}
	return nil
}
