package model

import "github.com/kvgen/kvgen/runtime/cpu"

// outputTile is how many tokens' logits are computed together; a large vocabulary makes them megabytes.
const outputTile = 32

// output makes logits from the residual stream.
type output struct {
	p      *pass
	h      []float32 // [tile][width]
	logits []float32 // [tile][vocab]
}

// rows visits the logits of tokens lo..hi-1 of the batch; first is the number of the batch's first token.
func (o *output) rows(lo, hi, first int, visit func(int, []float32) error) error {
	m := o.p.m
	for ; lo < hi; lo += outputTile {
		tile := min(outputTile, hi-lo)
		o.h = grow(o.h, tile*m.Width)
		o.logits = grow(o.logits, tile*m.Vocab)
		o.hidden(o.h, lo, lo+tile)
		if err := o.project(o.logits, o.h, tile); err != nil {
			return err
		}
		for j := range tile {
			if err := shown(o.logits[j*m.Vocab:][:m.Vocab], first+lo+j, visit); err != nil {
				return err
			}
		}
	}
	return nil
}

// shown visits a row of logits, if they are numbers.
func shown(logits []float32, number int, visit func(int, []float32) error) error {
	if err := numbers(logits, number); err != nil {
		return err
	}
	return visit(number, logits)
}

// hidden copies the normalised residual stream of tokens lo..hi-1 of the batch.
func (o *output) hidden(dst []float32, lo, hi int) {
	m, n := o.p.m, o.p.m.Width
	for j := range hi - lo {
		x, h := o.p.x[(lo+j)*n:][:n], dst[j*n:][:n]
		if m.norm != nil {
			m.norm.apply(h, x)
		} else {
			copy(h, x)
		}
	}
}

// project computes n rows of logits from n rows of hidden, at most a batch.
func (o *output) project(logits, hidden []float32, n int) error {
	m := o.p.m
	o.p.n = n // the batch is done; what follows works on these rows
	if err := o.p.matmul(m.output, hidden, logits); err != nil {
		return err
	}
	if m.cap > 0 {
		for j := range n {
			cpu.SoftCap(logits[j*m.Vocab:][:m.Vocab], m.cap)
		}
	}
	return nil
}

func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
