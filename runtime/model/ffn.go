package model

import "github.com/kvgen/kvgen/runtime/cpu"

// gatedFFN is a GatedFFN with its tensors.
type gatedFFN struct{ in, down *group }

func (f GatedFFN) bind(b *binder) body {
	x := &gatedFFN{
		in:   b.together(b.linear(f.Gate, b.width, f.Inner), b.linear(f.Up, b.width, f.Inner)),
		down: b.together(b.linear(f.Down, f.Inner, b.width)),
	}
	x.in.gated, x.in.act = true, f.Act
	b.scratch.inner = max(b.scratch.inner, f.Inner)
	return x
}

func (f *gatedFFN) forward(p *pass, y, x []float32) error {
	if err := p.matmul(f.in, x, p.gate, p.up); err != nil {
		return err
	}
	return p.matmul(f.down, p.gate, y)
}

// mul is gate = act(gate) * up.
func (a Activation) mul(gate, up []float32) {
	switch a {
	case GELU:
		cpu.GELUMul(gate, up)
	case SwiGLUClamped:
		cpu.SwiGLUClamped(gate, up)
	default:
		cpu.SiLUMul(gate, up)
	}
}
