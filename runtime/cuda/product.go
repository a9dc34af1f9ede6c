package cuda

import (
	"fmt"
	"unsafe"
)

// Act is the function that a product's outputs pass through.
type Act int

// The functions, as in activate.cuh.
const (
	NoAct         Act = iota
	SiLU              // x sigmoid(x)
	GELU              // tanh form
	SwiGLUClamped     // min(g, 7) sigmoid(1.702 g) (clamp(u, +-7) + 1), for gated products
)

// Product is y = act(x W^T + bias) and how it is to be computed.
type Product struct {
	Matrix *Matrix
	Bias   *Memory // [Rows] of f32, nil for none
	Act    Act
	Gated  bool // y[r] = act(first half of the rows, r) * (second half, r)
	Exact  bool // activations as they are; otherwise rounded, to bytes for few tokens and to f16 for many
	Count  int  // matrices of Rows/Count rows that the matrix holds one after another, for RunExperts; 0 for 1
}

// Multiply computes a Product.
type Multiply struct {
	Product
	d       *Device
	few     [4]*Function // for 1, 2, 4 and 8 tokens
	rows    [4]int       // that a lane works on at a time
	values  int          // of a piece of a row
	bytes   int          // of shared memory for a piece of one token's activations
	planned map[[2]int]plan
	many    *gemm

	bandBytes uint64 // of the workspace that a part of the matrix may take as f16
}

// warps of a block of a product with few tokens.
const productWarps = 16

// mostTokens is how many tokens share what is read of a matrix by a product with few. Up to fewTokens it is cheaper to read the matrix
// several times than to make f16 of it.
const (
	mostTokens = 8
	fewTokens  = 32
)

// NewProduct compiles what a product needs.
func (d *Device) NewProduct(c *Compiler, p Product) (*Multiply, error) {
	p.Count = max(p.Count, 1)
	m := p.Matrix
	switch {
	case m.Rows%p.Count != 0 || p.Gated && m.Rows/p.Count%2 != 0:
		return nil, fmt.Errorf("cuda: %d rows cannot be %d matrices, gated %t", m.Rows, p.Count, p.Gated)
	case p.Act == SwiGLUClamped && !p.Gated:
		return nil, fmt.Errorf("cuda: the clamped SwiGLU is a function of two numbers, for gated products only")
	}
	if p.Bias != nil {
		if err := p.Bias.fits(0, uint64(4*m.Rows)); err != nil {
			return nil, err
		}
	}
	x := &Multiply{Product: p, d: d, planned: map[[2]int]plan{}, bandBytes: maxBand}
	src, err := ProductSource(m.Type, p.Exact, c.texts())
	if err != nil {
		return nil, err
	}
	module, err := d.build(c, src)
	if err != nil {
		return nil, err
	}
	sizes, err := module.Ints("product_sizes", 6)
	if err != nil {
		return nil, err
	}
	x.values, x.bytes = int(sizes[0]), int(sizes[1])
	for k := range x.few {
		x.rows[k] = int(sizes[2+k])
		if x.few[k], err = module.Function(fmt.Sprintf("product_%d", 1<<k), x.shared()); err != nil {
			return nil, err
		}
		x.few[k].Early()
	}
	if p.Count == 1 {
		if x.many, err = d.newGemm(c, p.Exact); err != nil {
			return nil, err
		}
	}
	return x, nil
}

// shared is the bytes of dynamic shared memory that kernels may have: all but what is declared in them.
func (x *Multiply) shared() int { return x.d.SharedBytes - 1024 }

// Outputs is the values of a row of y.
func (x *Multiply) Outputs() int {
	if x.Gated {
		return x.Matrix.Rows / x.Count / 2
	}
	return x.Matrix.Rows / x.Count
}

// productArgs is struct Product of product.cu.
type productArgs struct {
	weights, x, bias, y, expert, row uint64
	at                               layout
	n, rows, count, outputs          int32
	tokens, act, gated, wide         int32
	lanes, parts, rounds, chunk      int32
}

// Run computes y [tokens][Outputs] for x [tokens][N], all f32. A Product with experts takes RunExperts.
func (x *Multiply) Run(y, in *Memory, tokens int) error {
	m := x.Matrix
	if tokens < 1 || x.Count > 1 {
		return fmt.Errorf("cuda: a product of %d tokens and %d matrices", tokens, x.Count)
	}
	if err := in.fits(0, 4*uint64(tokens)*uint64(m.N)); err != nil {
		return err
	}
	if err := y.fits(0, 4*uint64(tokens)*uint64(x.Outputs())); err != nil {
		return err
	}
	if tokens > fewTokens {
		return x.runMany(y.at, in.at, tokens)
	}
	from := in.at
	if m.Type.Domain != nil {
		space, err := x.d.scratch(4 * uint64(tokens) * uint64(m.N))
		if err != nil {
			return err
		}
		if err := m.turned(space.at, from, 0, tokens); err != nil {
			return err
		}
		from = space.at
	}
	for first := 0; first < tokens; first += mostTokens {
		a := x.args(y.at+4*uint64(first)*uint64(x.Outputs()), from+4*uint64(first)*uint64(m.N), min(mostTokens, tokens-first))
		if err := x.launch(&a, 1); err != nil {
			return err
		}
	}
	return nil
}

// RunExperts computes y [slots][Outputs]: slot s is row row[s] of x, or row s if row is nil, times matrix expert[s] of Count. expert and
// row are [slots] of int32; a negative expert makes a row of zeros. rows is the rows of x.
func (x *Multiply) RunExperts(y, in, expert, row *Memory, slots, rows int) error {
	m := x.Matrix
	if slots < 1 || slots > 1<<16-1 || row == nil && rows < slots {
		return fmt.Errorf("cuda: %d slots for experts, %d rows of activations", slots, rows)
	}
	for _, c := range []struct {
		m *Memory
		n uint64
	}{{in, 4 * uint64(rows) * uint64(m.N)}, {y, 4 * uint64(slots) * uint64(x.Outputs())}, {expert, 4 * uint64(slots)}, {row, 4 * uint64(slots)}} {
		if c.m == nil {
			continue
		}
		if err := c.m.fits(0, c.n); err != nil {
			return err
		}
	}
	a := x.args(y.at, in.at, 1)
	a.expert = expert.at
	if row != nil {
		a.row = row.at
	}
	if m.Type.Domain != nil {
		space, err := x.d.scratch(4 * uint64(slots) * uint64(m.N))
		if err != nil {
			return err
		}
		if err := m.turned(space.at, a.x, a.row, slots); err != nil {
			return err
		}
		a.x, a.row = space.at, 0
	}
	return x.launch(&a, slots)
}

func (x *Multiply) args(y, in uint64, tokens int) productArgs {
	m := x.Matrix
	a := productArgs{weights: m.weights.at, x: in, y: y, at: m.at, n: int32(m.N), rows: int32(m.Rows / x.Count), count: int32(x.Count),
		outputs: int32(x.Outputs()), tokens: int32(tokens), act: int32(x.Act)}
	if x.Bias != nil {
		a.bias = x.Bias.at
	}
	if x.Gated {
		a.gated = 1
	}
	return a
}

func (x *Multiply) launch(a *productArgs, slots int) error {
	k := 0
	for 1<<k < a.tokens {
		k++
	}
	p, err := x.plan(k, slots)
	if err != nil {
		return err
	}
	a.lanes, a.parts, a.rounds, a.chunk = int32(p.lanes), int32(p.parts), int32(p.rounds), int32(p.chunk)
	if a.n%4 == 0 && a.x%16 == 0 {
		a.wide = 1
	} else if x.Matrix.Type.Quantised {
		return fmt.Errorf("cuda: activations at an address that is no multiple of 16 bytes")
	}
	return x.few[k].launchShared(p.blocks, slots, 32*productWarps, p.shared, unsafe.Pointer(a))
}
