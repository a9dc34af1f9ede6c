package qkv

import (
	"fmt"

	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/gpu/rope"
	"github.com/kvgen/kvgen/runtime/gpu/rows"
)

// Heads is what is between the products of Q, K and V and attention, for layers of one pair of types: norms, RoPE, the offset of keys,
// and the rows of the cache.
type Kernel struct {
	rows.Pair
	heads gpu.Kernel
}

// NewHeads compiles what stores into rows of a pair. For a layer that reads another's cache, and stores nothing, any pair of its sizes
// will do.
func New(q *gpu.Queue, p rows.Pair) (*Kernel, error) {
	k, err := q.Kernel("heads", func(d *gpu.Dialect) (*gpu.Source, error) { return Source(d, p) })
	if err != nil {
		return nil, err
	}
	return &Kernel{p, k.Overlap()}, nil
}

// Norm is an RMS norm of heads.
type Norm struct {
	Weights *gpu.Buffer // [dim] of float32, nil for all ones
	Eps     float32
}

// args is a norm, nil for none, as struct Heads has it: weights and eps.
func (n *Norm) args(dim int) (weights uint64, eps float32, err error) {
	if n == nil {
		return 0, -1, nil
	}
	if n.Eps < 0 {
		return 0, 0, fmt.Errorf("cuda: a norm with eps %g", n.Eps)
	}
	if n.Weights != nil {
		weights, err = n.Weights.Address(), n.Weights.Fits(0, uint64(4*dim))
	}
	return weights, n.Eps, err
}

// HeadsLayer is what a layer does to its heads, in this order: norm, offset of keys, RoPE, temper.
type Layer struct {
	Heads               int
	QNorm, KNorm, VNorm *Norm       // nil for none
	Mu                  *gpu.Buffer // [KV heads][key dim] of float32 taken out of keys; nil for nothing
	rope.Pairing                    // of RoPE, 0 pairs for none
	AttnScale           float32     // queries at position p are scaled by 1 + Temper ln(1 + p/Every), 0 for none
	AttnScaleEvery      int
	Gated               bool       // the product of Q has a row of gates after each head's query
	Keys, Values        *rows.Rows // nil for a layer that reads another's cache
}

// Place is where the heads of a matrix product lie: the first of token 0 at byte At, those of the next token LD values later.
type View struct {
	*gpu.Buffer
	At uint64
	LD int
}

// fits says whether tokens of n values lie in the product.
func (p View) fits(tokens, n int) error {
	if p.Buffer == nil || p.LD < n || p.At%4 != 0 {
		return fmt.Errorf("cuda: a product of %d values a token, from byte %d on, for heads of %d", p.LD, p.At, n)
	}
	return p.Buffer.Fits(p.At, 4*(uint64(tokens-1)*uint64(p.LD)+uint64(n)))
}

func (p View) at() uint64 { return p.Buffer.Address() + p.At }

// HeadsBatch is one call.
type Batch struct {
	Tokens    int
	Q, K, V   View         // V is K where values are the product of K
	Positions *gpu.Buffer  // [Tokens] of int32
	Cells     *gpu.Buffer  // [Tokens] of int32: the rows of K and V; one that the cache does not have is left out
	Angles    *rope.Angles // of the batch, not read where nothing turns
	Queries   *gpu.Buffer  // [Tokens][Heads][key dim] that attention takes
	Raw       *gpu.Buffer  // [Tokens][KV heads][key dim] keys before the offset is taken out; nil for nobody
}

// headsArgs is struct Heads of heads.cu.
type headsArgs struct {
	q, k, v                uint64
	ldq, ldk, ldv          int64
	qNorm, kNorm, vNorm    uint64
	cos, sin, mu, out, raw uint64
	positions, cells       uint64
	keys, values           rows.RowsArgs
	heads, kvHeads, qStep  int32
	pairs, adjacent        int32
	qEps, kEps, vEps       float32
	temper                 float32
	every                  int32
}

// Run launches it.
func (x *Kernel) Run(l *Layer, b *Batch) error {
	a := headsArgs{
		q: b.Q.at(), ldq: int64(b.Q.LD), positions: b.Positions.Address(), out: b.Queries.Address(), heads: int32(l.Heads), qStep: int32(x.Key.Dim),
		pairs: int32(l.Pairs), adjacent: gpu.Flag(l.Adjacent), temper: l.AttnScale, every: int32(max(1, l.AttnScaleEvery)),
	}
	if l.Gated {
		a.qStep *= 2
	}
	if b.Tokens < 1 || l.Heads < 1 || 2*l.Pairs > x.Key.Dim || l.Pairs < 0 || l.AttnScale != 0 && l.AttnScaleEvery < 1 {
		return fmt.Errorf("cuda: %d tokens of %d heads of %d values, %d pairs turned, tempered every %d positions", b.Tokens, l.Heads, x.Key.Dim, l.Pairs, l.AttnScaleEvery)
	}
	errs := []error{b.Q.fits(b.Tokens, (l.Heads-1)*int(a.qStep)+x.Key.Dim), b.Positions.Fits(0, uint64(4*b.Tokens)), b.Queries.Fits(0, uint64(4*b.Tokens*l.Heads*x.Key.Dim))}
	if l.Pairs > 0 {
		if b.Angles == nil || b.Angles.Pairs != l.Pairs || b.Angles.Tokens < b.Tokens {
			return fmt.Errorf("cuda: no angles for %d pairs of %d tokens", l.Pairs, b.Tokens)
		}
		a.cos, a.sin = b.Angles.Cos.Address(), b.Angles.Sin.Address()
	}
	var err error
	if a.qNorm, a.qEps, err = l.QNorm.args(x.Key.Dim); err != nil {
		return err
	}
	if l.Keys != nil {
		errs = append(errs, x.stores(&a, l, b))
	}
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return x.heads.Launch(gpu.Grid{X: b.Tokens, Y: l.Heads + 2*int(a.kvHeads), Threads: 32}, &a)
}

// stores adds what K and V are made of and go to.
func (x *Kernel) stores(a *headsArgs, l *Layer, b *Batch) error {
	k, v := l.Keys, l.Values
	if v == nil || k.Side != x.Key || v.Side != x.Value || !k.Key || v.Key || k.Heads != v.Heads {
		return fmt.Errorf("cuda: heads of %s and %s go to rows of other sides", x.Key.Type.Name, x.Value.Type.Name)
	}
	a.k, a.v, a.ldk, a.ldv = b.K.at(), b.V.at(), int64(b.K.LD), int64(b.V.LD)
	a.keys, a.values, a.kvHeads = k.Args(), v.Args(), int32(k.Heads)
	var err error
	if a.kNorm, a.kEps, err = l.KNorm.args(k.Dim); err != nil {
		return err
	}
	if a.vNorm, a.vEps, err = l.VNorm.args(v.Dim); err != nil {
		return err
	}
	for _, err := range []error{b.K.fits(b.Tokens, k.Heads*k.Dim), b.V.fits(b.Tokens, v.Heads*v.Dim), b.Cells.Fits(0, uint64(4*b.Tokens))} {
		if err != nil {
			return err
		}
	}
	a.cells = b.Cells.Address()
	if l.Mu != nil {
		a.mu = l.Mu.Address()
		if err := l.Mu.Fits(0, uint64(4*k.Heads*k.Dim)); err != nil {
			return err
		}
	}
	if b.Raw != nil {
		a.raw = b.Raw.Address()
		return b.Raw.Fits(0, uint64(4*b.Tokens*k.Heads*k.Dim))
	}
	return nil
}

// HeadsSource is the program with the kernel heads, which stores into rows of a pair.
func Source(d *gpu.Dialect, p rows.Pair) (*gpu.Source, error) {
	return rows.PairsSource(d, "heads", []string{""}, p)
}
