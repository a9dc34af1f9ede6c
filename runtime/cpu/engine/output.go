package engine

// tile is how many tokens' logits are computed together; a large vocabulary makes them megabytes.
const tile = 32

// output makes logits from the residual stream.
type output struct {
	p *pass
	h []float32 // [tile][width]
}

// logits computes those of tokens lo..hi-1 of the batch, a tile at a time.
func (o *output) logits(dst []float32, lo, hi int) error {
	for vocab := o.p.program.Vocab; lo < hi; lo += tile {
		n := min(tile, hi-lo)
		o.h = grow(o.h, n*o.p.width)
		o.hidden(o.h, lo, lo+n)
		if err := o.project(dst[:n*vocab], o.h, n); err != nil {
			return err
		}
		dst = dst[n*vocab:]
	}
	return nil
}

// hidden copies the normalised residual stream of tokens lo..hi-1 of the batch.
func (o *output) hidden(dst []float32, lo, hi int) {
	norm, n := o.p.program.Norm, o.p.width
	for j := range hi - lo {
		x, h := o.p.x[(lo+j)*n:][:n], dst[j*n:][:n]
		if norm != nil {
			normalise(o.p.vec, norm, h, x)
		} else {
			copy(h, x)
		}
	}
}

// project computes n rows of logits from n rows of hidden, at most a batch.
func (o *output) project(logits, hidden []float32, n int) error {
	m := o.p.program
	o.p.n = n // the batch is done; what follows works on these rows
	if err := o.p.matmul(m.Output, hidden, logits); err != nil {
		return err
	}
	if m.Cap > 0 {
		for j := range n {
			o.p.vec.SoftCap(logits[j*m.Vocab:][:m.Vocab], m.Cap)
		}
	}
	return nil
}
