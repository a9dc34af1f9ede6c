package spec

import (
	"math"
	"slices"
)

// What encode gives a code must fit its bits. Bounds that hold for every input prove it where a
// clamp or nearest stands. They cannot where a code is a value over the largest of its block, as in
// most published formats: trunc(x*inv(d) + 8.5) for d = extremum(x) / -8.
//
// So there is a second proof, for ordinary blocks: all numbers are finite, and neither so large nor
// so small that a quotient of two leaves the normal numbers of f32. It knows that |x| is at most
// absmax(x), and follows that ratio through the formulas. In other blocks, which hold NaN or
// nothing but subnormals, a code is the low bits of what it was given, as in the formats that
// others defined.

// A unit is a product of powers of reductions, which are all positive: units[k] is the power of
// reduction k.
type unit [maxUnits]int8

const maxUnits, maxRatios = 16, 12

// A ratio is a fact about a value: the value is a number of lo..hi times a unit, and that number's
// magnitude is mlo..mhi.
type ratio struct {
	unit             unit
	lo, hi, mlo, mhi float64
}

// ratios are facts about one value, all of which hold.
type ratios []ratio

// reduction is a unit: the largest magnitude of the expression with that text, or, with spread, how
// far its values lie apart.
type reduction struct {
	text   string
	group  int
	spread bool
}

// ordinary finds the ratios of one encoder.
type ordinary struct {
	block      int
	reductions []reduction
	known      map[string]ratios // of the statements so far
	value      map[string]Expr   // what a name was assigned
}

func sameText(s string) string { return s }

// checkFit: what a code is given fits its bits.
func (s *scope) checkFit() {
	if s.typ.Encode == nil {
		return
	}
	o := &ordinary{block: s.block, known: map[string]ratios{}, value: map[string]Expr{}}
	for _, a := range s.typ.Encode {
		Walk(a.X, o.collect)
	}
	for _, a := range s.typ.Encode {
		r := o.of(a.X)
		o.known[a.Name], o.value[a.Name] = r, a.X
		c := s.codes[a.Name]
		if c == nil {
			continue
		}
		lo, hi := 0.0, float64(int(1)<<c.Bits-1)
		if c.Signed {
			lo, hi = -(hi+1)/2, (hi-1)/2
		}
		b := a.X.Bounds()
		if b.Within(lo, hi) {
			continue
		}
		if n, ok := r.number(); ok {
			b.Lo, b.Hi = max(b.Lo, n.lo), min(b.Hi, n.hi)
		}
		if !b.Within(lo, hi) {
			s.fail(ruleCodeFit, a.X.Pos(), a.Name, c.Bits, lo, hi, b)
		}
	}
}

// collect makes units of the reductions in an expression.
func (o *ordinary) collect(x Expr) {
	c, ok := x.(*Call)
	if !ok {
		return
	}
	r := reduction{group: c.Group}
	switch {
	case c.Fn == "absmax" || c.Fn == "extremum" || c.Fn == "max" && isReduce(c) && c.Args[0].Bounds().Lo >= 0:
	case (c.Fn == "max" || c.Fn == "min") && isReduce(c):
		r.spread = true
	default:
		return
	}
	r.text = Text(c.Args[0], sameText)
	if len(o.reductions) < maxUnits && !slices.Contains(o.reductions, r) {
		o.reductions = append(o.reductions, r)
	}
}

func isReduce(c *Call) bool { return len(c.Args) == 1 || c.Group > 0 }

// unit returns the unit of a reduction; ok is false when there are more than maxUnits.
func (o *ordinary) unit(text string, group int, spread bool) (u unit, ok bool) {
	k := slices.Index(o.reductions, reduction{text, group, spread})
	if k < 0 {
		return u, false
	}
	u[k] = 1
	return u, true
}

// of finds what is known of x.
func (o *ordinary) of(x Expr) ratios {
	if kindOf(x) == Bool {
		return nil
	}
	r := o.operation(x)
	if b := x.Bounds(); !math.IsInf(b.Lo, 0) && !math.IsInf(b.Hi, 0) && !b.Wild {
		r = append(r, interval(unit{}, b.Lo, b.Hi))
	}
	if k := kindOf(x); k == Float && len(o.reductions) > 0 {
		text := Text(x, sameText)
		for k, red := range o.reductions {
			if red.text == text && !red.spread {
				var u unit
				u[k] = 1
				lo := -1.0
				if x.Bounds().Lo >= 0 {
					lo = 0
				}
				r = append(r, interval(u, lo, 1))
			}
		}
	}
	if len(r) > maxRatios {
		r = r[:maxRatios]
	}
	return r
}

// interval is the ratio of a number of lo..hi to no unit at all.
func interval(u unit, lo, hi float64) ratio {
	b := Bounds{Lo: lo, Hi: hi}.abs()
	return ratio{u, lo, hi, b.Lo, b.Hi}
}

// number is what is known of a value without a unit.
func (r ratios) number() (n ratio, ok bool) {
	n = ratio{lo: math.Inf(-1), hi: math.Inf(1), mhi: math.Inf(1)}
	for _, x := range r {
		if x.unit == (unit{}) {
			n.lo, n.hi, ok = max(n.lo, x.lo), min(n.hi, x.hi), true
			n.mlo, n.mhi = max(n.mlo, x.mlo), min(n.mhi, x.mhi)
		}
	}
	return n, ok
}

func (o *ordinary) operation(x Expr) ratios {
	switch x := x.(type) {
	case *Ref:
		return slices.Clone(o.known[x.Name])
	case *Unary:
		return o.of(x.X).each(func(r ratio) ratio { return ratio{r.unit, -r.hi, -r.lo, r.mlo, r.mhi} })
	case *Binary:
		return o.binary(x)
	case *Cond:
		return pairs(o.of(x.Then), o.of(x.Else), func(a, b ratio) ratio {
			return ratio{a.unit, min(a.lo, b.lo), max(a.hi, b.hi), min(a.mlo, b.mlo), max(a.mhi, b.mhi)}
		})
	case *Call:
		return o.call(x)
	}
	return nil
}

func (r ratios) each(f func(ratio) ratio) ratios {
	out := make(ratios, len(r))
	for k, x := range r {
		out[k] = f(x)
	}
	return out
}

// pairs combines the facts of two values that share a unit. Zero is 0 times any unit.
func pairs(a, b ratios, join func(a, b ratio) ratio) (out ratios) {
	for _, x := range a {
		for _, y := range b {
			switch {
			case x.unit == y.unit:
			case y.mhi == 0:
				y.unit = x.unit
			case x.mhi == 0:
				x.unit = y.unit
			default:
				continue
			}
			out = append(out, join(x, y))
		}
	}
	return out
}

func (o *ordinary) binary(x *Binary) ratios {
	a, b := o.of(x.X), o.of(x.Y)
	switch {
	case x.Op == "+":
		return pairs(a, b, func(a, b ratio) ratio { return interval(a.unit, a.lo+b.lo, a.hi+b.hi) })
	case x.Op == "-":
		r := pairs(a, b, func(a, b ratio) ratio { return interval(a.unit, a.lo-b.hi, a.hi-b.lo) })
		return append(r, o.difference(x.X, x.Y)...)
	case x.Op == "*":
		return product(a, b)
	case x.Op == "/" && x.Kind == Float:
		return product(a, b.inverse(false))
	}
	return nil
}

// difference bounds x - min(x): at least 0, and at most the spread.
func (o *ordinary) difference(x, y Expr) ratios {
	least, ok := o.reduced(y, "min")
	if !ok {
		return nil
	}
	u, ok := o.unit(Text(least.Args[0], sameText), least.Group, true)
	if !ok {
		return nil
	}
	if most, ok := o.reduced(x, "max"); ok && most.Group == least.Group && Text(most.Args[0], sameText) == Text(least.Args[0], sameText) {
		return ratios{interval(u, 1, 1)}
	}
	if Text(x, sameText) == Text(least.Args[0], sameText) {
		return ratios{interval(u, 0, 1)}
	}
	return nil
}

// reduced returns the reduction fn that x is, perhaps under a name.
func (o *ordinary) reduced(x Expr, fn string) (*Call, bool) {
	for range maxAttrs {
		ref, ok := x.(*Ref)
		if !ok || o.value[ref.Name] == nil {
			break
		}
		x = o.value[ref.Name]
	}
	c, ok := x.(*Call)
	return c, ok && c.Fn == fn && isReduce(c)
}

func product(a, b ratios) (out ratios) {
	for _, x := range a {
		for _, y := range b {
			p := between(x.lo*y.lo, x.lo*y.hi, x.hi*y.lo, x.hi*y.hi)
			if p.Lo-p.Lo != 0 || p.Hi-p.Hi != 0 {
				continue
			}
			r := ratio{x.unit, p.Lo, p.Hi, x.mlo * y.mlo, x.mhi * y.mhi}
			for k := range r.unit {
				r.unit[k] += y.unit[k]
			}
			out = append(out, r)
		}
	}
	// facts in simple units are kept first
	slices.SortStableFunc(out, func(a, b ratio) int { return powers(a.unit) - powers(b.unit) })
	return out
}

func powers(u unit) (n int) {
	for _, p := range u {
		n += int(max(p, -p))
	}
	return n
}

// inverse is 1/r for what is not near 0. inv(0) is 0, where inv says so.
func (r ratios) inverse(orZero bool) (out ratios) {
	for _, x := range r {
		if x.mlo <= 0 {
			continue
		}
		i := ratio{lo: -1 / x.mlo, hi: 1 / x.mlo, mlo: 1 / x.mhi, mhi: 1 / x.mlo}
		if x.lo > 0 {
			i.lo = 1 / x.mhi
		} else if x.hi < 0 {
			i.hi = -1 / x.mhi
		}
		if orZero {
			i.lo, i.hi, i.mlo = min(i.lo, 0), max(i.hi, 0), 0
		}
		for k := range i.unit {
			i.unit[k] = -x.unit[k]
		}
		out = append(out, i)
	}
	return out
}
