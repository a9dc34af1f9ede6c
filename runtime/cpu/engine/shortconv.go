package engine

import (
	"github.com/kvgen/kvgen/runtime/cpu"
	"github.com/kvgen/kvgen/runtime/program"
)

// shortPass is a batch in a ShortConv.
type shortPass struct {
	p    *pass
	in   []float32 // [n][b, c, x] of width each
	u, y []float32 // [n][width]
	conv convolution
	last bool // c * y is to be formed, else b * x
}

// shortConv computes y from x.
func (p *pass) shortConv(s *program.ShortConvStep, y, x []float32) error {
	t, width := &p.short, p.width
	t.p, t.in, t.u, t.y = p, grow(t.in, 3*p.n*width), grow(t.u, p.n*width), grow(t.y, p.n*width)
	if err := p.matmul(s.In, x, t.in); err != nil {
		return err
	}
	t.last = false
	if err := p.each(t, p.n); err != nil {
		return err
	}
	t.conv = convolution{p: p, channels: width, taps: s.Taps, src: t.u, ld: width, dst: t.y, weights: s.Conv, state: s.State}
	if err := p.pool.Run(&t.conv); err != nil {
		return err
	}
	t.last = true
	if err := p.each(t, p.n); err != nil {
		return err
	}
	return p.matmul(s.Out, t.y, y)
}

func (t *shortPass) Do(w, workers int) {
	n := t.p.width
	lo, hi := cpu.Split(t.p.n, 1, w, workers)
	for j := lo; j < hi; j++ {
		b, c, x := t.in[3*j*n:][:n], t.in[(3*j+1)*n:][:n], t.in[(3*j+2)*n:][:n]
		if y := t.y[j*n:][:n]; t.last {
			t.p.vec.Mul(y, y, c)
		} else {
			t.p.vec.Mul(t.u[j*n:][:n], b, x)
		}
	}
}
