package cuda

import (
	"fmt"
	"unsafe"
)

// Heads is what is between the products of Q, K and V and attention, for layers of one pair of types: norms, RoPE, the offset of keys,
// and the rows of the cache.
type Heads struct {
	Pair
	heads *Function
}

// NewHeads compiles what stores into rows of a pair. For a layer that reads another's cache, and stores nothing, any pair of its sizes
// will do.
func (d *Device) NewHeads(c *Compiler, p Pair) (*Heads, error) {
	f, err := d.kernel(c, "heads", func() (*Source, error) { return HeadsSource(p, c.texts()) })
	if err != nil {
		return nil, err
	}
	return &Heads{p, f.Early()}, nil
}

// kernel compiles a program and finds its kernel of that name.
func (d *Device) kernel(c *Compiler, name string, source func() (*Source, error)) (*Function, error) {
	src, err := source()
	if err != nil {
		return nil, err
	}
	m, err := d.build(c, src)
	if err != nil {
		return nil, err
	}
	return m.Function(name, 0)
}

// Norm is an RMS norm of heads.
type Norm struct {
	Weights *Memory // [dim] of float32, nil for all ones
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
		weights, err = n.Weights.at, n.Weights.fits(0, uint64(4*dim))
	}
	return weights, n.Eps, err
}

// HeadsLayer is what a layer does to its heads, in this order: norm, offset of keys, RoPE, temper.
type HeadsLayer struct {
	Heads               int
	QNorm, KNorm, VNorm *Norm   // nil for none
	Mu                  *Memory // [KV heads][key dim] of float32 taken out of keys; nil for nothing
	Pairing                     // of RoPE, 0 pairs for none
	Temper              float32 // queries at position p are scaled by 1 + Temper ln(1 + p/Every), 0 for none
	Every               int
	Gated               bool  // the product of Q has a row of gates after each head's query
	Keys, Values        *Rows // nil for a layer that reads another's cache
}

// Place is where the heads of a matrix product lie: the first of token 0 at byte At, those of the next token LD values later.
type Place struct {
	*Memory
	At uint64
	LD int
}

// fits says whether tokens of n values lie in the product.
func (p Place) fits(tokens, n int) error {
	if p.Memory == nil || p.LD < n || p.At%4 != 0 {
		return fmt.Errorf("cuda: a product of %d values a token, from byte %d on, for heads of %d", p.LD, p.At, n)
	}
	return p.Memory.fits(p.At, 4*(uint64(tokens-1)*uint64(p.LD)+uint64(n)))
}

func (p Place) at() uint64 { return p.Memory.at + p.At }

// HeadsBatch is one call.
type HeadsBatch struct {
	Tokens    int
	Q, K, V   Place   // V is K where values are the product of K
	Positions *Memory // [Tokens] of int32
	Cells     *Memory // [Tokens] of int32: the rows of K and V; one that the cache does not have is left out
	Angles    *Angles // of the batch, not read where nothing turns
	Queries   *Memory // [Tokens][Heads][key dim] that attention takes
	Raw       *Memory // [Tokens][KV heads][key dim] keys before the offset is taken out; nil for nobody
}

// headsArgs is struct Heads of heads.cu.
type headsArgs struct {
	q, k, v                uint64
	ldq, ldk, ldv          int64
	qNorm, kNorm, vNorm    uint64
	cos, sin, mu, out, raw uint64
	positions, cells       uint64
	keys, values           rowsArgs
	heads, kvHeads, qStep  int32
	pairs, adjacent        int32
	qEps, kEps, vEps       float32
	temper                 float32
	every                  int32
}

// Run launches it.
func (x *Heads) Run(l *HeadsLayer, b *HeadsBatch) error {
	a := headsArgs{
		q: b.Q.at(), ldq: int64(b.Q.LD), positions: b.Positions.at, out: b.Queries.at, heads: int32(l.Heads), qStep: int32(x.Key.Dim),
		pairs: int32(l.Pairs), adjacent: bit(l.Adjacent), temper: l.Temper, every: int32(max(1, l.Every)),
	}
	if l.Gated {
		a.qStep *= 2
	}
	if b.Tokens < 1 || l.Heads < 1 || 2*l.Pairs > x.Key.Dim || l.Pairs < 0 || l.Temper != 0 && l.Every < 1 {
		return fmt.Errorf("cuda: %d tokens of %d heads of %d values, %d pairs turned, tempered every %d positions", b.Tokens, l.Heads, x.Key.Dim, l.Pairs, l.Every)
	}
	errs := []error{b.Q.fits(b.Tokens, (l.Heads-1)*int(a.qStep)+x.Key.Dim), b.Positions.fits(0, uint64(4*b.Tokens)), b.Queries.fits(0, uint64(4*b.Tokens*l.Heads*x.Key.Dim))}
	if l.Pairs > 0 {
		if b.Angles == nil || b.Angles.Pairs != l.Pairs || b.Angles.tokens < b.Tokens {
			return fmt.Errorf("cuda: no angles for %d pairs of %d tokens", l.Pairs, b.Tokens)
		}
		a.cos, a.sin = b.Angles.Cos.at, b.Angles.Sin.at
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
	return x.heads.launch(b.Tokens, l.Heads+2*int(a.kvHeads), 32, unsafe.Pointer(&a))
}

// stores adds what K and V are made of and go to.
func (x *Heads) stores(a *headsArgs, l *HeadsLayer, b *HeadsBatch) error {
	k, v := l.Keys, l.Values
	if v == nil || k.Side != x.Key || v.Side != x.Value || !k.Key || v.Key || k.Heads != v.Heads {
		return fmt.Errorf("cuda: heads of %s and %s go to rows of other sides", x.Key.Type.Name, x.Value.Type.Name)
	}
	a.k, a.v, a.ldk, a.ldv = b.K.at(), b.V.at(), int64(b.K.LD), int64(b.V.LD)
	a.keys, a.values, a.kvHeads = k.args(), v.args(), int32(k.Heads)
	var err error
	if a.kNorm, a.kEps, err = l.KNorm.args(k.Dim); err != nil {
		return err
	}
	if a.vNorm, a.vEps, err = l.VNorm.args(v.Dim); err != nil {
		return err
	}
	for _, err := range []error{b.K.fits(b.Tokens, k.Heads*k.Dim), b.V.fits(b.Tokens, v.Heads*v.Dim), b.Cells.fits(0, uint64(4*b.Tokens))} {
		if err != nil {
			return err
		}
	}
	a.cells = b.Cells.at
	if l.Mu != nil {
		a.mu = l.Mu.at
		if err := l.Mu.fits(0, uint64(4*k.Heads*k.Dim)); err != nil {
			return err
		}
	}
	if b.Raw != nil {
		a.raw = b.Raw.at
		return b.Raw.fits(0, uint64(4*b.Tokens*k.Heads*k.Dim))
	}
	return nil
}

// Take packs rows that leave the exact ones.
type Take struct {
	Packed, Exact Pair
	take          *Function
}

// NewTake compiles it.
func (d *Device) NewTake(c *Compiler, packed, exact Pair) (*Take, error) {
	f, err := d.kernel(c, "take", func() (*Source, error) { return TakeSource(packed, exact, c.texts()) })
	return &Take{packed, exact, f}, err
}

// takeArgs is struct Take of take.cu.
type takeArgs struct {
	from, to                             uint64
	keys, values, exactKeys, exactValues rowsArgs
	kvHeads, _                           int32
}

// Run packs n rows of a layer: that of exact cell from[i], decoded, goes to packed cell to[i], both [n] of int32. Where one of them is
// below 0 nothing moves, so that a graph may have room for more rows than leave. The bits are those of the CPU's cache.
func (x *Take) Run(l *Layer, from, to *Memory, n int) error {
	e := l.Exact
	if e == nil || l.Keys.Side != x.Packed.Key || l.Values.Side != x.Packed.Value || e.Keys.Side != x.Exact.Key || e.Values.Side != x.Exact.Value {
		return fmt.Errorf("cuda: rows of %s and %s are taken from a layer of other sides", x.Packed.Key.Type.Name, x.Packed.Value.Type.Name)
	}
	for _, m := range []*Memory{from, to} {
		if err := l.Keys.lists(m, n, nil); err != nil {
			return err
		}
	}
	a := takeArgs{from: from.at, to: to.at, keys: l.Keys.args(), values: l.Values.args(), exactKeys: e.Keys.args(), exactValues: e.Values.args(), kvHeads: int32(l.Keys.Heads)}
	return x.take.launch(n, 2*l.Keys.Heads, 32, unsafe.Pointer(&a))
}
