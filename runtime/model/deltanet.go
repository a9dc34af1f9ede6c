package model

// DeltaNet is a recurrent layer by the gated delta rule (arXiv:2412.06464). Each value head keeps a matrix S from keys to
// values, which for every token forgets a part, is corrected where the token's key leads to another value, and is read by
// the token's query:
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
	Conv                        string // tensor of a weight per row of QKV and tap, the oldest token first
	Decay, Step                 string // tensors of a value per value head; Decay is negative
	Norm                        Norm   // of every head
	Eps                         float32
}

// deltaNet is a DeltaNet with its tensors.
type deltaNet struct {
	keys, values, dim, taps int
	channels                int // rows of QKV
	state                   int // number of the layer's State

	in, out     *group
	conv        []float32 // [taps][channels]
	decay, step []float32 // [values]
	norm        *norm
	eps         float32
	ones        []float32 // [dim]
}

func (d DeltaNet) bind(b *binder) body {
	keys, values := d.KeyHeads*d.Dim, d.ValueHeads*d.Dim
	x := &deltaNet{keys: d.KeyHeads, values: d.ValueHeads, dim: d.Dim, taps: d.Taps, channels: 2*keys + values, eps: d.Eps,
		in: b.together(b.linear(d.QKV, b.width, 2*keys+values), b.linear(d.Gate, b.width, values),
			b.linear(d.Alpha, b.width, d.ValueHeads), b.linear(d.Beta, b.width, d.ValueHeads)),
		out:   b.together(b.linear(d.Out, values, b.width)),
		decay: b.vector(b.name(d.Decay, ""), d.ValueHeads), step: b.vector(b.name(d.Step, "bias"), d.ValueHeads),
		norm: b.norm(d.Norm, d.Dim),
	}
	if byChannel := b.table(b.name(d.Conv, "weight"), d.Taps, x.channels); byChannel != nil {
		x.conv = make([]float32, len(byChannel))
		for i, w := range byChannel {
			x.conv[i%d.Taps*x.channels+i/d.Taps] = w
		}
		x.ones = make([]float32, d.Dim)
		for i := range x.ones {
			x.ones[i] = 1
		}
	}
	x.state = len(b.states)
	size := (d.Taps-1)*x.channels + values*d.Dim
	b.states = append(b.states, stateSize{layer: b.layer, values: size})
	b.others = append(b.others, Other{Layer: b.layer, State: 4 * size, Reads: -1})
	return x
}

// stateSize is the state that a layer wants of a cache.
type stateSize struct{ layer, values int }

func (d *deltaNet) forward(p *pass, y, x []float32) error {
	t := &p.delta
	t.p, t.d = p, d
	t.qkv, t.mixed = grow(t.qkv, p.n*d.channels), grow(t.mixed, p.n*d.channels)
	t.gate, t.out = grow(t.gate, p.n*d.values*d.dim), grow(t.out, p.n*d.values*d.dim)
	t.alpha, t.beta = grow(t.alpha, p.n*d.values), grow(t.beta, p.n*d.values)
	if err := p.matmul(d.in, x, t.qkv, t.gate, t.alpha, t.beta); err != nil {
		return err
	}
	t.conv.deltaPass, t.rule.deltaPass = t, t
	if err := p.pool.Run(&t.conv); err != nil {
		return err
	}
	if err := p.pool.Run(&t.rule); err != nil {
		return err
	}
	return p.matmul(d.out, t.gate, y)
}
