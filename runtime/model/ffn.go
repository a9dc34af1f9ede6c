package model

import "github.com/kvgen/kvgen/runtime/program"

func (f GatedFFN) bind(b *binder) any {
	x := &program.GatedStep{In: b.fuse(b.gateUp(f)...), Down: b.fuse(b.linear(f.Down, f.Inner, b.width))}
	x.In.Gated, x.In.Act = true, f.Act
	if f.SharedGate != "" {
		x.SharedGate = b.fuse(b.linear(f.SharedGate, b.width, 1))
	}
	return x
}

// gateUp is the matrices of gate and up, the halves of one tensor where f has one.
func (b *binder) gateUp(f GatedFFN) []*program.Weight {
	if f.GateUp != "" {
		w := b.linear(f.GateUp, b.width, 2*f.Inner)
		return []*program.Weight{w.Cut(0, f.Inner), w.Cut(f.Inner, 2*f.Inner)}
	}
	return []*program.Weight{b.linear(f.Gate, b.width, f.Inner), b.linear(f.Up, b.width, f.Inner)}
}

func (f FFN) bind(b *binder) any {
	x := &program.PlainStep{XIELU: f.XIELU, Up: b.fuse(b.linear(f.Up, b.width, f.Inner)), Down: b.fuse(b.linear(f.Down, f.Inner, b.width))}
	x.Up.Activated, x.Up.Act = f.XIELU == nil, f.Act
	return x
}

func (m Matrix) bind(b *binder) any {
	return &program.MatrixStep{Out: b.fuse(b.linear(m.Out, b.width, b.width))}
}
