package engine

import "github.com/kvgen/kvgen/runtime/program"

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
	return p.matmul(s.Down, p.up, y)
}
