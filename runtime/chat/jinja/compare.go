package jinja

import (
	"math"
	"math/big"
	"strings"
)

// equal is a == b.
func (r *run) equal(a, b any) bool { return r.same(a, b, 0) }

func (r *run) same(a, b any, depth int) bool {
	deep(depth)
	r.step(1)
	if isNumber(a) && isNumber(b) {
		return order(a, b) == 0
	}
	if s, ok := text(a); ok {
		t, ok := text(b)
		r.step(len(s) >> 6)
		return ok && s == t
	}
	switch x := a.(type) {
	case nil:
		return b == nil
	case *undefined:
		_, ok := b.(*undefined)
		return ok
	case *List:
		y, ok := b.(*List)
		return ok && r.sameItems(x.Items, y.Items, depth)
	case *Tuple, group:
		p, _ := tupleItems(a)
		q, ok := tupleItems(b)
		return ok && r.sameItems(p, q, depth)
	case *Dict:
		y, ok := b.(*Dict)
		if !ok || x.Len() != y.Len() {
			return false
		}
		for i, k := range x.keys {
			if v, ok := y.Get(k); !ok || !r.same(x.values[i], v, depth+1) {
				return false
			}
		}
		return true
	case *numbers:
		y, ok := b.(*numbers)
		return ok && x.len() == y.len() && (x.len() == 0 || x.start == y.start && (x.len() == 1 || x.step == y.step))
	case *view:
		y, ok := b.(*view)
		if !ok || x.kind == "dict_values" || y.kind == "dict_values" || x.of.Len() != y.of.Len() {
			return a == b
		}
		for i := range x.of.Len() {
			if !r.contains(y, x.item(i)) {
				return false
			}
		}
		return true
	}
	return a == b
}

func tupleItems(v any) ([]any, bool) {
	switch v := v.(type) {
	case *Tuple:
		return v.Items, true
	case group:
		return v.Items, true
	}
	return nil, false
}

func (r *run) sameItems(a, b []any, depth int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !r.same(a[i], b[i], depth+1) {
			return false
		}
	}
	return true
}

func isNumber(v any) bool {
	switch v.(type) {
	case bool, int64, *big.Int, float64:
		return true
	}
	return false
}

const unordered = 2

// order is -1, 0 or 1 for numbers, unordered when one is not a number.
func order(a, b any) int {
	if i, ok := small(a); ok {
		if j, ok := small(b); ok {
			switch {
			case i < j:
				return -1
			case i > j:
				return 1
			}
			return 0
		}
	}
	x, y := exact(a), exact(b)
	if x == nil || y == nil {
		f, g := approximate(a), approximate(b)
		switch {
		case f < g:
			return -1
		case f > g:
			return 1
		case f == g:
			return 0
		}
		return unordered
	}
	return x.Cmp(y)
}

// exact is a number without rounding, nil when it is not finite.
func exact(v any) *big.Rat {
	switch v := v.(type) {
	case float64:
		if math.IsInf(v, 0) || math.IsNaN(v) {
			return nil
		}
		return new(big.Rat).SetFloat64(v)
	}
	z, _ := integer(v)
	return new(big.Rat).SetInt(z)
}

// approximate is a number for comparisons with infinity and nan.
func approximate(v any) float64 {
	if f, ok := v.(float64); ok {
		return f
	}
	return 0
}

// less compares for < and its kin, or fails as Python does.
func (r *run) less(a, b any, op string, depth int) int {
	deep(depth)
	r.step(1)
	for _, v := range []any{a, b} {
		if u, ok := v.(*undefined); ok {
			u.fail()
		}
	}
	if isNumber(a) && isNumber(b) {
		return order(a, b)
	}
	if s, ok := text(a); ok {
		if t, ok := text(b); ok {
			r.step(min(len(s), len(t)) >> 6)
			return strings.Compare(s, t) // UTF-8 sorts as code points do
		}
	}
	p, q, ok := []any(nil), []any(nil), false
	switch x := a.(type) {
	case *List:
		if y, is := b.(*List); is {
			p, q, ok = x.Items, y.Items, true
		}
	case *Tuple, group:
		p, _ = tupleItems(a)
		q, ok = tupleItems(b)
	}
	if !ok {
		fail("'%s' not supported between instances of '%s' and '%s'", op, typeName(a), typeName(b))
	}
	for i := range min(len(p), len(q)) {
		if !r.same(p[i], q[i], depth+1) {
			return r.less(p[i], q[i], op, depth+1)
		}
	}
	return order(int64(len(p)), int64(len(q)))
}

// compare is one comparison.
func (r *run) compare(op string, a, b any) bool {
	switch op {
	case "==":
		return r.equal(a, b)
	case "!=":
		return !r.equal(a, b)
	case "in":
		return r.contains(b, a)
	case "not in":
		return !r.contains(b, a)
	}
	c := r.less(a, b, op, 0)
	switch op {
	case "<":
		return c == -1
	case "<=":
		return c == -1 || c == 0
	case ">":
		return c == 1
	}
	return c == 1 || c == 0
}

// contains is x in v.
func (r *run) contains(v, x any) bool {
	switch v := v.(type) {
	case string, markup:
		s, _ := text(v)
		t, ok := text(x)
		if !ok {
			fail("'in <string>' requires string as left operand, not %s", typeName(x))
		}
		r.step(len(s) >> 6)
		return strings.Contains(s, t)
	case *Dict:
		_, ok := v.Get(x)
		return ok
	case *view:
		if v.kind == "dict_keys" {
			_, ok := v.of.Get(x)
			return ok
		}
	case *numbers:
		if i, ok := small(x); ok {
			n := int64(v.len())
			k := (i - v.start) / v.step
			return n > 0 && (i-v.start)%v.step == 0 && k >= 0 && k < n
		}
	}
	next, ok := iterate(v)
	if !ok {
		fail("argument of type '%s' is not iterable", typeName(v))
	}
	for {
		y, ok := next()
		if !ok {
			return false
		}
		if r.equal(x, y) {
			return true
		}
	}
}
