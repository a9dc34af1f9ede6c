package attention

import "github.com/kvgen/kvgen/runtime/cpu"

// Offset is a constant mu taken out of the keys of one layer before RoPE. Keys are stored as R_p (k
// - mu), so that q . R_p mu is missing in the score of a query q with the key at position p. With
// RoPE's frequencies f that is
//
//	sum over pairs of a cos(p f) + b sin(p f)    a = q0 mu0 + q1 mu1, b = q1 mu0 - q0 mu1
//
// and with p = c + j, a and b rotated by c f once per block of positions around c, a product with a
// table of cos(j f) and sin(j f) that is the same for all blocks and stays in the first-level
// cache. Rope makes the table smaller still.
type Offset struct {
	Mu   []float32 // [KVHeads][KeyDim]
	Rope *Rope
}

// Subtract takes the constant out of the keys of one token, [KVHeads][KeyDim], before RoPE.
func (o *Offset) Subtract(v cpu.Vec, k []float32) { v.Blend(k, o.Mu, 1, -1) }

// coefficients forms a and b of one query of a KV head, [2*pairs].
func (o *Offset) coefficients(coef, q []float32, kvHead int) {
	t := o.Rope
	mu := o.Mu[kvHead*t.keyDim:][:t.keyDim]
	n := len(t.freq)
	a, b := coef[:t.pairs], coef[t.pairs:2*t.pairs]
	clear(a[n:])
	clear(b[n:])
	for i, pair := range t.order {
		k, l := pair, pair+n
		if t.adjacent {
			k, l = 2*pair, 2*pair+1
		}
		a[i] = t.scale * (float32(q[k]*mu[k]) + float32(q[l]*mu[l]))
		b[i] = t.scale * (float32(q[l]*mu[k]) - float32(q[k]*mu[l]))
	}
	for i := 2 * n; i < t.keyDim; i++ {
		a[n] += float32(q[i] * mu[i])
	}
}

// add adds the missing scores of m query rows with cells at positions pos to x.scores; straight
// says that they are known to follow one another.
func (o *Offset) add(x *worker, coef []float32, m int, pos []int32, straight bool) {
	if straight {
		o.Rope.add(x, coef, m, 0, int(pos[0]), len(pos))
		return
	}
	for at := 0; at < len(pos); {
		p := pos[at]
		if p < 0 {
			at++
			continue
		}
		run := 1 // consecutive positions
		for at+run < len(pos) && pos[at+run] == p+int32(run) {
			run++
		}
		o.Rope.add(x, coef, m, at, int(p), run)
		at += run
	}
}
