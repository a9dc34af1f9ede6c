package model

import "github.com/kvgen/kvgen/runtime/program"

// Inputs gives each layer a small vector of its own, made of the token and of its embedding x:
//
//	input = (Norm(Projection . x / sqrt(width)) + sqrt(Size) * Embedding[token]) / sqrt(2)
//
// Embedding and Projection have the rows of all layers, one layer after another.
type Inputs struct {
	Size                  int // values of a layer's input
	Embedding, Projection Linear
	Norm                  Norm
}

func (i *Inputs) bind(b *binder, vocab, layers int) *program.InputsOfLayers {
	n := i.Size * layers
	return &program.InputsOfLayers{Size: i.Size, Layers: layers,
		Embedding:  b.find(string(i.Embedding)+".weight", n, max(1, vocab)),
		Projection: b.fuse(b.linear(i.Projection, b.width, n)),
		Norm:       b.norm(i.Norm, i.Size),
	}
}

// InputGate lets a layer's input into the stream: Out . (act(Gate . x) * input).
type InputGate struct {
	Size      int
	Gate, Out Linear
	Act       program.Activation
}

func (g InputGate) bind(b *binder) any {
	return &program.InputGateStep{Layer: b.layer, Act: g.Act,
		Gate: b.fuse(b.linear(g.Gate, b.width, g.Size)), Out: b.fuse(b.linear(g.Out, g.Size, b.width))}
}
