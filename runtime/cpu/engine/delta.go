package engine

import (
	"math"

	"github.com/kvgen/kvgen/runtime/cpu"
	"github.com/kvgen/kvgen/runtime/program"
)

// deltaPass is a batch in a DeltaNet. Tokens of a sequence follow one another, so that the work is
// shared out by heads.
type deltaPass struct {
	p        *pass
	d        *program.DeltaStep
	channels int // d.Channels()

	qkv, mixed  []float32 // [n][channels] before and after the convolution
	gate, out   []float32 // [n][values][dim]; the layer's output takes the place of gate
	alpha, beta []float32 // [n][values]

	conv convTask
	rule ruleTask
}

// deltaNet computes y from x.
func (p *pass) deltaNet(d *program.DeltaStep, y, x []float32) error {
	t := &p.delta
	t.p, t.d = p, d
	t.channels = d.Channels()
	t.qkv, t.mixed = grow(t.qkv, p.n*t.channels), grow(t.mixed, p.n*t.channels)
	t.gate, t.out = grow(t.gate, p.n*d.ValueHeads*d.Dim), grow(t.out, p.n*d.ValueHeads*d.Dim)
	t.alpha, t.beta = grow(t.alpha, p.n*d.ValueHeads), grow(t.beta, p.n*d.ValueHeads)
	if err := p.matmul(d.In, x, t.qkv, t.gate, t.alpha, t.beta); err != nil {
		return err
	}
	t.conv.deltaPass, t.rule.deltaPass = t, t
	if err := p.pool.Run(&t.conv); err != nil {
		return err
	}
	if err := p.pool.Run(&t.rule); err != nil {
		return err
	}
	return p.matmul(d.Out, t.gate, y)
}

// convTask mixes each head of Q, K and V over time, and brings queries and keys to their length.
type convTask struct{ *deltaPass }

func (t *convTask) Do(w, workers int) {
	d := t.d
	tmp := grow(t.p.workers[w].out, d.Dim)
	t.p.workers[w].out = tmp
	lo, hi := cpu.Split(t.channels/d.Dim, 1, w, workers)
	for head := lo; head < hi; head++ {
		at, first := head*d.Dim, 0
		for _, run := range t.p.runs {
			history, _ := t.state(run.Seq)
			for j := range run.N {
				y := t.mixed[(first+j)*t.channels+at:][:d.Dim]
				clear(y)
				for tap := range d.Taps {
					t.p.vec.Mul(tmp, t.seen(history, first, j+tap, at), d.Conv[tap*t.channels+at:][:d.Dim])
					t.p.vec.Add(y, tmp)
				}
				activate(t.p.vec, program.SiLU, y)
				switch {
				case head < d.KeyHeads:
					t.p.vec.Scale(y, unit(y, d.Eps)/float32(math.Sqrt(float64(d.Dim))))
				case head < 2*d.KeyHeads:
					t.p.vec.Scale(y, unit(y, d.Eps))
				}
			}
			for r := range d.Taps - 1 {
				copy(history[r*t.channels+at:][:d.Dim], t.seen(history, first, run.N+r, at))
			}
			first += run.N
		}
	}
}

// state is what the layer keeps of a sequence: history [taps-1][channels], QKV of its last tokens,
// the oldest first, and matrices [values][dim of the key][dim of the value].
func (t *deltaPass) state(seq int) (history, matrices []float32) {
	all := t.p.cache.StateSeq(t.d.State, seq)
	n := (t.d.Taps - 1) * t.channels
	return all[:n], all[n:]
}

// seen is a head of token i of those in a history followed by those of the batch from number first
// on.
func (t *deltaPass) seen(history []float32, first, i, at int) []float32 {
	d := t.d
	if old := d.Taps - 1; i >= old {
		return t.qkv[(first+i-old)*t.channels+at:][:d.Dim]
	}
	return history[i*t.channels+at:][:d.Dim]
}

// unit is the factor that brings x to length 1, or its length below 1 where it is nearly 0.
func unit(x []float32, eps float32) float32 {
	var sum float64
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return float32(1 / math.Max(math.Sqrt(sum), float64(eps)))
}

// ruleTask applies the rule to the matrix of each head, token by token.
type ruleTask struct{ *deltaPass }

func (t *ruleTask) Do(w, workers int) {
	lo, hi := cpu.Split(t.d.ValueHeads, 1, w, workers)
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
	dim, mixed := d.Dim, t.mixed[j*t.channels:][:t.channels]
	q := mixed[d.KeyHead(head)*dim:][:dim]
	k := mixed[(d.KeyHeads+d.KeyHead(head))*dim:][:dim]
	v := mixed[(2*d.KeyHeads+head)*dim:][:dim]
	s := matrices[head*dim*dim:][:dim*dim]

	keep := float32(math.Exp(softplus(float64(t.alpha[j*d.ValueHeads+head]+d.Step[head])) * float64(d.Decay[head])))
	rate := float32(1 / (1 + math.Exp(-float64(t.beta[j*d.ValueHeads+head]))))

	held := grow(t.p.workers[w].out, dim) // what k leads to before the correction
	t.p.workers[w].out = held
	clear(held)
	for i, x := range k {
		t.p.vec.Blend(held, s[i*dim:][:dim], 1, x)
	}
	t.p.vec.Blend(v, held, rate, -rate*keep)
	out := t.out[(j*d.ValueHeads+head)*dim:][:dim]
	clear(out)
	for i, x := range k {
		row := s[i*dim:][:dim]
		t.p.vec.Blend(row, v, keep, x)
		t.p.vec.Blend(out, row, 1, q[i])
	}
	normalise(t.p.vec, d.Norm, out, out)
	t.p.vec.SiLUMul(t.gate[(j*d.ValueHeads+head)*dim:][:dim], out)
}

func softplus(x float64) float64 {
	if x > 20 {
		return x
	}
	return math.Log1p(math.Exp(x))
}
