package model

import (
	"math"

	"github.com/kvgen/kvgen/runtime/cpu"
)

// deltaPass is a batch in a DeltaNet. Tokens of a sequence follow one another, so that the work is shared out by heads.
type deltaPass struct {
	p *pass
	d *deltaNet

	qkv, mixed  []float32 // [n][channels] before and after the convolution
	gate, out   []float32 // [n][values][dim]; the layer's output takes the place of gate
	alpha, beta []float32 // [n][values]

	conv convTask
	rule ruleTask
}

// convTask mixes each head of Q, K and V over time, and brings queries and keys to their length.
type convTask struct{ *deltaPass }

func (t *convTask) Do(w, workers int) {
	d := t.d
	tmp := grow(t.p.workers[w].out, d.dim)
	t.p.workers[w].out = tmp
	lo, hi := cpu.Split(d.channels/d.dim, 1, w, workers)
	for head := lo; head < hi; head++ {
		at, first := head*d.dim, 0
		for _, run := range t.p.runs {
			history, _ := t.state(run.Seq)
			for j := range run.N {
				y := t.mixed[(first+j)*d.channels+at:][:d.dim]
				clear(y)
				for tap := range d.taps {
					cpu.Mul(tmp, t.seen(history, first, j+tap, at), d.conv[tap*d.channels+at:][:d.dim])
					cpu.Add(y, tmp)
				}
				cpu.SiLUMul(y, d.ones)
				switch {
				case head < d.keys:
					cpu.Scale(y, d.unit(y)/float32(math.Sqrt(float64(d.dim))))
				case head < 2*d.keys:
					cpu.Scale(y, d.unit(y))
				}
			}
			for r := range d.taps - 1 {
				copy(history[r*d.channels+at:][:d.dim], t.seen(history, first, run.N+r, at))
			}
			first += run.N
		}
	}
}

// state is what the layer keeps of a sequence: history [taps-1][channels], QKV of its last tokens, the oldest first, and
// matrices [values][dim of the key][dim of the value].
func (t *deltaPass) state(seq int) (history, matrices []float32) {
	all := t.p.cache.StateSeq(t.d.state, seq)
	n := (t.d.taps - 1) * t.d.channels
	return all[:n], all[n:]
}

// seen is a head of token i of those in a history followed by those of the batch from number first on.
func (t *deltaPass) seen(history []float32, first, i, at int) []float32 {
	d := t.d
	if old := d.taps - 1; i >= old {
		return t.qkv[(first+i-old)*d.channels+at:][:d.dim]
	}
	return history[i*d.channels+at:][:d.dim]
}

// unit is the factor that brings x to length 1, or its length below 1 where it is nearly 0.
func (d *deltaNet) unit(x []float32) float32 {
	var sum float64
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return float32(1 / math.Max(math.Sqrt(sum), float64(d.eps)))
}

// ruleTask applies the rule to the matrix of each head, token by token.
type ruleTask struct{ *deltaPass }

func (t *ruleTask) Do(w, workers int) {
	lo, hi := cpu.Split(t.d.values, 1, w, workers)
	for head := lo; head < hi; head++ {
		j := 0
		for _, run := range t.p.runs {
			_, matrices := t.state(run.Seq)
			for range run.N {
				t.step(w, matrices, head, j)
				j++
			}
		}
	}
}

// step is one token of one head.
func (t *ruleTask) step(w int, matrices []float32, head, j int) {
	d := t.d
	dim, mixed := d.dim, t.mixed[j*d.channels:][:d.channels]
	q := mixed[head%d.keys*dim:][:dim]
	k := mixed[(d.keys+head%d.keys)*dim:][:dim]
	v := mixed[(2*d.keys+head)*dim:][:dim]
	s := matrices[head*dim*dim:][:dim*dim]

	keep := float32(math.Exp(softplus(float64(t.alpha[j*d.values+head]+d.step[head])) * float64(d.decay[head])))
	rate := float32(1 / (1 + math.Exp(-float64(t.beta[j*d.values+head]))))

	held := grow(t.p.workers[w].out, dim) // what k leads to before the correction
	t.p.workers[w].out = held
	clear(held)
	for i, x := range k {
		cpu.Blend(held, s[i*dim:][:dim], 1, x)
	}
	cpu.Blend(v, held, rate, -rate*keep)
	out := t.out[(j*d.values+head)*dim:][:dim]
	clear(out)
	for i, x := range k {
		row := s[i*dim:][:dim]
		cpu.Blend(row, v, keep, x)
		cpu.Blend(out, row, 1, q[i])
	}
	d.norm.apply(out, out)
	cpu.SiLUMul(t.gate[(j*d.values+head)*dim:][:dim], out)
}

func softplus(x float64) float64 {
	if x > 20 {
		return x
	}
	return math.Log1p(math.Exp(x))
}
