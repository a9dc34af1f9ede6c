package spec

import "math"

// bound fills in what is known of x; the bounds of its operands are known already. It refuses
// integer arithmetic that may leave an int32. Every node is visited once, since names carry their
// bounds, so the time is linear in the text.
func (s *scope) bound(x Expr) Expr {
	if x == nil {
		return nil
	}
	kind, _ := x.Type()
	if kind == Bool {
		return x
	}
	b := s.boundsOf(x)
	if kind == Int && !b.isInt32() {
		if !b.Wild {
			s.fail(ruleOverflow, x.Pos(), b.String())
			return nil
		}
		b = anyInt()
	}
	x.node().bounds = b
	return x
}

func (s *scope) boundsOf(x Expr) Bounds {
	switch x := x.(type) {
	case *Num:
		if x.Kind == Float {
			return between(float64(x.F))
		}
		return between(float64(x.I))
	case *PerIndex:
		b := between(float64(x.I[0]))
		for _, v := range x.I {
			b = b.or(between(float64(v)))
		}
		return b
	case *Ref:
		return s.refBounds(x)
	case *Unary:
		return x.X.Bounds().negative()
	case *Binary:
		return arithmeticBounds(x.Op, x.Kind, x.X.Bounds(), x.Y.Bounds())
	case *Cond:
		return assume(x.If, x.Then, true).or(assume(x.If, x.Else, false)).tame()
	case *Lookup:
		b := between(float64(x.Book.Levels[0]))
		for _, v := range x.Book.Levels {
			b = b.or(between(float64(v)))
		}
		return b
	case *Call:
		return s.callBounds(x)
	}
	return anyFloat()
}

// refBounds bounds a name: by what was assigned to it, a code by its bits, a field by its kind.
func (s *scope) refBounds(x *Ref) Bounds {
	if v := s.vars[x.Name]; v != nil {
		return v.node.bounds
	}
	if c := x.Code; c != nil && c.Signed {
		return Bounds{Lo: -float64(int(1) << (c.Bits - 1)), Hi: float64(int(1)<<(c.Bits-1) - 1)}
	} else if c != nil {
		return Bounds{Hi: float64(int(1)<<c.Bits - 1)}
	}
	if x.Field != nil && x.Field.Kind == E8M0 {
		return Bounds{Hi: math.Inf(1)}
	}
	return anyFloat()
}

func (s *scope) callBounds(x *Call) Bounds {
	b := x.Args[0].Bounds()
	switch x.Fn {
	case "min", "max":
		if len(x.Args) == 1 || x.Group > 0 {
			if b.NaN { // of nothing but NaN, the float that it starts with
				b = b.or(between(-math.MaxFloat32, math.MaxFloat32))
			}
			b.NaN = false
			return b
		}
		if x.Fn == "min" {
			return b.lesser(x.Args[1].Bounds())
		}
		return b.greater(x.Args[1].Bounds())
	case "clamp": // as defined: the upper bound is applied last
		return b.greater(x.Args[1].Bounds()).lesser(x.Args[2].Bounds())
	case "absmax":
		return Bounds{Hi: b.abs().Hi}
	case "extremum":
		return Bounds{Lo: min(b.Lo, 0), Hi: max(b.Hi, 0)}
	case "abs":
		return b.abs()
	case "floor":
		b.Lo, b.Hi = math.Floor(b.Lo), math.Floor(b.Hi)
		return b
	case "sqrt":
		return Bounds{Lo: math.Sqrt(max(b.Lo, 0)), Hi: math.Sqrt(max(b.Hi, 0)), NaN: b.NaN || b.Lo < 0}.outward()
	case "trunc", "rint", "round":
		return wholeBounds(x.Fn, b)
	case "float":
		return b.rounded()
	case "nearest":
		return Bounds{Hi: float64(len(x.Book.Levels) - 1)}
	}
	return anyFloat()
}

// assume narrows what is known of x, one side of a conditional, by the outcome of cond. Of code >
// 15 ? 15 : code the second side is at most 15. Only a comparison of x itself counts.
func assume(cond, x Expr, holds bool) Bounds {
	b := x.Bounds()
	if not, ok := cond.(*Unary); ok {
		return assume(not.X, x, !holds)
	}
	c, ok := cond.(*Binary)
	if !ok || kindOf(x) != Int {
		return b
	}
	if c.Op == "&&" && holds || c.Op == "||" && !holds {
		left, right := assume(c.X, x, holds), assume(c.Y, x, holds)
		return b.cut(left.Lo, left.Hi).cut(right.Lo, right.Hi)
	}
	if kindOf(c.X) != Int {
		return b
	}
	op, other := c.Op, c.Y
	if !sameName(c.X, x) {
		if !sameName(c.Y, x) {
			return b
		}
		op, other = map[string]string{"<": ">", "<=": ">=", ">": "<", ">=": "<="}[op], c.X
		if op == "" {
			op = c.Op
		}
	}
	if !holds {
		op = map[string]string{"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}[op]
	}
	o := other.Bounds()
	switch op {
	case "<":
		return b.cut(math.Inf(-1), o.Hi-1)
	case "<=":
		return b.cut(math.Inf(-1), o.Hi)
	case ">":
		return b.cut(o.Lo+1, math.Inf(1))
	case ">=":
		return b.cut(o.Lo, math.Inf(1))
	case "==":
		return b.cut(o.Lo, o.Hi)
	}
	return b
}

// sameName reports whether both are the same name, whose value does not change.
func sameName(x, y Expr) bool {
	a, ok := x.(*Ref)
	b, ok2 := y.(*Ref)
	return ok && ok2 && a.Name == b.Name
}

// cut narrows b to lo..hi. A side that is never taken keeps its bounds.
func (b Bounds) cut(lo, hi float64) Bounds {
	if max(b.Lo, lo) > min(b.Hi, hi) {
		return b
	}
	b.Lo, b.Hi = max(b.Lo, lo), min(b.Hi, hi)
	return b.tame()
}
