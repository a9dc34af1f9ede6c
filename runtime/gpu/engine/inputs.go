package engine

import (
	"math"

	"github.com/kvgen/kvgen/kernels/args"
	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/program"
)

// inputs makes the layers' own inputs of a batch from its embeddings, which are in the residual
// stream.
type inputs struct {
	x          *gpu.Buffer // [batch][layers][size]
	project    *matmul
	embeddings *gpu.Buffer // [batch][layers][size] embeddings of the tokens
	f          gpu.Kernel
	args       args.Inputs
	layers     int
}

// layerInputs takes what the layers' inputs are made of to the GPU, for the stage that embeds;
// others are given them.
func (e *engine) layerInputs(s *program.InputsOfLayers) (*inputs, error) {
	x, err := e.room("inputs", s.Layers*s.Size)
	i := &inputs{x: x, layers: s.Layers}
	if err != nil || !e.span.Embeds {
		return i, err
	}
	if i.embeddings, err = e.room("own inputs", s.Layers*s.Size); err != nil {
		return nil, err
	}
	if e.w.inputEmbedding, err = e.w.matrix(s.Embedding); err != nil {
		return nil, err
	}
	if i.project, err = e.matmul(s.Projection, e.x, x, ""); err != nil {
		return nil, err
	}
	i.args = args.Inputs{X: x.Address(), E: i.embeddings.Address(), Narrow: float32(1 / math.Sqrt(float64(e.w.program.Width)))}
	if i.args.Norm, err = e.w.norm(s.Norm); err != nil {
		return nil, err
	}
	i.f, err = e.b.Frame("inputs", "inputs", gpu.Define{Name: "SIZE", Value: s.Size})
	return i, err
}

func (i *inputs) run(e *engine, c *cache, n int) error {
	if err := e.w.inputEmbedding.Gather(i.embeddings, c.lists.At(c.lists.PartOf(n).Token(), n), n); err != nil {
		return err
	}
	if err := i.project.run(e, c, n); err != nil {
		return err
	}
	return i.f.Launch(gpu.Grid{X: n, Y: i.layers, Threads: 32}, &i.args)
}

// inputGate makes the ops of a block that lets a layer's input into the stream.
func (e *engine) inputGate(s *program.InputGateStep, x, y *gpu.Buffer) ([]op, error) {
	gate, err := e.matmul(s.Gate, x, nil, "inner")
	if err != nil {
		return nil, err
	}
	p := e.w.program.Inputs
	h, err := e.activate(gate.outs[0], e.inputs.x, p.Size, activations[s.Act])
	if err != nil {
		return nil, err
	}
	h.args.Up += uint64(4 * s.Layer * p.Size)
	h.args.UpRow = int32(p.Layers * p.Size)
	out, err := e.matmul(s.Out, gate.outs[0], y, "")
	return []op{gate, h, out}, err
}
