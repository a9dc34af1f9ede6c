package lower

import "github.com/kvgen/kvgen/gen/ir"

// factor is levels or codes in the sums of products with quants that kernels on bytes add up.
type factor struct {
	bytes  *ir.Value
	signed bool // a byte may be negative
	folded bool // the sums of both halves of a vector are added; a byte is signed
}

// signedFactor is levels of which some are negative.
func signedFactor(b *ir.Builder, levels *ir.Value) factor {
	return factor{bytes: b.Factor(levels), signed: true}
}

// foldedFactor is levels from -128 to 127 whose products are summed in half a vector.
func foldedFactor(b *ir.Builder, levels *ir.Value) factor {
	return factor{bytes: b.Factor(levels), folded: true}
}

// addTo adds the products with quants to sum, which is nil before the first.
func (f factor) addTo(b *ir.Builder, sum, quants *ir.Value) *ir.Value {
	switch {
	case f.folded && sum == nil:
		return b.FoldS8(f.bytes, quants)
	case f.folded:
		b.FoldS8Acc(sum, f.bytes, quants)
	case f.signed && sum == nil:
		return b.DotS8(f.bytes, quants)
	case f.signed:
		b.DotS8Acc(sum, f.bytes, quants)
	case sum == nil:
		return b.DotU8S8(f.bytes, quants)
	default:
		b.DotAcc(sum, f.bytes, quants)
	}
	return sum
}

// ask asks for n bytes that are read after those at p by as much as memory needs.
func (f Prefetch) ask(b *ir.Builder, p *ir.Value, n int) {
	if f.Ahead == 0 {
		return
	}
	for at := 0; at < n; at += f.Line {
		b.Prefetch(ir.At(p, f.Ahead+at))
	}
}
