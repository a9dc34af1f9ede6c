package eval

import (
	"math"

	"github.com/kvgen/kvgen/runtime/cpu"
)

// Position is one scored position of a candidate against a reference.
type Position struct {
	KLD     float64 // Kullback-Leibler divergence from the reference, nats
	NLL     float32 // negative log-likelihood of the token that follows, nats
	RefNLL  float32 // the same, of the reference
	SameTop bool    // both find the same token most probable
}

// DeltaP is by how much more probable than the reference the candidate finds the token that
// follows.
func (p Position) DeltaP() float32 {
	return float32(math.Exp(-float64(p.NLL))) - float32(math.Exp(-float64(p.RefNLL)))
}

// isNumber is false where logits were not, or where one of them is without a bound.
func (p Position) isNumber() bool {
	for _, x := range []float64{p.KLD, float64(p.NLL), float64(p.RefNLL)} {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return false
		}
	}
	return true
}

// KLD is the Kullback-Leibler divergence of the distributions of two rows of logits, sum of p (ln p
// - ln q) with p of the reference, over the whole vocabulary, in nats. Of a row and itself it is
// exactly 0.
func KLD(ref, candidate []float32) float64 {
	return Compare(ref, candidate, 0).KLD
}

// Compare scores a candidate's logits against a reference's; target is the token that follows.
func Compare(ref, candidate []float32, target int32) Position {
	var r row
	var s scratch
	r.set(ref, make([]float32, len(ref)))
	return r.compare(candidate, target, &s)
}

// row is a reference's logits at one position, with what does not depend on the candidate.
type row struct {
	z, e []float32 // [vocab] logits; exp(z - top)
	top  float32
	sum  float64 // of e
	ln   float64 // of sum
	best int     // the first z that is top
}

// set reads z and keeps it; e is memory of its length.
func (r *row) set(z, e []float32) {
	r.z, r.e, r.top = z, e, cpu.Max(z)
	copy(e, z)
	cpu.ExpSum(e, 1, r.top)
	r.sum = 0
	// as logSumExp adds, so that equal logits have equal sums to the last bit
	for lo := 0; lo < len(e); lo += pieceSize {
		r.sum += sum(e[lo:min(lo+pieceSize, len(e))])
	}
	r.ln = math.Log(r.sum)
	r.best = 0
	for r.best < len(z)-1 && z[r.best] != r.top {
		r.best++
	}
}

// compare scores a candidate's logits; target is the token that follows. The logits of the two are
// subtracted first, so that equal ones add nothing: ln p - ln q is that difference plus one number
// for all tokens.
func (r *row) compare(z []float32, target int32, s *scratch) Position {
	top, ln := s.logSumExp(z)
	shift := float64(top-r.top) + (ln - r.ln)
	return Position{
		KLD:     weighted(r.e, r.z, z)/r.sum + shift,
		NLL:     float32(float64(top-z[target]) + ln),
		RefNLL:  float32(float64(r.top-r.z[target]) + r.ln),
		SameTop: z[r.best] == top && (r.best == 0 || cpu.Max(z[:r.best]) < top),
	}
}

// scratch is the memory of one worker, a piece of a row that stays in the first-level cache.
type scratch struct{ piece [pieceSize]float32 }

const pieceSize = 2048 // values

// logSumExp is LogSumExp by vectors, a piece at a time.
func (s *scratch) logSumExp(z []float32) (top float32, ln float64) {
	top = cpu.Max(z)
	total := 0.0
	for lo := 0; lo < len(z); lo += len(s.piece) {
		n := copy(s.piece[:], z[lo:])
		cpu.ExpSum(s.piece[:n], 1, top)
		total += sum(s.piece[:n])
	}
	return top, math.Log(total)
}

// sum adds f32 in f64.
func sum(x []float32) float64 {
	var s [4]float64
	for ; len(x) >= 4; x = x[4:] {
		s[0] += float64(x[0])
		s[1] += float64(x[1])
		s[2] += float64(x[2])
		s[3] += float64(x[3])
	}
	for _, v := range x {
		s[0] += float64(v)
	}
	return (s[0] + s[1]) + (s[2] + s[3])
}

// weighted is the sum of e (a - b), differences in f32 and their products in f64.
func weighted(e, a, b []float32) float64 {
	var s [4]float64
	a, b = a[:len(e)], b[:len(e)]
	for ; len(e) >= 4; e, a, b = e[4:], a[4:], b[4:] {
		s[0] += float64(e[0]) * float64(a[0]-b[0])
		s[1] += float64(e[1]) * float64(a[1]-b[1])
		s[2] += float64(e[2]) * float64(a[2]-b[2])
		s[3] += float64(e[3]) * float64(a[3]-b[3])
	}
	for i, w := range e {
		s[0] += float64(w) * float64(a[i]-b[i])
	}
	return (s[0] + s[1]) + (s[2] + s[3])
}
