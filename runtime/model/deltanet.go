package model

import "github.com/kvgen/kvgen/runtime/program"

// DeltaNet is a recurrent layer by the gated delta rule (arXiv:2412.06464). Each value head keeps a
// matrix S from keys to values, which for every token forgets a part, is corrected where the
// token's key leads to another value, and is read by the token's query:
//
//	q, k, v = silu(convolution of QKV . x over the last Taps tokens);  q, k to length 1
//	S = exp(softplus(Alpha . x + Step) * Decay) * S
//	S = S + k (sigmoid(Beta . x) * (v - S^T k))^T
//	y = Out . (Norm(S^T q / sqrt(Dim)) * silu(Gate . x))
//
// Value head h uses the queries and keys of head h mod KeyHeads.
type DeltaNet struct {
	KeyHeads, ValueHeads        int
	Dim                         int    // values of a head
	Taps                        int    // tokens that the convolution sees
	QKV, Gate, Alpha, Beta, Out Linear // QKV: the rows of Q, K and V
	// tensor of a weight per row of QKV and tap, the oldest token first
	Conv        string
	Decay, Step string // tensors of a value per value head; Decay is negative
	Norm        Norm   // of every head
	Eps         float32
}

func (d DeltaNet) bind(b *binder) any {
	keys, values := d.KeyHeads*d.Dim, d.ValueHeads*d.Dim
	channels := 2*keys + values
	x := &program.DeltaStep{KeyHeads: d.KeyHeads, ValueHeads: d.ValueHeads, Dim: d.Dim, Taps: d.Taps, State: len(b.program.States), Eps: d.Eps,
		In: b.fuse(b.linear(d.QKV, b.width, channels), b.linear(d.Gate, b.width, values),
			b.linear(d.Alpha, b.width, d.ValueHeads), b.linear(d.Beta, b.width, d.ValueHeads)),
		Out:   b.fuse(b.linear(d.Out, values, b.width)),
		Decay: b.vector(b.name(d.Decay, ""), d.ValueHeads), Step: b.vector(b.name(d.Step, "bias"), d.ValueHeads),
		Norm: b.norm(d.Norm, d.Dim),
	}
	if byChannel := b.table(b.name(d.Conv, "weight"), d.Taps, channels); byChannel != nil {
		x.Conv = make([]float32, len(byChannel))
		for i, w := range byChannel {
			x.Conv[i%d.Taps*channels+i/d.Taps] = w
		}
	}
	size := (d.Taps-1)*channels + values*d.Dim
	b.program.States = append(b.program.States, program.State{Layer: b.layer, Values: size})
	b.others = append(b.others, Other{Layer: b.layer, State: 4 * size, Reads: -1})
	return x
}
