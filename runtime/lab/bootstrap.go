package lab

import (
	"math"
	"math/rand/v2"
	"slices"
)

const (
	confidence = .95
	resamples  = 4000
)

// bootstrap makes intervals of means over chunks. The draws depend on nothing but the number of
// chunks, so that equal measurements give equal intervals, and cells that share chunks share draws.
type bootstrap struct{ draws map[int][]int32 }

// interval is the mean of x, one value per chunk, with its interval of 95 %: the percentiles of the
// means of resamples. Percentiles of few values are too narrow; they are taken further out by as
// much as Student's interval is wider than the normal one (Hesterberg, "What teachers should know
// about the bootstrap", 2015, the expanded percentile interval).
func (b *bootstrap) interval(x []float64) Estimate {
	e := Estimate{Mean: mean(x)}
	e.Low, e.High = e.Mean, e.Mean
	n := len(x)
	if n < 2 {
		return e
	}
	means := make([]float64, resamples)
	for i, d := range b.of(n) {
		means[i/n] += x[d]
	}
	for i := range means {
		means[i] /= float64(n)
	}
	slices.Sort(means)
	k := int(tail(n) * resamples)
	// A mean of equal values may differ from them in the last bit, which is no interval.
	e.Low, e.High = min(means[k], e.Mean), max(means[resamples-1-k], e.Mean)
	if slices.Min(x) == slices.Max(x) {
		e = Estimate{x[0], x[0], x[0]}
	}
	return e
}

// tail is the share of the means of resamples of n values that lies below the interval of 95 %:
// what the normal distribution has beyond Student's t. That is counted in deviations of a resample,
// which are smaller than a sample's.
func tail(n int) float64 {
	t := student(confidence, n-1) * math.Sqrt(float64(n)/float64(n-1))
	return math.Erfc(t/math.Sqrt2) / 2
}

// of returns the draws for n chunks, resamples times n.
func (b *bootstrap) of(n int) []int32 {
	if d, ok := b.draws[n]; ok {
		return d
	}
	r := rand.New(rand.NewPCG(20, uint64(n)))
	d := make([]int32, resamples*n)
	for i := range d {
		d[i] = int32(r.IntN(n))
	}
	if b.draws == nil {
		b.draws = map[int][]int32{}
	}
	b.draws[n] = d
	return d
}

// mean of x, 0 for none.
func mean(x []float64) float64 {
	s := 0.0
	for _, v := range x {
		s += v
	}
	return s / float64(max(1, len(x)))
}
