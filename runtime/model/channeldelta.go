package model

import "github.com/kvgen/kvgen/runtime/program"

// ChannelDelta is a recurrent layer by the delta rule whose state forgets each value of the key by
// itself, Kimi Delta Attention (arXiv:2510.26692). Each head keeps a matrix S from keys to values:
//
//	q, k, v = silu(convolutions of Q, K, V . x over the last Taps tokens);  q, k to length 1
//	S = diag(exp(softplus(DecayUp . DecayDown . x + Step) * Decay)) S
//	S = S + k (sigmoid(Beta . x) * (v - S^T k))^T
//	y = Out . (Norm(S^T q / sqrt(Dim)) * sigmoid(GateUp . GateDown . x))
type ChannelDelta struct {
	Heads, Dim, Taps   int
	Q, K, V, Beta, Out Linear
	// tensors of a weight per row of Q, K or V and tap, the oldest token first
	Conv               [3]string
	DecayDown, DecayUp Linear
	GateDown, GateUp   Linear
	Step, Decay        string // of every value of a key; of every head, negative
	Norm               Norm   // of every head
	Eps                float32
}

func (d ChannelDelta) bind(b *binder) any {
	n := d.Heads * d.Dim
	rank := func(l Linear) int { // rows of a matrix, which no key gives
		if t, ok := b.f.Tensor(b.name(string(l), "weight")); ok && len(t.Dims) == 2 {
			return int(min(t.Dims[1], maxSize))
		}
		return d.Dim
	}
	x := &program.ChannelDeltaStep{Heads: d.Heads, Dim: d.Dim, Taps: d.Taps, Eps: d.Eps,
		State:     b.state(3*(d.Taps-1)*n + n*d.Dim),
		In:        b.fuse(b.linear(d.Q, b.width, n), b.linear(d.K, b.width, n), b.linear(d.V, b.width, n), b.linear(d.Beta, b.width, d.Heads)),
		DecayDown: b.fuse(b.linear(d.DecayDown, b.width, rank(d.DecayDown))), DecayUp: b.fuse(b.linear(d.DecayUp, rank(d.DecayDown), n)),
		GateDown: b.fuse(b.linear(d.GateDown, b.width, rank(d.GateDown))), GateUp: b.fuse(b.linear(d.GateUp, rank(d.GateDown), n)),
		Out:  b.fuse(b.linear(d.Out, n, b.width)),
		Step: b.vector(b.name(d.Step, "bias"), n), Decay: b.numbers(b.name(d.Decay, ""), d.Heads), Norm: b.norm(d.Norm, d.Dim),
	}
	for i, name := range d.Conv {
		x.Conv[i] = b.taps(name, d.Taps, n)
	}
	return x
}
