package engine

import (
	"errors"
	"sync"

	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/model"
	"github.com/kvgen/kvgen/runtime/program"
)

// Backend runs models on a GPU: it is the model.Device of one.
type Backend struct {
	*gpu.Queue

	mu      sync.Mutex
	weights map[*model.Model]*weights
}

// NewBackend makes the back end of a GPU.
func NewBackend(d gpu.Device) *Backend {
	return &Backend{Queue: gpu.NewQueue(d), weights: map[*model.Model]*weights{}}
}

// Engine takes a part of the model to the GPU, what no other context of it has taken there, and
// makes what runs batches.
func (b *Backend) Engine(m *model.Model, s program.Span, o model.Options) (program.Engine, error) {
	budget, err := b.Budget(m, s, o)
	if err == nil {
		err = budget.check(b.Limits().Name)
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
	e, err := b.engine(w, s, o)
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
