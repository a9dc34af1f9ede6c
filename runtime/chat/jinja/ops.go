package jinja

import (
	"math"
	"math/big"
	"strings"
)

func (x *unaryExpr) eval(r *run) any {
	r.step(1)
	switch v := x.x.eval(r).(type) {
	case *undefined:
		v.fail()
	case float64:
		if x.op == '-' {
			return -v
		}
		return v
	default:
		z, ok := integer(v)
		if !ok {
			fail("bad operand type for unary %c: '%s'", x.op, typeName(v))
		}
		if x.op == '-' {
			z = new(big.Int).Neg(z)
		}
		return norm(z)
	}
	return nil
}

func (x *binaryExpr) eval(r *run) any {
	r.step(1)
	a := x.left.eval(r)
	return r.binary(x.op, a, x.right.eval(r))
}

func (r *run) binary(op string, a, b any) any {
	if op == "%" {
		if s, ok := a.(string); ok {
			return r.printf(s, b)
		}
		if s, ok := a.(markup); ok {
			return markup(r.printf(string(s), escapedArgs(r, b)))
		}
	}
	for _, v := range []any{a, b} {
		if u, ok := v.(*undefined); ok {
			u.fail()
		}
	}
	if isNumber(a) && isNumber(b) {
		r.step(words(a)*words(b)/64 + 1)
		if op == "**" {
			r.step(2000) // as long as a product of the largest integers
		}
		return arithmetic(op, a, b)
	}
	switch op {
	case "+":
		if v, ok := r.add(a, b); ok {
			return v
		}
	case "*":
		if n, ok := small(b); ok && !isNumber(a) {
			if v, ok := r.repeat(a, n); ok {
				return v
			}
		}
		if n, ok := small(a); ok && !isNumber(b) {
			if v, ok := r.repeat(b, n); ok {
				return v
			}
		}
	}
	fail("unsupported operand type(s) for %s: '%s' and '%s'", op, typeName(a), typeName(b))
	return nil
}

// words is the length of a number in machine words.
func words(v any) int {
	if z, ok := v.(*big.Int); ok {
		return len(z.Bits())
	}
	return 1
}

func (r *run) add(a, b any) (any, bool) {
	switch x := a.(type) {
	case string:
		switch y := b.(type) {
		case string:
			r.grow(int64(len(x) + len(y)))
			return x + y, true
		case markup:
			return markup(r.escaped(x) + string(y)), true
		}
	case markup:
		if _, ok := text(b); ok {
			s := r.escaped(b)
			r.grow(int64(len(x) + len(s)))
			return x + markup(s), true
		}
	case *List:
		if y, ok := b.(*List); ok {
			return &List{r.appended(x.Items, y.Items)}, true
		}
	case *Tuple, group:
		p, _ := tupleItems(a)
		if q, ok := tupleItems(b); ok {
			return &Tuple{r.appended(p, q)}, true
		}
	}
	return nil, false
}

func (r *run) appended(a, b []any) []any {
	n := len(a) + len(b)
	r.grow(int64(itemSize * n))
	return append(append(make([]any, 0, n), a...), b...)
}

func (r *run) repeat(v any, n int64) (any, bool) {
	n = max(n, 0)
	count := func(size int) int {
		if size == 0 {
			return 0
		}
		if n > r.value/int64(size) {
			r.grow(r.value + 1)
		}
		r.grow(n * int64(size))
		return int(n)
	}
	switch v := v.(type) {
	case string:
		return strings.Repeat(v, count(len(v))), true
	case markup:
		return markup(strings.Repeat(string(v), count(len(v)))), true
	case *List:
		return &List{repeated(v.Items, count(itemSize*len(v.Items)))}, true
	case *Tuple:
		return &Tuple{repeated(v.Items, count(itemSize*len(v.Items)))}, true
	}
	return nil, false
}

func repeated(items []any, n int) []any {
	out := make([]any, 0, n*len(items))
	for range n {
		out = append(out, items...)
	}
	return out
}

// float is a number as a float, or Python's error when it is too large.
func float(v any) float64 {
	if f, ok := v.(float64); ok {
		return f
	}
	z, _ := integer(v)
	f, _ := new(big.Float).SetInt(z).Float64()
	if math.IsInf(f, 0) {
		fail("int too large to convert to float")
	}
	return f
}

// arithmetic is a op b of two numbers.
func arithmetic(op string, a, b any) any {
	_, f := a.(float64)
	_, g := b.(float64)
	if f || g || op == "/" {
		return floatArithmetic(op, a, b)
	}
	x, _ := integer(a)
	y, _ := integer(b)
	z := new(big.Int)
	switch op {
	case "+":
		return norm(z.Add(x, y))
	case "-":
		return norm(z.Sub(x, y))
	case "*":
		if x.BitLen()+y.BitLen() > maxInt+1 {
			failLimit("the template computes an integer of more than %d bits", maxInt)
		}
		return norm(z.Mul(x, y))
	case "//", "%":
		if y.Sign() == 0 {
			fail("integer division or modulo by zero")
		}
		q, m := new(big.Int).QuoRem(x, y, z)
		if m.Sign() != 0 && m.Sign() != y.Sign() {
			q.Sub(q, big.NewInt(1))
			m.Add(m, y)
		}
		if op == "//" {
			return norm(q)
		}
		return norm(m)
	}
	return power(x, y)
}

func power(x, y *big.Int) any {
	if y.Sign() < 0 {
		if x.Sign() == 0 {
			fail("0.0 cannot be raised to a negative power")
		}
		return floatPower(float(norm(x)), float(norm(y)))
	}
	if x.BitLen() > 1 && (!y.IsInt64() || y.Int64() > int64(maxInt/(x.BitLen()-1))) {
		failLimit("the template computes an integer of more than %d bits", maxInt)
	}
	if x.BitLen() <= 1 && y.Sign() > 0 { // 0, 1 and -1
		if x.Sign() < 0 && y.Bit(0) == 0 {
			return int64(1)
		}
		return norm(x)
	}
	return norm(new(big.Int).Exp(x, y, nil))
}

func floatPower(x, y float64) any {
	switch {
	case x == 0 && y < 0:
		fail("0.0 cannot be raised to a negative power")
	case x < 0 && y != math.Trunc(y) && !math.IsInf(x, 0) && !math.IsInf(y, 0):
		fail("complex numbers are not supported: a negative number to a power that is no integer")
	}
	z := 0.0
	switch {
	case math.IsInf(x, 0) || math.IsNaN(x) || x == 0 || math.IsInf(y, 0) || math.IsNaN(y):
		z = math.Pow(x, y)
	case x < 0 && math.Mod(y, 2) != 0:
		z = -precisePower(-x, y)
	default:
		z = precisePower(math.Abs(x), y)
	}
	if math.IsInf(z, 0) && !math.IsInf(x, 0) && !math.IsInf(y, 0) {
		fail("(34, 'Numerical result out of range')")
	}
	return z
}

func floatArithmetic(op string, a, b any) any {
	if op == "/" {
		if p, ok := integer(a); ok {
			if q, ok := integer(b); ok && q.Sign() != 0 {
				if p.Sign() == 0 && q.Sign() < 0 {
					return math.Copysign(0, -1)
				}
				f, _ := new(big.Rat).SetFrac(p, q).Float64()
				if math.IsInf(f, 0) {
					fail("integer division result too large for a float")
				}
				return f
			}
		}
	}
	x, y := float(a), float(b)
	switch op {
	case "+":
		return x + y
	case "-":
		return x - y
	case "*":
		return x * y
	case "**":
		return floatPower(x, y)
	}
	if y == 0 {
		fail("float division by zero")
	}
	if op == "/" {
		return x / y
	}
	m := math.Mod(x, y)
	q := (x - m) / y
	if m != 0 {
		if (y < 0) != (m < 0) {
			m += y
			q--
		}
	} else {
		m = math.Copysign(0, y)
	}
	if op == "%" {
		return m
	}
	if q == 0 {
		return math.Copysign(0, x/y)
	}
	floor := math.Floor(q)
	if q-floor > 0.5 {
		floor++
	}
	return floor
}
