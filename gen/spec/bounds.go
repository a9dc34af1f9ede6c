package spec

import (
	"fmt"
	"math"
)

// Bounds is what is known of a number before any block is seen: it lies in Lo..Hi, whatever the
// bytes and the input are.
//
// An integer is an int32. These bounds prove that every sum, difference, product, quotient and
// negation stays one; an operation that may not is refused. Numbers that trunc, rint and round make
// of an unbounded float are an exception. A float that does not fit gives -2^31, so arithmetic with
// them is Wild: it wraps, on every target alike, until clamp, min, max or % bounds it.
type Bounds struct {
	Lo, Hi float64
	NaN    bool // of a Float: it may be NaN
	// of an Int: made of a float that nothing bounds, so that arithmetic may have wrapped
	Wild bool
}

// minInt32 and maxInt32 bound an integer of the language. An f32 holds every integer up to
// exactInt.
const (
	minInt32 = math.MinInt32
	maxInt32 = math.MaxInt32
	exactInt = 1 << 24
)

// Within reports whether the number lies in lo..hi and is not NaN.
func (b Bounds) Within(lo, hi float64) bool { return lo <= b.Lo && b.Hi <= hi && !b.NaN }

// MayWrap reports whether an integer operation with this result is arithmetic that can leave an
// int32 and come in again.
func (b Bounds) MayWrap() bool { return b == anyInt() }

// isInt32 reports whether an integer operation with this result cannot have wrapped.
func (b Bounds) isInt32() bool { return b.Within(minInt32, maxInt32) }

// String says which values there can be.
func (b Bounds) String() string {
	if b.Wild && b.Lo < -exactInt && b.Hi > exactInt && b.isInt32() {
		return "anything"
	}
	return fmt.Sprintf("%.0f to %.0f", b.Lo, b.Hi)
}

// ExactFloat reports whether x and every integer that it is made of are so small that an f32 holds
// them exactly: only then may a target compute them in f32.
func ExactFloat(x Expr) bool {
	exact := true
	Walk(x, func(x Expr) {
		if k, _ := x.Type(); k == Int {
			exact = exact && x.Bounds().Within(-exactInt, exactInt) && !x.Bounds().Wild
		}
	})
	return exact
}

// anyFloat is what is known of an input or a stored float; anyInt of an integer that was made of
// one.
func anyFloat() Bounds { return Bounds{Lo: math.Inf(-1), Hi: math.Inf(1), NaN: true} }
func anyInt() Bounds   { return Bounds{Lo: minInt32, Hi: maxInt32, Wild: true} }

// between is the smallest interval that holds all of v.
func between(v ...float64) Bounds {
	b := Bounds{Lo: v[0], Hi: v[0]}
	for _, x := range v {
		b.Lo, b.Hi = min(b.Lo, x), max(b.Hi, x)
	}
	return b
}

// or is the smallest bounds that hold a and b.
func (b Bounds) or(c Bounds) Bounds {
	return Bounds{min(b.Lo, c.Lo), max(b.Hi, c.Hi), b.NaN || c.NaN, b.Wild || c.Wild}
}

// tame makes an integer that something keeps away from the ends of an int32 no longer wild.
func (b Bounds) tame() Bounds {
	b.Wild = b.Wild && (b.Lo <= minInt32 || b.Hi >= maxInt32-127)
	return b
}

func (b Bounds) finite() bool { return !math.IsInf(b.Lo, 0) && !math.IsInf(b.Hi, 0) && !b.NaN }

func (b Bounds) negative() Bounds {
	b.Lo, b.Hi = -b.Hi, -b.Lo
	return b
}

func (b Bounds) abs() Bounds {
	switch {
	case b.Lo >= 0:
	case b.Hi <= 0:
		return b.negative()
	default:
		b.Lo, b.Hi = 0, max(-b.Lo, b.Hi)
	}
	return b
}

// lesser and greater are min(b, c) and max(b, c) as the language defines them: a NaN in b gives c.
func (b Bounds) lesser(c Bounds) Bounds {
	lo, hi := min(b.Lo, c.Lo), min(b.Hi, c.Hi)
	if b.NaN {
		hi = c.Hi
	}
	return Bounds{lo, hi, c.NaN, b.Wild || c.Wild}.tame()
}

func (b Bounds) greater(c Bounds) Bounds {
	lo, hi := max(b.Lo, c.Lo), max(b.Hi, c.Hi)
	if b.NaN {
		lo = c.Lo
	}
	return Bounds{lo, hi, c.NaN, b.Wild || c.Wild}.tame()
}

// rounded makes room for one rounding to f32; what leaves f32 is unbounded.
func (b Bounds) rounded() Bounds {
	if !b.finite() || b.Lo < -math.MaxFloat32 || b.Hi > math.MaxFloat32 {
		return anyFloat()
	}
	return b.outward()
}

// outward moves the ends of b by one f32, unless they are small whole numbers or infinite, so that
// one rounding to f32 stays inside.
func (b Bounds) outward() Bounds {
	move := func(v float64, to float32) float64 {
		if math.IsInf(v, 0) || v == math.Trunc(v) && math.Abs(v) <= exactInt {
			return v
		}
		return float64(math.Nextafter32(float32(v), to))
	}
	b.Lo, b.Hi = move(b.Lo, -math.MaxFloat32), move(b.Hi, math.MaxFloat32)
	return b
}

// arithmeticBounds is b op c for + - * / and, of integers, %, before it is cut to what the kind
// holds.
func arithmeticBounds(op string, kind Kind, b, c Bounds) Bounds {
	var r Bounds
	switch {
	case kind == Float && !(b.finite() && c.finite()):
		return anyFloat()
	case op == "+":
		r = between(b.Lo+c.Lo, b.Hi+c.Hi)
	case op == "-":
		r = between(b.Lo-c.Hi, b.Hi-c.Lo)
	case op == "*":
		r = between(b.Lo*c.Lo, b.Lo*c.Hi, b.Hi*c.Lo, b.Hi*c.Hi)
	case kind == Float: // a quotient
		if c.Lo <= 0 && c.Hi >= 0 {
			return anyFloat()
		}
		r = between(b.Lo/c.Lo, b.Lo/c.Hi, b.Hi/c.Lo, b.Hi/c.Hi)
	case op == "/":
		r = quotientBounds(b, c)
	default:
		return remainderBounds(b, c)
	}
	if kind == Float {
		return r.rounded()
	}
	r.Wild = b.Wild || c.Wild
	return r
}

// quotientBounds bounds an integer division, which truncates; x/0 is 0.
func quotientBounds(b, c Bounds) Bounds {
	r := Bounds{}
	started := false
	for _, y := range [][2]float64{{c.Lo, min(c.Hi, -1)}, {max(c.Lo, 1), c.Hi}} {
		if y[0] > y[1] {
			continue
		}
		t := math.Trunc
		part := between(t(b.Lo/y[0]), t(b.Lo/y[1]), t(b.Hi/y[0]), t(b.Hi/y[1]))
		if !started {
			r, started = part, true
		}
		r = r.or(part)
	}
	if c.Lo <= 0 && c.Hi >= 0 {
		r = r.or(Bounds{})
	}
	return r
}

// remainderBounds bounds a % b, as C defines its sign; x%0 is 0.
func remainderBounds(b, c Bounds) Bounds {
	most := max(math.Abs(c.Lo), math.Abs(c.Hi)) - 1
	if c.Lo == c.Hi && c.Lo != 0 && b.abs().Hi <= most {
		return b
	}
	most = max(most, 0)
	return Bounds{Lo: max(min(b.Lo, 0), -most), Hi: min(max(b.Hi, 0), most)}
}

// wholeBounds bounds trunc, rint or round of a float. The arguments are the two functions that
// bound the rounding from below and above.
func wholeBounds(fn string, b Bounds) Bounds {
	of := map[string]func(float64) float64{"trunc": math.Trunc, "rint": math.RoundToEven, "round": math.Round}[fn]
	r := Bounds{Lo: of(b.Lo), Hi: of(b.Hi)}
	if r.isInt32() && !b.NaN {
		return r
	}
	// What does not fit gives -2^31; the largest f32 below 2^31 is 2^31 - 128.
	return Bounds{Lo: minInt32, Hi: max(minInt32, min(r.Hi, maxInt32-127)), Wild: true}
}
