package qkv

import (
	"fmt"

	"github.com/kvgen/kvgen/kernels/args"
	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/gpu/rope"
	"github.com/kvgen/kvgen/runtime/gpu/rows"
)

// Heads is what is between the products of Q, K and V and attention, for layers of one pair of
// types: norms, RoPE, the offset of keys, and the rows of the cache.
type Kernel struct {
	rows.Pair
	heads gpu.Kernel
}

// NewHeads compiles what stores into rows of a pair. For a layer that reads another's cache, and
// stores nothing, any pair of its sizes will do.
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
		return 0, 0, fmt.Errorf("gpu: the eps of a norm of heads is at least 0: %g was given", n.Eps)
	}
	if n.Weights != nil {
		weights, err = n.Weights.Address(), n.Weights.Holds("weights of a norm", uint64(4*dim))
	}
	return weights, n.Eps, err
}

// Layer is what a layer does to its heads, in this order: norm, offset of keys, RoPE, attention
// scale.
type Layer struct {
	Heads               int
	QNorm, KNorm, VNorm *Norm // nil for none
	// [KV heads][key dim] of float32 taken out of keys; nil for nothing
	Mu           *gpu.Buffer
	rope.Pairing // of RoPE, 0 pairs for none
	// queries at position p are scaled by 1 + AttnScale ln(1 + p/Every), 0 for none
	AttnScale      float32
	AttnScaleEvery int
	Gated          bool       // the product of Q has a row of gates after each head's query
	Keys, Values   *rows.Rows // nil for a layer that reads another's cache
}

// Place is where the heads of a matrix product lie: the first of token 0 at byte At, those of the
// next token LD values later.
type View struct {
	*gpu.Buffer
	At uint64
	LD int
}

// fits says whether tokens of n values lie in the product.
func (p View) fits(tokens, n int) error {
	if p.Buffer == nil {
		return fmt.Errorf("gpu: heads need the product that they lie in: none was given")
	}
	if p.LD < n || p.At%4 != 0 {
		return fmt.Errorf("gpu: a product has at least the %d values of its heads for each token and begins at a multiple of 4 bytes: %d values, from byte %d on", n, p.LD, p.At)
	}
	return p.Buffer.Fits(p.At, 4*(uint64(tokens-1)*uint64(p.LD)+uint64(n)))
}

func (p View) at() uint64 { return p.Buffer.Address() + p.At }

// HeadsBatch is one call.
type Batch struct {
	Tokens    int
	Q, K, V   View        // V is K where values are the product of K
	Positions *gpu.Buffer // [Tokens] of int32
	// [Tokens] of int32: the rows of K and V; one that the cache does not have is left out
	Cells   *gpu.Buffer
	Angles  *rope.Angles // of the batch, not read where nothing rotates
	Queries *gpu.Buffer  // [Tokens][Heads][key dim] that attention takes
	// [Tokens][KV heads][key dim] keys before the offset is taken out; nil for nobody
	Raw *gpu.Buffer
}

// Run launches it.
func (x *Kernel) Run(l *Layer, b *Batch) error {
	a := args.Heads{
		Q: b.Q.at(), LDQ: int64(b.Q.LD), Positions: b.Positions.Address(), Out: b.Queries.Address(), Heads: int32(l.Heads), QStep: int32(x.Key.Dim),
		Pairs: int32(l.Pairs), Adjacent: gpu.Flag(l.Adjacent), AttnScale: l.AttnScale, Every: int32(max(1, l.AttnScaleEvery)),
	}
	if l.Gated {
		a.QStep *= 2
	}
	switch {
	case b.Tokens < 1 || l.Heads < 1:
		return fmt.Errorf("gpu: a batch has at least 1 token and 1 query head: %d tokens of %d heads", b.Tokens, l.Heads)
	case 2*l.Pairs > x.Key.Dim || l.Pairs < 0:
		return fmt.Errorf("gpu: RoPE has 0 to %d pairs of a head of %d values: %d were given", x.Key.Dim/2, x.Key.Dim, l.Pairs)
	case l.AttnScale != 0 && l.AttnScaleEvery < 1:
		return fmt.Errorf("gpu: the attention scale grows every so many positions, at least 1: %d was given", l.AttnScaleEvery)
	}
	errs := []error{b.Q.fits(b.Tokens, (l.Heads-1)*int(a.QStep)+x.Key.Dim), b.Positions.Holds("positions of the batch", uint64(4*b.Tokens)), b.Queries.Holds("queries", uint64(4*b.Tokens*l.Heads*x.Key.Dim))}
	if l.Pairs > 0 {
		if b.Angles == nil {
			return fmt.Errorf("gpu: RoPE of %d pairs needs the angles of the batch: none were given", l.Pairs)
		}
		if b.Angles.Pairs != l.Pairs || b.Angles.Tokens < b.Tokens {
			return fmt.Errorf("gpu: angles must be for %d pairs and at least %d tokens: they are for %d pairs and %d tokens", l.Pairs, b.Tokens, b.Angles.Pairs, b.Angles.Tokens)
		}
		a.Cos, a.Sin = b.Angles.Cos.Address(), b.Angles.Sin.Address()
	}
	var err error
	if a.QNorm, a.QEps, err = l.QNorm.args(x.Key.Dim); err != nil {
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
	return x.heads.Launch(gpu.Grid{X: b.Tokens, Y: l.Heads + 2*int(a.KVHeads), Threads: 32}, &a)
}

// stores adds what K and V are made of and go to.
func (x *Kernel) stores(a *args.Heads, l *Layer, b *Batch) error {
	k, v := l.Keys, l.Values
	if v == nil || k.Side != x.Key || v.Side != x.Value || !k.Key || v.Key {
		return fmt.Errorf("gpu: K and V are stored in rows of the pair that the kernel was compiled for, K %s and V %s: the layer has others", x.Key.Type.Name, x.Value.Type.Name)
	}
	if k.Heads != v.Heads {
		return fmt.Errorf("gpu: K and V have as many KV heads: %d and %d", k.Heads, v.Heads)
	}
	a.K, a.V, a.LDK, a.LDV = b.K.at(), b.V.at(), int64(b.K.LD), int64(b.V.LD)
	a.Keys, a.Values, a.KVHeads = k.Args(), v.Args(), int32(k.Heads)
	var err error
	if a.KNorm, a.KEps, err = l.KNorm.args(k.Dim); err != nil {
		return err
	}
	if a.VNorm, a.VEps, err = l.VNorm.args(v.Dim); err != nil {
		return err
	}
	for _, err := range []error{b.K.fits(b.Tokens, k.Heads*k.Dim), b.V.fits(b.Tokens, v.Heads*v.Dim), b.Cells.Holds("cells of the batch", uint64(4*b.Tokens))} {
		if err != nil {
			return err
		}
	}
	a.Cells = b.Cells.Address()
	if l.Mu != nil {
		a.Mu = l.Mu.Address()
		if err := l.Mu.Holds("offset of the keys", uint64(4*k.Heads*k.Dim)); err != nil {
			return err
		}
	}
	if b.Raw != nil {
		a.Raw = b.Raw.Address()
		return b.Raw.Holds("keys before the offset", uint64(4*b.Tokens*k.Heads*k.Dim))
	}
	return nil
}

// HeadsSource is the program with the kernel heads, which stores into rows of a pair.
func Source(d *gpu.Dialect, p rows.Pair) (*gpu.Source, error) {
	return rows.PairsSource(d, "heads", []string{""}, p)
}
