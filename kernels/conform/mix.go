package conform

import (
	"math"

	"github.com/kvgen/kvgen/kernels"
)

// Mix adds weighted rows once, probs being [M][Rows] without gaps, and compares with the sums in
// float64.
func (s *Subject) Mix(impl *kernels.Impl, p Product, v Weights, probs []float32, ws *kernels.Workspace) error {
	return s.mix(impl.Mix, p, v, probs, ws, func(row []float32) func(i int) float64 {
		return func(i int) float64 {
			size := 7.0 // the sum is added to what was there
			for r, w := range row {
				size += math.Abs(float64(w) * float64(v.Values[r*p.N+i]))
			}
			return 4 * 0x1p-23 * size * math.Sqrt(float64(p.Rows+1))
		}
	})
}

// MixQ8 is Mix with a bound for rounded levels and weights. A weight is moved by up to half a step;
// all moved the same way are far beyond what happens.
func (s *Subject) MixQ8(impl *kernels.Impl, p Product, v Weights, probs []float32, ws *kernels.Workspace) error {
	largest := make([]float64, p.Rows)
	for r := range largest {
		largest[r] = float64(Largest(v.Values[r*p.N:][:p.N]))
	}
	return s.mix(impl.MixQ8, p, v, probs, ws, func(row []float32) func(i int) float64 {
		bound := float64(p.Rows)/65534*float64(Largest(row))*float64(Largest(v.Values)) + 4*0x1p-23*7
		for r, w := range row {
			size := math.Abs(float64(w)) * largest[r]
			bound += 4 * 0x1p-23 * size * math.Sqrt(float64(p.Rows+1))
			if s.Rounded {
				bound += size / 128
			}
		}
		return func(int) float64 { return bound }
	})
}

// mix runs Mix or MixQ8. bound is, for a row of weights, how far value i of its sum may be off.
func (s *Subject) mix(mix func(o []float32, ldo int, p []float32, ldp, m int, v []byte, stride, rows, n int, ws *kernels.Workspace),
	p Product, v Weights, probs []float32, ws *kernels.Workspace, bound func(row []float32) func(i int) float64) error {
	ldp, ldo := p.Rows+p.Slack, p.N+p.Slack
	spreadP := spread(probs, p.Rows, ldp)
	o, fences := sevens(max(0, p.M*ldo-p.Slack))
	keptP, keptV := Frozen(spreadP), FrozenBytes(v.Packed)
	mix(o, ldo, spreadP, ldp, p.M, v.Packed, v.Stride, p.Rows, p.N, ws)
	if err := first(fences(), keptP(), keptV(), untouched(o, p.N, ldo)); err != nil {
		return at(err, "%v", p)
	}
	for j := range p.M {
		row := probs[j*p.Rows:][:p.Rows]
		bound := bound(row)
		for i := range p.N {
			want := 7.0
			for r, w := range row {
				want += float64(w) * float64(v.Values[r*p.N+i])
			}
			if err := within(o[j*ldo+i], want, bound(i)); err != nil {
				return at(err, "%v: o[%d][%d]", p, j, i)
			}
		}
	}
	return nil
}
