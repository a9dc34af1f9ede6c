package jinja

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
)

func filterInt(r *run, x any, a *args) any {
	v := a.bind("int", 0, "default", "base")
	otherwise := or(v[0], int64(0))
	if u, ok := x.(*undefined); ok {
		u.fail()
	}
	if s, ok := text(x); ok {
		base := index(or(v[1], int64(10)))
		if base == 0 || base >= 2 && base <= 36 {
			if z, ok := toInt(s, base); ok {
				return z
			}
		}
		f, ok := toFloat(s)
		if !ok || math.IsInf(f, 0) || math.IsNaN(f) {
			return otherwise
		}
		return truncated(f)
	}
	switch x := x.(type) {
	case float64:
		if math.IsInf(x, 0) {
			fail("cannot convert float infinity to integer")
		}
		if math.IsNaN(x) {
			return otherwise
		}
		return truncated(x)
	}
	if z, ok := integer(x); ok {
		return norm(z)
	}
	return otherwise
}

func truncated(f float64) any {
	z, _ := big.NewFloat(f).Int(nil)
	return norm(z)
}

func filterFloat(_ *run, x any, a *args) any {
	v := a.bind("float", 0, "default")
	if u, ok := x.(*undefined); ok {
		u.fail()
	}
	if s, ok := text(x); ok {
		if f, ok := toFloat(s); ok {
			return f
		}
	} else if isNumber(x) {
		return float(x)
	}
	return or(v[0], 0.0)
}

func filterRound(r *run, x any, a *args) any {
	v := a.bind("round", 0, "precision", "method")
	method := or(v[1], "common")
	if s, _ := text(method); s != "common" && s != "ceil" && s != "floor" {
		fail("method must be common, ceil or floor")
	}
	if !isNumber(x) {
		fail("type %s doesn't define __round__ method", typeName(x))
	}
	p := or[any](v[0], int64(0))
	if s, _ := text(method); s != "common" {
		if !isNumber(p) {
			fail("unsupported operand type(s) for **: 'int' and '%s'", typeName(p))
		}
		scale := arithmetic("**", int64(10), p)
		scaled := arithmetic("*", x, scale)
		if _, ok := integer(scaled); ok {
			return arithmetic("/", scaled, scale)
		}
		y := float(scaled)
		if math.IsInf(y, 0) || math.IsNaN(y) {
			fail("cannot convert float infinity or NaN to integer")
		}
		if s == "ceil" {
			y = math.Ceil(y)
		} else {
			y = math.Floor(y)
		}
		return arithmetic("/", truncated(y), scale)
	}
	if p == nil {
		if f, ok := x.(float64); ok {
			if math.IsInf(f, 0) || math.IsNaN(f) {
				fail("cannot convert float infinity or NaN to integer")
			}
			return truncated(math.RoundToEven(f))
		}
		z, _ := integer(x)
		return norm(z)
	}
	digits := index(p)
	r.step(min(max(digits, -digits), 1<<14)/4 + 1)
	if f, ok := x.(float64); ok {
		return roundFloat(f, digits)
	}
	z, _ := integer(x)
	return roundInt(z, digits)
}

// roundFloat rounds the exact value of f, halves to even, to a number of decimal digits.
func roundFloat(f float64, digits int) any {
	switch {
	case math.IsInf(f, 0) || math.IsNaN(f) || digits > 322:
		return f
	case digits < -308:
		return math.Copysign(0, f)
	case digits >= 0:
		y, err := strconv.ParseFloat(strconv.FormatFloat(f, 'f', digits, 64), 64)
		if err != nil {
			fail("rounded value too large to represent")
		}
		return y
	}
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(-digits)), nil)
	x := new(big.Rat).SetFloat64(f)
	q := roundRat(x.Quo(x, new(big.Rat).SetInt(scale)))
	y, _ := new(big.Float).SetInt(q.Mul(q, scale)).Float64()
	if math.IsInf(y, 0) {
		fail("rounded value too large to represent")
	}
	if y == 0 {
		return math.Copysign(0, f)
	}
	return y
}

func roundInt(z *big.Int, digits int) any {
	if digits >= 0 {
		return norm(z)
	}
	if -digits > maxDigits*4 {
		return int64(0)
	}
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(-digits)), nil)
	q := roundRat(new(big.Rat).SetFrac(z, scale))
	return norm(q.Mul(q, scale))
}

func roundRat(x *big.Rat) *big.Int {
	twice := new(big.Int).Mul(x.Num(), big.NewInt(2))
	twice.Add(twice, x.Denom())
	den := new(big.Int).Mul(x.Denom(), big.NewInt(2))
	q, m := new(big.Int).DivMod(twice, den, new(big.Int))
	if m.Sign() == 0 && q.Bit(0) == 1 {
		q.Sub(q, big.NewInt(1))
	}
	return q
}

func filterSum(r *run, x any, a *args) any {
	v := a.bind("sum", 0, "attribute", "start")
	total := or[any](v[1], int64(0))
	if _, ok := text(total); ok {
		fail("sum() can't sum strings [use ''.join(seq) instead]")
	}
	get := attributeGetter(r, or[any](v[0], nil), false, nil)
	next := over(x)
	for {
		item, ok := next()
		if !ok {
			return total
		}
		r.step(1)
		total = r.binary("+", total, get(item))
	}
}

func filterFileSize(r *run, x any, a *args) any {
	v := a.bind("filesizeformat", 0, "binary")
	f := 0.0
	if s, ok := text(x); ok {
		if f, ok = toFloat(s); !ok {
			fail("could not convert string to float: %s", quote(s))
		}
	} else if isNumber(x) {
		f = float(x)
	} else {
		fail("float() argument must be a string or a real number, not '%s'", typeName(x))
	}
	base, units := 1000.0, []string{"kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"}
	if given(v[0]) && truth(v[0]) {
		base, units = 1024, []string{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"}
	}
	switch {
	case f == 1:
		return "1 Byte"
	case math.IsInf(f, 1):
		return "inf " + units[len(units)-1]
	case f < base:
		if math.IsInf(f, 0) || math.IsNaN(f) {
			fail("cannot convert float infinity or NaN to integer")
		}
		return r.str(truncated(f)) + " Bytes"
	}
	unit := base
	for i, name := range units {
		unit *= base
		if f < unit || i == len(units)-1 {
			if f = base * f / unit; math.IsInf(f, 0) {
				return "inf " + name
			}
			return fmt.Sprintf("%.1f %s", f, name)
		}
	}
	return nil
}
