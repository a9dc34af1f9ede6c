package model

// gatedFFN is a GatedFFN with its tensors.
type gatedFFN struct {
	in, down *group
	gate     *group // one row; nil for none
}

func (f GatedFFN) bind(b *binder) body {
	x := &gatedFFN{in: b.together(b.gateUp(f)...), down: b.together(b.linear(f.Down, f.Inner, b.width))}
	x.in.gated, x.in.act = true, f.Act
	if f.Switch != "" {
		x.gate = b.together(b.linear(f.Switch, b.width, 1))
	}
	b.scratch.inner = max(b.scratch.inner, f.Inner)
	return x
}

// gateUp is the matrices of gate and up, the halves of one tensor where f has one.
func (b *binder) gateUp(f GatedFFN) []*weight {
	if f.GateUp != "" {
		w := b.linear(f.GateUp, b.width, 2*f.Inner)
		return []*weight{w.cut(0, f.Inner), w.cut(f.Inner, 2*f.Inner)}
	}
	return []*weight{b.linear(f.Gate, b.width, f.Inner), b.linear(f.Up, b.width, f.Inner)}
}

func (f *gatedFFN) forward(p *pass, y, x []float32) error {
	if err := p.matmul(f.in, x, p.gate, p.up); err != nil {
		return err
	}
	if err := p.matmul(f.down, p.gate, y); err != nil || f.gate == nil {
		return err
	}
	return p.switcher.run(p, f.gate, y, x)
}

// ffn is an FFN with its tensors.
type ffn struct{ up, down *group }

func (f FFN) bind(b *binder) body {
	x := &ffn{up: b.together(b.linear(f.Up, b.width, f.Inner)), down: b.together(b.linear(f.Down, f.Inner, b.width))}
	x.up.bent, x.up.act = true, f.Act
	b.scratch.inner = max(b.scratch.inner, f.Inner)
	return x
}

func (f *ffn) forward(p *pass, y, x []float32) error {
	if err := p.matmul(f.up, x, p.up); err != nil {
		return err
	}
	return p.matmul(f.down, p.up, y)
}

// matrix is a Matrix with its tensor.
type matrix struct{ out *group }

func (m Matrix) bind(b *binder) body { return &matrix{b.together(b.linear(m.Out, b.width, b.width))} }

func (m *matrix) forward(p *pass, y, x []float32) error { return p.matmul(m.out, x, y) }
