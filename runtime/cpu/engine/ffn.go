package engine

import (
	"math"

	"github.com/kvgen/kvgen/runtime/cpu"
	"github.com/kvgen/kvgen/runtime/program"
)

// gatedFFN computes y from x.
func (p *pass) gatedFFN(s *program.GatedStep, y, x []float32) error {
	if err := p.matmul(s.In, x, p.gate, p.up); err != nil {
		return err
	}
	if err := p.matmul(s.Down, p.gate, y); err != nil || s.SharedGate == nil {
		return err
	}
	return p.shared.run(p, s.SharedGate, y, x)
}

// ffn computes y from x.
func (p *pass) ffn(s *program.PlainStep, y, x []float32) error {
	if err := p.matmul(s.Up, x, p.up); err != nil {
		return err
	}
	if s.XIELU != nil {
		p.bent = xieluTask{p: p, x: p.up, n: s.Up.Parts[0].Rows, XIELU: s.XIELU}
		if err := p.each(&p.bent, p.n); err != nil {
			return err
		}
	}
	return p.matmul(s.Down, p.up, y)
}

// xieluTask is x = xIELU(x).
type xieluTask struct {
	*program.XIELU
	p *pass
	x []float32 // [tokens][n]
	n int
}

func (t *xieluTask) Do(w, workers int) {
	lo, hi := cpu.Split(t.p.n, 1, w, workers)
	for i, v := range t.x[lo*t.n : hi*t.n] {
		y := float32(t.P*v) * v
		if !(v > 0) {
			y = (float32(math.Expm1(float64(min(v, t.Eps)))) - v) * t.N
		}
		t.x[lo*t.n+i] = y + float32(t.Beta*v)
	}
}
