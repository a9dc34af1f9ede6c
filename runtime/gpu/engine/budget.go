package engine

import (
	"errors"
	"fmt"
	"sort"

	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/gpu/product"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
	"github.com/kvgen/kvgen/runtime/program"
)

// mostPositions bounds the contexts that are tried, whatever a file says.
const mostPositions = 1 << 22

// Budget is the device memory that a part of a model takes, in bytes.
type Budget struct {
	Weights   uint64 // that are not there yet, shared by the model's contexts
	Workspace uint64 // of a context, whatever its size
	Cache     uint64 // rows of a context of Size positions
	Size      int
	Sequences int // that the cache is for
	// positions of the longest context that fits, up to what the model was trained for; 0 if none
	// does
	Longest int
	Free    uint64
	Total   uint64
}

// Need is all of it together.
func (b *Budget) Need() uint64 { return b.Weights + b.Workspace + b.Cache }

// Budget rehearses a stage of a context.
func (b *Backend) Budget(m *model.Model, s program.Span, o model.Options) (*Budget, error) {
	free, total, err := b.Device.Available()
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	there := map[*byte]*product.Matrix{}
	if w := b.weights[m]; w != nil {
		there = w.matrices
	}
	b.mu.Unlock()
	o.Batch = min(max(o.Batch, 1), max(o.Size, o.Cells, 1))
	r := gpu.Rehearse(b.Device)
	idle := NewBackend(r)

	x := &Budget{Size: o.Size, Sequences: max(1, o.Sequences), Free: free, Total: total}
	w := &weights{b: idle, program: m.Program()}
	e, err := idle.engine(w, s, o)
	if err != nil {
		return nil, err
	}
	x.Workspace = r.Most
	for first, q := range w.matrices {
		x.Workspace -= q.Bytes()
		if there[first] == nil {
			x.Weights += q.Bytes()
		}
	}
	before := r.Now
	c, err := rehearse(r, e, o, o.Size)
	if err != nil {
		return nil, err
	}
	x.Cache = c
	// What kernels need for the longest context stays with the engine: it is counted as workspace
	// for all others.
	longest := max(min(m.Context, mostPositions), o.Size)
	for longest/2 > o.Size && uint64(o.Plan.BytesIn(shapeOf(o, longest/2), s.KV.Lo, s.KV.Hi)) > total {
		longest /= 2 // such a cache is not even tried
	}
	r.Now = before
	if _, err := rehearse(r, e, o, longest); err != nil {
		return nil, err
	}
	grew := r.Now - before
	fits := func(size int) bool {
		c, err := rehearse(r, e, o, size)
		return err == nil && x.Weights+x.Workspace+grew+c <= free
	}
	step := min(256, longest)
	x.Longest = sort.Search(longest/step, func(n int) bool { return !fits(step * (n + 1)) }) * step
	return x, nil
}

// shapeOf is that of a cache of so many positions of a sequence, with rows of all sequences in the
// proportion of the options.
func shapeOf(o model.Options, size int) kv.Shape {
	s := kv.Shape{Size: size, Batch: o.Batch, Sequences: o.Sequences, Cells: o.Cells}
	if o.Cells > 0 {
		s.Cells = max(1, int(int64(size)*int64(o.Cells)/int64(max(1, o.Size))))
	}
	return s
}

// rehearse is the bytes of a cache of so many positions.
func rehearse(r *gpu.Rehearsal, e *engine, o model.Options, size int) (uint64, error) {
	before := r.Now
	host, err := kv.NewShape(o.Plan, shapeOf(o, size))
	if err != nil {
		return 0, err
	}
	c, err := e.newCache(host)
	if err != nil {
		return 0, err
	}
	n := r.Now - before
	return n, c.Close()
}

// ErrTooLittle says that a context does not fit the memory of a GPU.
var ErrTooLittle = errors.New("too little memory on the GPU")

// check says, before anything is loaded, that a context does not fit.
func (x *Budget) check(name string) error {
	if x.Need() <= x.Free {
		return nil
	}
	of := fmt.Sprintf("%d positions", x.Size)
	if x.Sequences > 1 {
		of += fmt.Sprintf(" for %d sequences", x.Sequences)
	}
	fit := "no context of it fits"
	if x.Longest > 0 {
		fit = fmt.Sprintf("a context of %d positions would fit", x.Longest)
	}
	return fmt.Errorf("gpu: %w: %s for weights, %s for work and %s for a cache of %s, and %s of the %s of %s are free; %s",
		ErrTooLittle, gpu.Size(x.Weights), gpu.Size(x.Workspace), gpu.Size(x.Cache), of, gpu.Size(x.Free), gpu.Size(x.Total), name, fit)
}
