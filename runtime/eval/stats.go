package eval

import (
	"math"
	"slices"
)

// Sums holds what llama-perplexity's statistics of a candidate are computed from: terms in f32,
// their sums in f64, as there (llama.cpp, tools/perplexity/perplexity.cpp). Standard errors take
// positions for independent.
type Sums struct {
	Count   int
	SameTop int

	nll, nll2, ref, ref2, nllRef float64
	kld, kld2                    float64
	dp, dp2, dp4                 float64
}

// Value is a mean and its standard error.
type Value struct{ Mean, Error float64 }

// Add counts one position.
func (s *Sums) Add(p Position) {
	s.Count++
	if p.SameTop {
		s.SameTop++
	}
	s.nll += float64(p.NLL)
	s.nll2 += float64(p.NLL * p.NLL)
	s.ref += float64(p.RefNLL)
	s.ref2 += float64(p.RefNLL * p.RefNLL)
	s.nllRef += float64(p.NLL * p.RefNLL)
	s.kld += p.KLD
	s.kld2 += p.KLD * p.KLD
	d := p.DeltaP()
	s.dp += float64(d)
	square := float64(d * d)
	s.dp2 += square
	s.dp4 += square * square
}

// value is the mean of a sum. With ten terms or fewer there is no error to speak of.
func (s *Sums) value(sum, squares float64) Value {
	if s.Count < 1 {
		return Value{}
	}
	mean := sum / float64(s.Count)
	v := squares/float64(s.Count) - mean*mean
	if v <= 0 || s.Count <= 10 {
		return Value{mean, 0}
	}
	return Value{mean, math.Sqrt(v / float64(s.Count-1))}
}

// covariance of the means of NLL and RefNLL.
func (s *Sums) covariance() float64 {
	if s.Count < 10 {
		return 0
	}
	n := float64(s.Count)
	return (s.nllRef/n - (s.nll/n)*(s.ref/n)) / (n - 1)
}

// exp is the perplexity of a mean log-likelihood.
func exp(v Value) Value {
	p := math.Exp(v.Mean)
	return Value{p, p * v.Error}
}

// NLL is the candidate's negative log-likelihood of a token, RefNLL the reference's.
func (s *Sums) NLL() Value    { return s.value(s.nll, s.nll2) }
func (s *Sums) RefNLL() Value { return s.value(s.ref, s.ref2) }

// PPL is the candidate's perplexity, RefPPL the reference's.
func (s *Sums) PPL() Value    { return exp(s.NLL()) }
func (s *Sums) RefPPL() Value { return exp(s.RefNLL()) }

// LnRatio is ln(PPL / RefPPL).
func (s *Sums) LnRatio() Value {
	a, b := s.NLL(), s.RefNLL()
	return Value{a.Mean - b.Mean, math.Sqrt(a.Error*a.Error + b.Error*b.Error - 2*s.covariance())}
}

// Ratio is PPL / RefPPL.
func (s *Sums) Ratio() Value { return exp(s.LnRatio()) }

// Difference is PPL - RefPPL.
func (s *Sums) Difference() Value {
	a, b := s.PPL(), s.RefPPL()
	return Value{a.Mean - b.Mean, math.Sqrt(a.Error*a.Error + b.Error*b.Error - 2*a.Mean*b.Mean*s.covariance())}
}

// Correlation is the correlation of NLL and RefNLL over positions.
func (s *Sums) Correlation() float64 { return s.covariance() / (s.NLL().Error * s.RefNLL().Error) }

// KLD is the mean divergence.
func (s *Sums) KLD() Value { return s.value(s.kld, s.kld2) }

// DeltaP is the mean of Position.DeltaP, DeltaPRMS the root of its mean square.
func (s *Sums) DeltaP() Value { return s.value(s.dp, s.dp2) }
func (s *Sums) DeltaPRMS() Value {
	square := s.value(s.dp2, s.dp4)
	rms := math.Sqrt(square.Mean)
	return Value{rms, .5 / rms * square.Error}
}

// SameTopShare is the share of positions with the same most probable token.
func (s *Sums) SameTopShare() Value {
	p := float64(s.SameTop) / float64(s.Count)
	return Value{p, math.Sqrt(p * (1 - p) / float64(s.Count-1))}
}

// Sorted is f of all positions, rising, for Percentile and Median.
func Sorted(all []Position, f func(Position) float32) []float32 {
	x := make([]float32, len(all))
	for i, p := range all {
		x[i] = f(p)
	}
	slices.Sort(x)
	return x
}

// Percentile is the value below which a fraction of the sorted values lies, interpolated between
// neighbours in f32, as llama-perplexity does; 0 for none.
func Percentile(sorted []float32, fraction float32) float32 {
	switch {
	case len(sorted) == 0:
		return 0
	case fraction <= 0:
		return sorted[0]
	case fraction >= 1:
		return sorted[len(sorted)-1]
	}
	p := fraction * float32(len(sorted)-1)
	i := min(int(p), len(sorted)-1)
	p -= float32(i)
	return float32((1-p)*sorted[i]) + float32(p*sorted[min(i+1, len(sorted)-1)])
}

// Median is the middle value, or the mean of the two in the middle; 0 for none.
func Median(sorted []float32) float32 {
	n := len(sorted)
	switch {
	case n == 0:
		return 0
	case n%2 == 0:
		return .5 * (sorted[n/2] + sorted[n/2-1])
	}
	return sorted[n/2]
}
