package model

import "github.com/kvgen/kvgen/runtime/cpu"

// outputTile is how many tokens' logits are computed together; a large vocabulary makes them megabytes.
const outputTile = 32

// output makes logits from the residual stream.
type output struct {
	p      *pass
	h      []float32 // [tile][width]
	logits []float32 // [tile][vocab]
	last   []float32
	one    [1]int32
	visit  func(int, []float32) error // keep, made once
}

// rows visits the logits of tokens lo..hi-1 of the batch; first is the number of the batch's first token.
func (o *output) rows(lo, hi, first int, visit func(int, []float32) error) error {
	m, n := o.p.m, o.p.m.Width
	for ; lo < hi; lo += outputTile {
		tile := min(outputTile, hi-lo)
		o.h = grow(o.h, tile*n)
		o.logits = grow(o.logits, tile*m.Vocab)
		for j := range tile {
			x, h := o.p.x[(lo+j)*n:][:n], o.h[j*n:][:n]
			if m.norm != nil {
				m.norm.apply(h, x)
			} else {
				copy(h, x)
			}
		}
		o.p.n = tile // the batch is done; what follows works on the tile
		if err := o.p.matmul(m.output, o.h, o.logits, nil, nil); err != nil {
			return err
		}
		for j := range tile {
			l := o.logits[j*m.Vocab:][:m.Vocab]
			if m.cap > 0 {
				cpu.SoftCap(l, m.cap)
			}
			if err := visit(first+lo+j, l); err != nil {
				return err
			}
		}
	}
	return nil
}

// keep is a visit that remembers the logits.
func (o *output) keep(_ int, logits []float32) error {
	o.last = logits
	return nil
}

func grow(s []float32, n int) []float32 {
	if cap(s) < n {
		return make([]float32, n)
	}
	return s[:n]
}
