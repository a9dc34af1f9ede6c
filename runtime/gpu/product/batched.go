package product

import (
	"fmt"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/kernels/args"
	"github.com/kvgen/kvgen/runtime/gpu"
)

// Tokens that share what is read of a matrix on tensor cores, in the fast form. Up to decodeTokens
// a product of few tokens reads the matrix once too, and costs no more. With more than
// mostBatched it is made f16 of first.
const (
	fewestBatched = decodeTokens + 1
	mostBatched   = 64
)

// batchedTokens are the tokens that the kernels are compiled for.
var batchedTokens = [...]int{16, 32, 64}

// batched is the product of a matrix with tens of rows of activations, see batched.cu.
type batched struct {
	kernels [len(batchedTokens)]gpu.Kernel
	blocks  [len(batchedTokens)]int // that the GPU holds at once
	finish  gpu.Kernel

	rows, columns int // of a block; that are in shared memory at a time
}

// batchedThreads is the threads of a block.
const batchedThreads = 256

// BatchedSource is the program with the kernels batched_16, 32 and 64 and finish of a type.
func BatchedSource(d *gpu.Dialect, t *kernels.Type) (*gpu.Source, error) {
	b := weights(d, t)
	b.Frame("batched")
	return b.Source("batched-"+t.Name, false)
}

// Batches says whether products with a type have kernels of tens of tokens. Numbers of four bytes
// would lose most of theirs.
func Batches(t *kernels.Type, exact bool) bool { return !exact && (t.Quantised || t.Bytes == 2) }

func newBatched(q *gpu.Queue, t *kernels.Type) (*batched, error) {
	module, err := q.Program(func(d *gpu.Dialect) (*gpu.Source, error) { return BatchedSource(d, t) })
	if err != nil {
		return nil, err
	}
	sizes, err := module.Facts("batched_sizes", 3)
	if err != nil {
		return nil, err
	}
	g := &batched{rows: int(sizes[0]), columns: int(sizes[1])}
	for i, tokens := range batchedTokens {
		shared := int(sizes[2]) * tokens
		if shared > q.Limits().SharedBytes {
			continue // products of so many tokens are done otherwise
		}
		if g.kernels[i], err = module.Kernel(fmt.Sprintf("batched_%d", tokens), shared); err != nil {
			return nil, err
		}
		if g.blocks[i], err = g.kernels[i].Resident(batchedThreads); err != nil {
			return nil, err
		}
		g.blocks[i] *= q.Limits().Cores
		g.kernels[i] = g.kernels[i].Overlap()
	}
	if g.finish, err = module.Kernel("finish", 0); err != nil {
		return nil, err
	}
	g.finish = g.finish.Overlap()
	return g, nil
}

// kernelFor is the number of the kernel for so many tokens, -1 for none.
func (g *batched) kernelFor(tokens int) int {
	if g == nil || tokens < fewestBatched || tokens > mostBatched {
		return -1
	}
	for i, most := range batchedTokens {
		if tokens <= most && g.kernels[i] != nil {
			return i
		}
	}
	return -1
}

// batchedPlan is how a product is shared out, and where things are in the workspace.
type batchedPlan struct {
	space         gemmSpace
	partial, end  uint64
	tiles, splits int
	tokens        int // of the kernel
}

// planBatched shares a product out: of the ways to cut the columns it takes the one whose blocks
// are done first, each cut costing as much as a step of columns.
func (x *Kernel) planBatched(kernel, tokens int) (p batchedPlan) {
	g := x.batched
	rows := g.rows
	if x.Gated {
		rows /= 2
	}
	p.space = x.inputSpace(tokens)
	p.tokens, p.tiles = batchedTokens[kernel], (x.Outputs()+rows-1)/rows
	steps := (roundUp(x.Matrix.N, padding) + g.columns - 1) / g.columns
	least := 0
	for splits := 1; splits <= min(steps, 32); splits++ {
		waves := (p.tiles*splits + g.blocks[kernel] - 1) / max(1, g.blocks[kernel])
		cost := waves * ((steps+splits-1)/splits + 2)
		if splits > 1 {
			cost++
		}
		if least == 0 || cost < least {
			least, p.splits = cost, splits
		}
	}
	p.end = p.space.end
	if p.splits > 1 {
		p.partial = p.end
		p.end += uint64(4*p.tokens*g.rows) * uint64(p.tiles*p.splits)
	}
	return p
}

// batchedSpace is the most of the workspace that batches of up to so many tokens take.
func (x *Kernel) batchedSpace(tokens int) (most uint64) {
	for _, n := range append(batchedTokens[:], tokens) {
		if k := x.batched.kernelFor(min(n, tokens)); k >= 0 {
			most = max(most, x.planBatched(k, min(n, tokens)).end)
		}
	}
	return most
}

// runBatched is Run by kernel number k.
func (x *Kernel) runBatched(k int, y, in uint64, tokens int) error {
	p, m := x.planBatched(k, tokens), x.Matrix
	p.space.end = p.end
	base, err := x.splitInputs(&p.space, in, tokens)
	if err != nil {
		return fmt.Errorf("%w: a product of %d tokens with %d rows of %d", err, tokens, m.Rows, m.N)
	}
	a := args.Batched{Weights: m.weights.Address(), X: base + p.space.xHigh, XUnits: base + p.space.xUnits, WUnits: m.units.Address(), Y: y, Partial: base + p.partial, At: m.at,
		N: int32(m.N), Depth: int32(roundUp(m.N, padding)), Outputs: int32(x.Outputs()), Tokens: int32(tokens), Act: int32(x.Act), Gated: gpu.Flag(x.Gated), Splits: int32(p.splits)}
	if x.Bias != nil {
		a.Bias = x.Bias.Address()
	}
	if err := x.batched.kernels[k].Launch(gpu.Grid{X: p.splits, Y: p.tiles, Threads: batchedThreads}, &a); err != nil || p.splits == 1 {
		return err
	}
	return x.batched.finish.Launch(gpu.Grid{X: p.tokens / 8, Y: p.tiles, Threads: batchedThreads}, &a)
}
