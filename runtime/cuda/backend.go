package cuda

import (
	"errors"
	"fmt"
	"sync"

	"github.com/kvgen/kvgen/runtime/model"
)

// Backend runs models on a GPU: it is the model.Device of one.
type Backend struct {
	*Device
	Compiler *Compiler

	mu      sync.Mutex
	weights map[*model.Model]*weights
}

// NewBackend makes the back end of a GPU.
func NewBackend(d *Device, c *Compiler) *Backend {
	return &Backend{Device: d, Compiler: c, weights: map[*model.Model]*weights{}}
}

// Engine takes the model to the GPU, unless another context of it has done so, and makes what runs batches.
func (b *Backend) Engine(m *model.Model, s model.Span, o model.Options) (model.Engine, error) {
	if s != m.Program().Whole() {
		return nil, fmt.Errorf("cuda: all layers of a model must be on the GPU: %d to %d were asked for", s.Layers.Lo, s.Layers.Hi-1)
	}
	budget, err := b.Budget(m, o)
	if err == nil {
		err = budget.check(b.Name)
	}
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	w := b.weights[m]
	if w == nil {
		w = &weights{b: b, m: m, program: m.Program()}
		b.weights[m] = w
	}
	w.users++
	b.mu.Unlock()
	e, err := b.engine(w, o)
	if err != nil {
		return nil, errors.Join(err, b.release(w))
	}
	return e, nil
}

// release frees the weights of a model that no context uses any more.
func (b *Backend) release(w *weights) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if w.users--; w.users > 0 {
		return nil
	}
	delete(b.weights, w.m)
	return w.free()
}

// frameSource is the frame called name with what is defined before it, for kernels that know no type.
func frameSource(find Texts, name string, defines ...define) (*Source, error) {
	b, err := newBuilder(find)
	if err != nil {
		return nil, err
	}
	for _, d := range defines {
		b.define(d.name, d.value)
	}
	b.include(name)
	return b.source(fmt.Sprint(name, defines), nil), nil
}

// define is a macro that a frame wants.
type define struct {
	name  string
	value any
}

// function finds a kernel of a frame.
func (b *Backend) function(name, frame string, defines ...define) (*Function, error) {
	s, err := frameSource(b.Compiler.texts(), frame, defines...)
	if err != nil {
		return nil, err
	}
	m, err := b.build(b.Compiler, s)
	if err != nil {
		return nil, err
	}
	f, err := m.Function(name, 0)
	if err != nil {
		return nil, err
	}
	return f.Early(), nil // all frames wait by themselves
}
