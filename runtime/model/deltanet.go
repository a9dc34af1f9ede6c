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

	// in place of Alpha and Beta, where the file has it: rows of beta, then of alpha, by key head
	BetaAlpha Linear
	// in place of QKV and Gate, where the file has it: rows of q, k, v and gate, by key head
	All     Linear
	Grouped bool // value head h uses those of head h / (ValueHeads/KeyHeads) instead
}

func (d DeltaNet) bind(b *binder) any {
	keys, values := d.KeyHeads*d.Dim, d.ValueHeads*d.Dim
	channels := 2*keys + values
	x := &program.DeltaStep{KeyHeads: d.KeyHeads, ValueHeads: d.ValueHeads, Dim: d.Dim, Taps: d.Taps, State: b.state((d.Taps-1)*channels + values*d.Dim), Eps: d.Eps,
		Grouped: d.Grouped, In: b.fuse(d.matrices(b, channels, values)...),
		Out:   b.fuse(b.linear(d.Out, values, b.width)),
		Decay: b.vector(b.name(d.Decay, ""), d.ValueHeads), Step: b.vector(b.name(d.Step, "bias"), d.ValueHeads),
		Norm: b.norm(d.Norm, d.Dim),
	}
	x.Conv = b.taps(d.Conv, d.Taps, channels)
	return x
}

// matrices is those of QKV, gates, alpha and beta. Rows that a file has by key head are copied into
// this order.
func (d DeltaNet) matrices(b *binder, channels, values int) (all []*program.Weight) {
	r := d.ValueHeads / d.KeyHeads
	if d.All != "" && b.has(b.name(string(d.All), "weight")) {
		w := b.linear(d.All, b.width, channels+values)
		all = append(all, b.runs(w, d.KeyHeads, []int{d.Dim, d.Dim, r * d.Dim, r * d.Dim}, 0, 1, 2), b.runs(w, d.KeyHeads, []int{d.Dim, d.Dim, r * d.Dim, r * d.Dim}, 3))
	} else {
		all = append(all, b.linear(d.QKV, b.width, channels), b.linear(d.Gate, b.width, values))
	}
	if d.BetaAlpha != "" {
		w := b.linear(d.BetaAlpha, b.width, 2*d.ValueHeads)
		return append(all, b.runs(w, d.KeyHeads, []int{r, r}, 1), b.runs(w, d.KeyHeads, []int{r, r}, 0))
	}
	return append(all, b.linear(d.Alpha, b.width, d.ValueHeads), b.linear(d.Beta, b.width, d.ValueHeads))
}

// runs copies rows of w, which is groups of runs of rows, one after the other: first the wanted run
// of every group, then the next wanted one.
func (b *binder) runs(w *program.Weight, groups int, rows []int, wanted ...int) *program.Weight {
	if w == nil {
		return nil
	}
	n, group := w.Type.RowBytes(w.N), 0
	for _, r := range rows {
		group += r
	}
	c := *w
	c.Rows, c.Data, c.Bias = 0, [][]byte{nil}, nil
	err := b.f.Guard(func() error {
		for _, run := range wanted {
			first := 0
			for _, r := range rows[:run] {
				first += r
			}
			for g := range groups {
				c.Data[0] = append(c.Data[0], w.Data[0][(g*group+first)*n:][:rows[run]*n]...)
				c.Rows += rows[run]
			}
		}
		return nil
	})
	if err != nil {
		b.errs = append(b.errs, err)
	}
	return &c
}
