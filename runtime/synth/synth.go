// Package synth writes models of a given shape with random weights. They say nothing, but they run:
// for benchmarks of shapes that nobody has at hand and for tests.
//
// Matrices are drawn from a normal distribution of variance 1/columns, so that activations keep
// their size from layer to layer; norms are 1, biases small. Rows are drawn, encoded and written
// one by one, so that memory does not grow with the model.
package synth

import (
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/gguf"
)

// Shape is the model to write. Zero values take the defaults of Fill.
type Shape struct {
	Arch    string
	Layers  int
	Width   int // values of the residual stream
	Heads   int
	KVHeads int
	HeadDim int
	Inner   int // rows of the feed-forward network, or of each expert
	Experts int // where the architecture has them
	Used    int // experts that a token uses
	Vocab   int
	Context int
	Window  int  // of sliding layers, where the architecture has them
	Untied  bool // an output matrix of its own

	Type   *kernels.Type // of the matrices
	Output *kernels.Type // of embedding and output
	Seed   uint64
}

// Fill sets zero values to the defaults, a small llama.
func (s *Shape) Fill() {
	set := func(v *int, def int) {
		if *v == 0 {
			*v = def
		}
	}
	if s.Arch == "" {
		s.Arch = "llama"
	}
	set(&s.Layers, 4)
	set(&s.Width, 256)
	set(&s.HeadDim, 64)
	set(&s.Heads, max(1, s.Width/s.HeadDim))
	set(&s.KVHeads, s.Heads)
	set(&s.Inner, 3*s.Width)
	set(&s.Experts, 8)
	set(&s.Used, min(2, s.Experts))
	set(&s.Vocab, 2048)
	set(&s.Context, 4096)
	set(&s.Window, 512)
	if s.Output == nil {
		s.Output = s.Type
	}
}

// limits of a shape, beyond any model.
var limits = []struct {
	name string
	of   func(*Shape) int
	max  int
}{
	{"layers", func(s *Shape) int { return s.Layers }, 4096},
	{"width", func(s *Shape) int { return s.Width }, 1 << 20},
	{"heads", func(s *Shape) int { return s.Heads }, 1 << 14},
	{"KV heads", func(s *Shape) int { return s.KVHeads }, 1 << 14},
	{"head size", func(s *Shape) int { return s.HeadDim }, 1 << 14},
	{"inner size", func(s *Shape) int { return s.Inner }, 1 << 22},
	{"experts", func(s *Shape) int { return s.Experts }, 4096},
	{"vocabulary", func(s *Shape) int { return s.Vocab }, 1 << 22},
	{"window", func(s *Shape) int { return s.Window }, 1 << 24},
	{"context", func(s *Shape) int { return s.Context }, 1 << 24},
}

// Check returns the rule by which the shape cannot be written, or nil. Call Fill first.
func (s *Shape) Check() error {
	if !slices.Contains(Architectures(), s.Arch) {
		return fmt.Errorf("no random weights for architecture %q: there are %v", s.Arch, Architectures())
	}
	for _, l := range limits {
		if n := l.of(s); n < 1 || n > l.max {
			return fmt.Errorf("%s %d: want 1 to %d", l.name, n, l.max)
		}
	}
	if s.Heads%s.KVHeads != 0 {
		return fmt.Errorf("heads %d: must be a multiple of the %d KV heads", s.Heads, s.KVHeads)
	}
	if s.Used < 1 || s.Used > s.Experts {
		return fmt.Errorf("experts used %d: want at most the %d there are", s.Used, s.Experts)
	}
	if s.HeadDim%2 != 0 {
		return fmt.Errorf("head size %d: must be even, since RoPE rotates pairs", s.HeadDim)
	}
	for _, t := range s.tensors() {
		if err := t.check(); err != nil {
			return err
		}
	}
	return nil
}

// Parameters is the number of values in all tensors.
func (s *Shape) Parameters() (n int64) {
	for _, t := range s.tensors() {
		n += int64(t.rows) * int64(t.columns)
	}
	return n
}

// Bytes is the size of all tensors.
func (s *Shape) Bytes() (n int64) {
	for _, t := range s.tensors() {
		n += t.size()
	}
	return n
}

// Write writes the model as a GGUF file. progress, which may be nil, is called with the values
// written since the last call. ctx ends it between rows.
func (s *Shape) Write(ctx context.Context, to io.Writer, progress func(values int64)) error {
	if err := s.Check(); err != nil {
		return err
	}
	w := gguf.NewWriter(to)
	if err := s.metadata(w); err != nil {
		return err
	}
	tensors := s.tensors()
	for _, t := range tensors {
		if err := w.Tensor(t.name, uint32(t.typ.ID), t.dims(), t.size()); err != nil {
			return err
		}
	}
	for i, t := range tensors {
		if err := t.write(ctx, w, s.Seed, uint64(i), progress); err != nil {
			return err
		}
	}
	return w.Close()
}

// tensor is one tensor to write.
type tensor struct {
	name          string
	rows, columns int
	vector        bool
	stack         int // matrices in the tensor, 0 for one
	typ           *kernels.Type
	mean, spread  float64
}

func (t *tensor) dims() []int64 {
	switch {
	case t.vector:
		return []int64{int64(t.columns)}
	case t.stack > 0:
		return []int64{int64(t.columns), int64(t.rows / t.stack), int64(t.stack)}
	}
	return []int64{int64(t.columns), int64(t.rows)}
}

func (t *tensor) size() int64 { return int64(t.rows) * int64(t.typ.RowBytes(t.columns)) }

func (t *tensor) check() error {
	switch {
	case t.typ == nil:
		return fmt.Errorf("%s: its type is missing", t.name)
	case !t.typ.Weight || t.typ.ID < 0:
		return fmt.Errorf("%s: type %s is for caches: want one for weights", t.name, t.typ.Name)
	case t.typ.Best().Encode == nil:
		return fmt.Errorf("%s: type %s is read-only: want one with an encoder", t.name, t.typ.Name)
	case t.columns%t.typ.Block != 0:
		return fmt.Errorf("%s: rows of %d values: must be whole blocks of %d, of type %s", t.name, t.columns, t.typ.Block, t.typ.Name)
	}
	return nil
}

// bandRows is how many rows a processor draws between two writes.
const bandRows = 32

// write draws and writes the rows, in bands on all processors. Every row has random numbers of its
// own, so the file does not depend on how many processors there are.
func (t *tensor) write(ctx context.Context, w *gguf.Writer, seed, number uint64, progress func(int64)) error {
	stride, workers := t.typ.RowBytes(t.columns), runtime.GOMAXPROCS(0)
	bands := make([][]byte, workers)
	for first := 0; first < t.rows; first += workers * bandRows {
		if err := ctx.Err(); err != nil {
			return err
		}
		var wg sync.WaitGroup
		for k := range bands {
			lo := min(first+k*bandRows, t.rows)
			hi := min(lo+bandRows, t.rows)
			bands[k] = slices.Grow(bands[k][:0], (hi-lo)*stride)[:(hi-lo)*stride]
			wg.Go(func() { t.draw(bands[k], lo, hi, seed, number) })
		}
		wg.Wait()
		for _, b := range bands {
			if len(b) == 0 {
				continue
			}
			if err := w.Data(t.name, b); err != nil {
				return err
			}
			if progress != nil {
				progress(int64(len(b) / stride * t.columns))
			}
		}
	}
	return nil
}

// draw makes rows lo..hi-1.
func (t *tensor) draw(rows []byte, lo, hi int, seed, number uint64) {
	x, stride, encode := make([]float32, t.columns), t.typ.RowBytes(t.columns), t.typ.Best().Encode
	for r := lo; r < hi; r++ {
		random := rand.New(rand.NewPCG(seed, number<<40|uint64(r)))
		for i := range x {
			x[i] = float32(t.mean + t.spread*random.NormFloat64())
		}
		encode(rows[(r-lo)*stride:][:stride], x)
	}
}

// deviation of the values of a matrix whose rows have n columns.
func deviation(n int) float64 { return 1 / math.Sqrt(float64(n)) }
