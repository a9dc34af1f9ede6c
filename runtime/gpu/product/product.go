package product

import (
	"fmt"

	"github.com/kvgen/kvgen/kernels/args"
	"github.com/kvgen/kvgen/runtime/gpu"
)

// Act is the function that a product's outputs pass through.
type Activation int

// The functions, as in activate.cuh.
const (
	None          Activation = iota
	SiLU                     // x sigmoid(x)
	GELU                     // tanh form
	SwiGLUClamped            // min(g, 7) sigmoid(1.702 g) (clamp(u, +-7) + 1), for gated products
)

// Product is y = act(x W^T + bias) and how it is to be computed.
type Spec struct {
	Matrix *Matrix
	Bias   *gpu.Buffer // [Rows] of f32, nil for none
	Act    Activation
	Gated  bool // y[r] = act(first half of the rows, r) * (second half, r)
	// activations as they are; otherwise rounded, to bytes for few tokens and to f16 for many
	Exact bool
}

// Multiply computes a Product.
type Kernel struct {
	Spec
	q      *gpu.Queue
	decode [4]gpu.Kernel // for 1, 2, 4 and 8 tokens
	rows   [4]int        // that a lane works on at a time
	values int           // of a piece of a row
	// of shared memory for a piece of one token's activations; 0 where they are read as they are,
	// and not rounded
	bytes   int
	ring    int // bytes of shared memory for weights on their way
	planned map[job]plan
	share   share
	prefill *gemm
	batched *batched // nil for none

	bandBytes uint64 // of the workspace that a part of the matrix may take as f16
}

// mostTokens is how many tokens share what is read of a matrix by a product with few. Up to
// fewTokens it is cheaper to read the matrix several times than to make f16 of it.
const (
	decodeTokens    = 8
	maxDecodeTokens = 32
)

// share is what a product of one token has of a multiprocessor.
type share struct {
	rows, blocks int // that a lane works on at a time, 4 or 2; of a multiprocessor
	ring         int // bytes of shared memory for weights on their way, the most that there may be
	warps        int // of a block, also for a few tokens
}

// defaultShare is what TestBenchToken chose.
var defaultShare = share{rows: 2, blocks: 1, ring: 130 << 10, warps: 16}

// NewProduct compiles what a product needs.
func New(q *gpu.Queue, p Spec) (*Kernel, error) {
	return newKernel(q, p, defaultShare)
}

func newKernel(q *gpu.Queue, p Spec, s share) (*Kernel, error) {
	s.ring = min(s.ring, q.Limits().SharedBytes*7/8)
	m := p.Matrix
	switch {
	case p.Gated && m.Rows%2 != 0:
		return nil, fmt.Errorf("gpu: the rows of a gated product must be even, a gate for each output: %d rows", m.Rows)
	case p.Act == SwiGLUClamped && !p.Gated:
		return nil, fmt.Errorf("gpu: the clamped SwiGLU is a function of gate and up, for gated products only: this one has %d rows and is not gated", m.Rows)
	}
	if p.Bias != nil {
		if err := p.Bias.Holds("bias", uint64(4*m.Rows)); err != nil {
			return nil, err
		}
	}
	x := &Kernel{Spec: p, q: q, share: s, planned: map[job]plan{}, bandBytes: maxBand}
	module, err := q.Program(func(d *gpu.Dialect) (*gpu.Source, error) { return productSource(d, m.Type, p.Exact, s) })
	if err != nil {
		return nil, err
	}
	sizes, err := module.Facts("product_sizes", 7)
	if err != nil {
		return nil, err
	}
	x.values, x.bytes, x.ring = int(sizes[0]), int(sizes[1]), int(sizes[6])
	for k := range x.decode {
		x.rows[k] = int(sizes[2+k])
		if x.decode[k], err = module.Kernel(fmt.Sprintf("product_%d", 1<<k), x.shared()); err != nil {
			return nil, err
		}
		x.decode[k] = x.decode[k].Overlap()
	}
	if x.prefill, err = newGemm(q, p.Exact); err != nil {
		return nil, err
	}
	if Batches(m.Type, p.Exact) && q.Device.Dialect().Has("batched") {
		if x.batched, err = newBatched(q, m.Type); err != nil {
			return nil, err
		}
	}
	return x, nil
}

// shared is the bytes of dynamic shared memory that kernels may have: all but what is declared in
// them.
func (x *Kernel) shared() int { return x.q.Limits().SharedBytes - 1024 }

// Rounds says whether a product of few tokens in the fast form rounds activations to bytes.
func (x *Kernel) Rounds() bool { return x.bytes > 0 }

// Outputs is the values of a row of y.
func (x *Kernel) Outputs() int { return x.outputs(1) }

// outputs is that where the matrix is count matrices.
func (x *Kernel) outputs(count int) int {
	if x.Gated {
		return x.Matrix.Rows / count / 2
	}
	return x.Matrix.Rows / count
}

// Workspace is the bytes of the device's workspace that Run takes with so many tokens; see
// Device.Reserve.
func (x *Kernel) Workspace(tokens int) uint64 {
	most := max(x.transformedBytes(min(tokens, maxDecodeTokens)), x.batchedSpace(min(tokens, mostBatched)))
	if tokens > maxDecodeTokens {
		most = max(most, x.gemmSpace(tokens).end)
	}
	return most
}

// transformedBytes is what rows of activations take in the type's domain, if that is another than
// the model's.
func (x *Kernel) transformedBytes(rows int) uint64 {
	if x.Matrix.Type.Domain == nil {
		return 0
	}
	return 4 * uint64(rows) * uint64(x.Matrix.N)
}

// Run computes y [tokens][Outputs] for x [tokens][N], all f32.
func (x *Kernel) Run(y, in *gpu.Buffer, tokens int) error {
	m := x.Matrix
	if tokens < 1 {
		return fmt.Errorf("gpu: a product has at least 1 token: %d were given", tokens)
	}
	if err := in.Holds("input", 4*uint64(tokens)*uint64(m.N)); err != nil {
		return err
	}
	if err := y.Holds("outputs", 4*uint64(tokens)*uint64(x.Outputs())); err != nil {
		return err
	}
	if k := x.batched.kernelFor(tokens); k >= 0 {
		return x.runBatched(k, y.Address(), in.Address(), tokens)
	}
	if tokens > maxDecodeTokens {
		return x.runPrefill(y.Address(), in.Address(), tokens)
	}
	from, _, err := x.transform(in.Address(), 0, tokens)
	if err != nil {
		return err
	}
	for first := 0; first < tokens; first += decodeTokens {
		a := x.args(y.Address()+4*uint64(first)*uint64(x.Outputs()), from+4*uint64(first)*uint64(m.N), 1)
		a.Tokens = int32(min(decodeTokens, tokens-first))
		if err := x.launch(&a, 1); err != nil {
			return err
		}
	}
	return nil
}

// RunExperts takes the matrix for count matrices one after another, and the bias with it. It
// computes y [slots][outputs]: slot s is row row[s] of x, or row s if row is nil, times matrix
// expert[s]. expert and row are [slots] of int32 on the device; an expert that there is not makes a
// row of zeros, and rows of x are the caller's to have. Few slots are what it is for: each reads
// its matrix.
func (x *Kernel) RunExperts(y, in, expert, row *gpu.Buffer, slots, count int) error {
	m := x.Matrix
	if slots > 1<<16-1 {
		return fmt.Errorf("gpu: a launch has at most %d slots of experts: %d were given", 1<<16-1, slots)
	}
	if err := x.checkExperts(slots, count); err != nil {
		return err
	}
	least := uint64(1)
	if row == nil {
		least = uint64(slots)
	}
	for _, c := range []struct {
		m *gpu.Buffer
		n uint64
	}{{in, least * uint64(m.N)}, {y, uint64(slots) * uint64(x.outputs(count))}, {expert, uint64(slots)}, {row, uint64(slots)}} {
		if c.m == nil {
			continue
		}
		if err := c.m.Fits(0, 4*c.n); err != nil {
			return err
		}
	}
	a := x.args(y.Address(), in.Address(), count)
	a.Tokens, a.Expert = 1, expert.Address()
	if row != nil {
		a.Row = row.Address()
	}
	var err error
	if a.X, a.Row, err = x.transform(a.X, a.Row, slots); err != nil {
		return err
	}
	return x.launch(&a, slots)
}

// checkExperts says whether the matrix is those of so many experts.
func (x *Kernel) checkExperts(slots, count int) error {
	rows := x.Matrix.Rows
	switch {
	case slots < 1 || count < 1:
		return fmt.Errorf("gpu: a product with experts has at least 1 slot and 1 expert: %d slots, %d experts", slots, count)
	case rows%count != 0:
		return fmt.Errorf("gpu: experts have as many rows each: %d rows for %d experts", rows, count)
	case x.Gated && rows/count%2 != 0:
		return fmt.Errorf("gpu: the rows of a gated product must be even, a gate for each output: %d rows of an expert", rows/count)
	}
	return nil
}

// Runs is slots that are in the order of their experts, cut into runs of slots of one expert: run r
// is slots First[r] and up, Slots[r] of them, which is at most Most. All are [Count] of int32.
type Runs struct {
	Expert, First, Slots *gpu.Buffer
	Count, Most          int
}

// RunGroups computes y [slots][outputs] for x [slots][N], as RunExperts: a run reads the matrix of
// its expert once. Runs of more than mostTokens are tiles of the product with many tokens, see
// MostSlots.
func (x *Kernel) RunGroups(y, in *gpu.Buffer, r *Runs, slots, count int) error {
	m := x.Matrix
	if err := x.checkExperts(slots, count); err != nil {
		return err
	}
	switch {
	case x.Gated:
		return fmt.Errorf("gpu: products of runs of slots are not gated: this one of %d rows is", m.Rows)
	case r.Count < 1 || r.Count > 1<<16-1:
		return fmt.Errorf("gpu: a launch has 1 to %d runs of slots: %d were given", 1<<16-1, r.Count)
	case r.Most < 2 || r.Most > decodeTokens && x.shapeOf(r.Most) == nil:
		return fmt.Errorf("gpu: runs have 2 to %d slots, or those of a tile, %d and %d: up to %d were given", decodeTokens, tileTokens[1], tileTokens[0], r.Most)
	}
	for _, c := range []struct {
		m *gpu.Buffer
		n uint64
	}{{in, 4 * uint64(slots) * uint64(m.N)}, {y, 4 * uint64(slots) * uint64(x.outputs(count))}, {r.Expert, 4 * uint64(r.Count)}, {r.First, 4 * uint64(r.Count)}, {r.Slots, 4 * uint64(r.Count)}} {
		if err := c.m.Fits(0, c.n); err != nil {
			return err
		}
	}
	if r.Most > decodeTokens {
		return x.runPrefillGroups(y.Address(), in.Address(), r, slots, count)
	}
	transformed, _, err := x.transform(in.Address(), 0, slots)
	if err != nil {
		return err
	}
	a := x.args(y.Address(), transformed, count)
	a.Tokens = int32(r.Most)
	a.Expert, a.Row, a.Many = r.Expert.Address(), r.First.Address(), r.Slots.Address()
	return x.launch(&a, r.Count)
}

// transform gives the address of so many rows of activations in the type's domain and of the
// numbers of those rows, 0 for all in order.
func (x *Kernel) transform(in, row uint64, rows int) (transformed, numbers uint64, err error) {
	if x.Matrix.Type.Domain == nil {
		return in, row, nil
	}
	space, err := x.q.Workspace(x.transformedBytes(rows))
	if err != nil {
		return 0, 0, err
	}
	return space.Address(), 0, x.Matrix.transformInto(space.Address(), in, row, rows)
}

func (x *Kernel) args(y, in uint64, count int) args.Product {
	m := x.Matrix
	a := args.Product{Weights: m.weights.Address(), X: in, Y: y, At: m.at, N: int32(m.N), Rows: int32(m.Rows / count), Count: int32(count),
		Outputs: int32(x.outputs(count)), Act: int32(x.Act)}
	if x.Bias != nil {
		a.Bias = x.Bias.Address()
	}
	if x.Gated {
		a.Gated = 1
	}
	return a
}

func (x *Kernel) launch(a *args.Product, slots int) error {
	j := job{slots: slots, outputs: int(a.Outputs)}
	for 1<<j.tokens < a.Tokens {
		j.tokens++
	}
	p, err := x.plan(j)
	if err != nil {
		return err
	}
	a.Lanes, a.Parts, a.Rounds, a.Chunk = int32(p.lanes), int32(p.parts), int32(p.rounds), int32(p.chunk)
	if a.N%4 == 0 && a.X%16 == 0 {
		a.Wide = 1
	} else if x.Matrix.Type.Quantised {
		return fmt.Errorf("gpu: activations for weights of %s begin at a multiple of 16 bytes and are whole groups of 4: rows of %d values at %#x", x.Matrix.Type.Name, a.N, a.X)
	}
	return x.decode[j.tokens].Launch(gpu.Grid{X: p.blocks, Y: slots, Threads: 32 * x.share.warps, Shared: p.shared}, a)
}
