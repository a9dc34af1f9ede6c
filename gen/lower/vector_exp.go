package lower

import "github.com/kvgen/kvgen/gen/ir"

// expLimit is where exp ends: below -expLimit it is 0, above it no float32.
const expLimit = 88

// exponential computes e^x over lanes, with the operations of vecExp of package cpu in
// the same order.
type exponential struct {
	v           *vector
	least, most *ir.Value
}

// newExp loads the limits; capped exponents are kept from exceeding expLimit.
func (v *vector) newExp(capped bool) *exponential {
	e := &exponential{v: v, least: v.constant(-expLimit, "least")}
	if capped {
		e.most = v.constant(expLimit, "most")
	}
	return e
}

// of is e^x for x up to expLimit, NaN for NaN.
func (e *exponential) of(x *ir.Value) *ir.Value {
	v := e.v
	x = v.b.MaxF(e.least, x) // a NaN stays, as the second operand
	if e.most != nil {
		x = v.b.MinF(e.most, x)
	}
	// 1.5 * 2^23: the low bits are the integer
	shifted := v.addC(v.mulC(x, 1.44269504088896341), 12582912)
	n := v.subC(shifted, 12582912)
	r := v.sub(x, v.mulC(n, 0.693359375))
	r = v.sub(r, v.mulC(n, -2.12194440e-4))
	p := v.mulC(r, 1.9875691500e-4)
	for _, c := range []float32{1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1} {
		p = v.mul(v.addC(p, c), r)
	}
	p = v.mul(v.mul(v.addC(p, 5.0000001201e-1), r), r)
	p = v.addC(v.add(p, r), 1)
	bits := v.b.Shl(as(v.b, i32s(v.n), shifted), 23)
	return v.mul(p, as(v.b, f32s(v.n), v.b.AddI(bits, ir.Splat(127<<23))))
}

// sigmoid is g times the sigmoid of x, given -x.
func (e *exponential) sigmoid(g, minus *ir.Value) *ir.Value {
	return e.v.div(g, e.v.addC(e.of(minus), 1))
}
