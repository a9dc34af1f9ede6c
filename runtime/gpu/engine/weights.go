package engine

import (
	"errors"

	"github.com/kvgen/kvgen/kernels/args"
	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/gpu/product"
	"github.com/kvgen/kvgen/runtime/model"
	"github.com/kvgen/kvgen/runtime/program"
)

// weights is a model on the GPU, shared by all its contexts.
type weights struct {
	b       *Backend
	m       *model.Model // nil where memory is only counted
	program *program.Program
	users   int

	owned []interface{ Free() error } // in the order of allocation
	// by the first byte of the first part, so that a tied embedding counts once
	matrices map[*byte]*product.Matrix
	vectors  map[*float32]*gpu.Buffer // by the first value, of those that the model owns
	fused    map[productsKey]*fused
	stacks   map[stackKey]*product.Kernel

	embedding, positions *product.Matrix
	inputEmbedding       *product.Matrix // embeddings for the layers' own inputs, nil for none
}

// load takes to the GPU what every engine needs.
func (w *weights) load() (err error) {
	if w.embedding != nil {
		return nil
	}
	if p := w.program.Positions; p != nil {
		if w.positions, err = w.matrix(p); err != nil {
			return err
		}
	}
	w.embedding, err = w.matrix(w.program.Embedding)
	return err
}

// productsKey finds a product: the matrices of a step and the form that multiplies them.
type productsKey struct {
	*program.Products
	exact bool
}

// matrix takes parts of one type, one after another, to the GPU.
func (w *weights) matrix(parts ...*program.Weight) (*product.Matrix, error) {
	if m, ok := w.matrices[&parts[0].Data[0][0]]; ok && m.Rows == rowCount(parts) {
		return m, nil
	}
	for _, q := range parts {
		if q.Scale != 0 {
			return nil, errors.New("gpu: no kernel applies a scale per tensor, which the file has beside its weights: run those layers on the processor")
		}
	}
	rows := rowCount(parts)
	m, err := product.NewMatrix(w.b.Queue, parts[0].Type, parts[0].N, rows, w.reader(parts))
	if err != nil {
		return nil, err
	}
	if w.matrices == nil {
		w.matrices = map[*byte]*product.Matrix{}
	}
	w.matrices[&parts[0].Data[0][0]] = m
	w.owned = append(w.owned, m)
	return m, nil
}

// reader reads rows of the file; nil where nothing is read because they are only counted.
func (w *weights) reader(parts []*program.Weight) func(p []byte, at int64) error {
	if w.m == nil {
		return nil
	}
	return func(p []byte, at int64) error {
		return w.m.File.Guard(func() error {
			for _, q := range parts {
				for _, data := range q.Data {
					if n := int64(len(data)); at >= n {
						at -= n
						continue
					}
					k := copy(p, data[at:])
					if p, at = p[k:], 0; len(p) == 0 {
						return nil
					}
				}
			}
			return nil
		})
	}
}

func rowCount(parts []*program.Weight) (n int) {
	for _, p := range parts {
		n += p.Rows
	}
	return n
}

// vector takes numbers to the GPU, nil for none.
func (w *weights) vector(x []float32) (*gpu.Buffer, error) {
	if len(x) == 0 {
		return nil, nil
	}
	if m, ok := w.vectors[&x[0]]; ok && m.Size == uint64(4*len(x)) {
		return m, nil
	}
	m, err := w.b.Alloc(uint64(4 * len(x)))
	if err != nil {
		return nil, err
	}
	w.owned = append(w.owned, m)
	if w.vectors == nil {
		w.vectors = map[*float32]*gpu.Buffer{}
	}
	w.vectors[&x[0]] = m
	return m, gpu.Write(m, 0, x)
}

// norm takes a norm to the GPU; that of nil does nothing.
func (w *weights) norm(n *program.NormWeights) (args.Norm, error) {
	if n == nil {
		return args.Norm{}, nil
	}
	scale, err := w.vector(n.W)
	if err != nil {
		return args.Norm{}, err
	}
	bias, err := w.vector(n.B)
	x := args.Norm{W: scale.Address(), B: bias.Address(), Eps: n.Eps, Kind: 1}
	if n.Kind == program.LayerNorm {
		x.Kind = 2
	}
	return x, err
}

// fused is matrices of the same input as products: those of one type are one matrix.
type fused struct {
	products []multiply
	parts    []partOutput // of the outputs
	act      product.Activation
	pair     bool // gate and up are two products, and what the first is bent by is still to be done
}

// multiply is a product and where its output goes.
type multiply struct {
	*product.Kernel
	out int // values of a row
}

// partOutput says where the output of a part lies: in rows of which product, and from which value
// on.
type partOutput struct{ product, first int }

// products takes the matrices of p to the GPU, once.
func (w *weights) products(p *program.Products, exact bool) (*fused, error) {
	if f, ok := w.fused[productsKey{p, exact}]; ok {
		return f, nil
	}
	f, err := w.fuse(p, exact)
	if err == nil {
		if w.fused == nil {
			w.fused = map[productsKey]*fused{}
		}
		w.fused[productsKey{p, exact}] = f
	}
	return f, err
}

// fuse makes one product of neighbouring matrices of one type. A gated pair of two types stays a
// pair.
func (w *weights) fuse(p *program.Products, exact bool) (*fused, error) {
	f := &fused{pair: p.Gated && p.Parts[0].Type != p.Parts[1].Type, act: act(p)}
	for lo := 0; lo < len(p.Parts); {
		hi := lo + 1
		for hi < len(p.Parts) && !p.Apart && p.Parts[hi].Type == p.Parts[lo].Type {
			hi++
		}
		parts := p.Parts[lo:hi]
		m, err := w.matrix(parts...)
		if err != nil {
			return nil, err
		}
		out := 0
		for _, q := range parts {
			f.parts = append(f.parts, partOutput{len(f.products), out})
			out += q.Rows
		}
		x := product.Spec{Matrix: m, Act: f.act, Gated: p.Gated, Exact: exact}
		if f.pair {
			x.Act, x.Gated = product.None, false
		}
		if x.Bias, err = w.bias(parts); err != nil {
			return nil, err
		}
		if x.Gated {
			out /= 2
		}
		r, err := product.New(w.b.Queue, x)
		if err != nil {
			return nil, err
		}
		f.products = append(f.products, multiply{r, out})
		lo = hi
	}
	return f, nil
}

// stack is the matrices of all experts.
func (w *weights) stack(k *program.Weight, exact bool) (*product.Kernel, error) {
	if x := w.stacks[stackKey{k, exact}]; x != nil {
		return x, nil
	}
	m, err := w.matrix(k)
	if err != nil {
		return nil, err
	}
	x := product.Spec{Matrix: m, Exact: exact}
	if x.Bias, err = w.bias([]*program.Weight{k}); err != nil {
		return nil, err
	}
	p, err := product.New(w.b.Queue, x)
	if err != nil {
		return nil, err
	}
	if w.stacks == nil {
		w.stacks = map[stackKey]*product.Kernel{}
	}
	w.stacks[stackKey{k, exact}] = p
	return p, nil
}

// stackKey finds a product: the matrices of all experts and the form that multiplies them.
type stackKey struct {
	*program.Weight
	exact bool
}

// bias is the biases of parts that share a matrix, zeros for a part without; nil where none has
// any.
func (w *weights) bias(parts []*program.Weight) (*gpu.Buffer, error) {
	bias, at, any := make([]float32, rowCount(parts)), 0, false
	for _, q := range parts {
		any = any || q.Bias != nil
		copy(bias[at:], q.Bias)
		at += q.Rows
	}
	if !any {
		return nil, nil
	}
	m, err := w.b.Alloc(uint64(4 * len(bias)))
	if err != nil {
		return nil, err
	}
	w.owned = append(w.owned, m)
	return m, gpu.Write(m, 0, bias)
}

func act(p *program.Products) product.Activation {
	if !p.Gated && !p.Activated {
		return product.None
	}
	return activations[p.Act]
}

// activations are the names that package product has for the activations of models.
var activations = map[program.Activation]product.Activation{program.SiLU: product.SiLU, program.GELU: product.GELU, program.SwiGLUClamped: product.SwiGLUClamped}

// free gives everything back.
func (w *weights) free() error {
	var all []error
	for i := len(w.owned) - 1; i >= 0; i-- {
		all = append(all, w.owned[i].Free())
	}
	w.owned, w.matrices, w.vectors, w.fused, w.stacks = nil, nil, nil, nil, nil
	return errors.Join(all...)
}
