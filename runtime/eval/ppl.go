package eval

import (
	"context"
	"math"

	"github.com/kvgen/kvgen/runtime/cpu"
	"github.com/kvgen/kvgen/runtime/model"
)

// Perplexity is a running measurement.
type Perplexity struct {
	Chunks int // finished
	Count  int // scored tokens

	sum, squares float64 // of the negative log-likelihoods
}

// NLL is the mean negative log-likelihood of a token, in nats.
func (p Perplexity) NLL() float64 { return p.sum / float64(p.Count) }

// PPL is the perplexity.
func (p Perplexity) PPL() float64 { return math.Exp(p.NLL()) }

// Error is the standard error of PPL, as if tokens were independent.
func (p Perplexity) Error() float64 {
	mean := p.NLL()
	variance := p.squares/float64(p.Count) - mean*mean
	if variance <= 0 || p.Count < 2 {
		return 0
	}
	return math.Sqrt(variance/float64(p.Count-1)) * p.PPL()
}

// add scores one token.
func (p *Perplexity) add(nll float64) {
	p.Count++
	p.sum += nll
	p.squares += nll * nll
}

// Measure runs the text and calls progress after each chunk with what is known so far.
func Measure(ctx context.Context, c *model.Context, t Text, o Options, progress func(Perplexity)) (Perplexity, error) {
	var p Perplexity
	err := Run(ctx, c, t, o, func(s Scored) error {
		nll := -LogProb(s.Logits, s.Target)
		if nll-nll != 0 { // NaN or infinite
			return s.notNumbers()
		}
		p.add(nll)
		if p.Count%o.Scored() == 0 {
			p.Chunks++
			if progress != nil {
				progress(p)
			}
		}
		return nil
	})
	return p, err
}

// LogProb is the natural logarithm of the probability of a token.
func LogProb(logits []float32, token int32) float64 {
	top, sum := LogSumExp(logits)
	return float64(logits[token]-top) - sum
}

// LogSumExp returns the largest logit and the logarithm of the sum of exp(logit - largest): terms
// in f32, their sum in f64.
func LogSumExp(logits []float32) (top float32, sum float64) {
	top = cpu.Max(logits)
	var s [4]float64
	i := 0
	for ; i+4 <= len(logits); i += 4 {
		l := logits[i : i+4 : i+4]
		s[0] += float64(cpu.Exp(l[0] - top))
		s[1] += float64(cpu.Exp(l[1] - top))
		s[2] += float64(cpu.Exp(l[2] - top))
		s[3] += float64(cpu.Exp(l[3] - top))
	}
	for ; i < len(logits); i++ {
		s[0] += float64(cpu.Exp(logits[i] - top))
	}
	return top, math.Log((s[0] + s[1]) + (s[2] + s[3]))
}
