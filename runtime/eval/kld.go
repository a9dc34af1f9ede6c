package eval

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/kvgen/kvgen/runtime/cpu"
	"github.com/kvgen/kvgen/runtime/model"
)

// Reference is the logits of all scored positions of a text, in memory: vocabulary x positions x 4 bytes.
type Reference struct {
	text Text
	o    Options
	rows [][]float32 // [position][vocab]
}

// NewReference runs a text and keeps what a candidate is compared with.
func NewReference(ctx context.Context, c *model.Context, t Text, o Options) (*Reference, error) {
	r := &Reference{text: t, o: o}
	err := Run(ctx, c, t, o, func(s Scored) error {
		r.rows = append(r.rows, slices.Clone(s.Logits))
		return nil
	})
	return r, err
}

// Divergence is how far a candidate's predictions are from a reference's.
type Divergence struct {
	Perplexity         // of the candidate
	Mean       float64 // Kullback-Leibler divergence from the reference, nats per scored token
	Max        float64
	SameTop    float64 // share of positions where both find the same token most probable
}

// Compare runs the reference's text with c and compares every scored position. A candidate that computes the same logits
// scores exactly 0.
func (r *Reference) Compare(ctx context.Context, c *model.Context) (Divergence, error) {
	var d Divergence
	sum, same := 0.0, 0
	err := Run(ctx, c, r.text, r.o, func(s Scored) error {
		if d.Count >= len(r.rows) || len(s.Logits) != len(r.rows[d.Count]) {
			return fmt.Errorf("the reference is of another vocabulary")
		}
		ref := r.rows[d.Count]
		kld := KLD(ref, s.Logits)
		if kld != kld {
			return s.notNumbers()
		}
		sum += kld
		d.Max = max(d.Max, kld)
		if top(ref) == top(s.Logits) {
			same++
		}
		d.add(-LogProb(s.Logits, s.Target))
		d.Chunks = s.Chunk + 1
		return nil
	})
	d.Mean, d.SameTop = sum/float64(max(1, d.Count)), float64(same)/float64(max(1, d.Count))
	return d, err
}

// KLD is the Kullback-Leibler divergence of the distributions of two rows of logits, sum of p (ln p - ln q) with p of the
// reference, over the whole vocabulary, in nats.
func KLD(ref, candidate []float32) float64 {
	topP, sumP := LogSumExp(ref)
	topQ, sumQ := LogSumExp(candidate)
	shift := float64(topQ-topP) + (sumQ - sumP) // ln p - ln q is the difference of the logits plus this
	inv := math.Exp(-sumP)
	kld := 0.0
	for i, l := range ref {
		kld += float64(cpu.Exp(l-topP)) * inv * (float64(l-candidate[i]) + shift)
	}
	return kld
}

// top is the first of the largest logits.
func top(logits []float32) int {
	best := 0
	for i, l := range logits {
		if l > logits[best] {
			best = i
		}
	}
	return best
}
