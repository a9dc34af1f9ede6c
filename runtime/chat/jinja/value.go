package jinja

import (
	"math"
	"math/big"
)

// Values are Python's: nil is None, then bool, int64, *big.Int where int64 is too small, float64,
// string, markup, *List, *Tuple, *Dict, and what follows. Nothing changes a value but a namespace,
// a cycler and a joiner.

// markup is text that is safe in HTML; what is joined to it is escaped.
type markup string

// List is a Python list.
type List struct{ Items []any }

// Tuple is a Python tuple.
type Tuple struct{ Items []any }

// undefined is what a missing variable, attribute or item is. It prints as nothing, and fails when
// it is used otherwise.
type undefined struct {
	message string
	of      string // type that has no such attribute or item, when there is no message
	key     any
}

func (u *undefined) fail() {
	if u.message != "" {
		fail("%s", u.message)
	}
	s, ok := text(u.key)
	if !ok {
		fail("%s object has no element of type %s", u.of, typeName(u.key))
	}
	fail("'%s object' has no attribute %s", u.of, quote(s[:offset(s, 60)]))
}

// missing is a variable that has no value yet.
type missing struct{}

// namespace is an object whose attributes a template may set.
type namespace struct{ attrs *Dict }

// view is what keys(), values() and items() of a dictionary give.
type view struct {
	of   *Dict
	kind string // "dict_keys", "dict_values" or "dict_items"
}

// numbers is a range.
type numbers struct{ start, stop, step int64 }

func (n *numbers) len() int {
	switch {
	case n.step > 0 && n.start < n.stop:
		return int((uint64(n.stop)-uint64(n.start)-1)/uint64(n.step)) + 1
	case n.step < 0 && n.start > n.stop:
		return int((uint64(n.start)-uint64(n.stop)-1)/-uint64(n.step)) + 1
	}
	return 0
}

func (n *numbers) at(i int) int64 { return n.start + int64(i)*n.step }

// generator gives its values once.
type generator struct {
	next iterator
	name string // as repr shows it
}

// native is a function or a method that templates may call.
type native struct {
	name string
	call func(r *run, a *args) any
	repr string
}

// group is one of the filter groupby: a tuple whose parts have names too.
type group struct{ *Tuple }

func typeName(v any) string {
	switch v := v.(type) {
	case nil:
		return "NoneType"
	case bool:
		return "bool"
	case int64, *big.Int:
		return "int"
	case float64:
		return "float"
	case string:
		return "str"
	case markup:
		return "Markup"
	case *List:
		return "list"
	case *Tuple:
		return "tuple"
	case group:
		return "_GroupTuple"
	case *Dict:
		return "dict"
	case *undefined:
		return "Undefined"
	case *namespace:
		return "Namespace"
	case *view:
		return v.kind
	case *numbers:
		return "range"
	case *generator:
		return "generator"
	case *macro:
		return "Macro"
	case *loopContext:
		return "LoopContext"
	case *native:
		return "function"
	case *cycler:
		return "Cycler"
	case *joiner:
		return "Joiner"
	}
	return "object"
}

// truth is bool(v).
func truth(v any) bool {
	switch v := v.(type) {
	case nil, *undefined:
		return false
	case bool:
		return v
	case int64:
		return v != 0
	case *big.Int:
		return v.Sign() != 0
	case float64:
		return v != 0
	case string:
		return v != ""
	case markup:
		return v != ""
	case *List:
		return len(v.Items) > 0
	case *Tuple:
		return len(v.Items) > 0
	case *Dict:
		return v.Len() > 0
	case *view:
		return v.of.Len() > 0
	case *numbers:
		return v.len() > 0
	case *loopContext:
		return v.length() > 0
	}
	return true
}

// length is len(v).
func length(v any) (int, bool) {
	switch v := v.(type) {
	case *undefined:
		return 0, true
	case string:
		return runes(v), true
	case markup:
		return runes(string(v)), true
	case *List:
		return len(v.Items), true
	case *Tuple:
		return len(v.Items), true
	case group:
		return len(v.Items), true
	case *Dict:
		return v.Len(), true
	case *view:
		return v.of.Len(), true
	case *numbers:
		return v.len(), true
	case *loopContext:
		return v.length(), true
	}
	return 0, false
}

// text is v if it is a text, safe or not.
func text(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case markup:
		return string(v), true
	}
	return "", false
}

// integer is v as an integer if Python takes it for one: booleans are integers.
func integer(v any) (*big.Int, bool) {
	switch v := v.(type) {
	case bool:
		if v {
			return big.NewInt(1), true
		}
		return new(big.Int), true
	case int64:
		return big.NewInt(v), true
	case *big.Int:
		return v, true
	}
	return nil, false
}

// small is v as an integer of the machine.
func small(v any) (int64, bool) {
	switch v := v.(type) {
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	case int64:
		return v, true
	}
	return 0, false
}

// index is v as a count or a place; an integer beyond all lengths is the nearest one.
func index(v any) int {
	if i, ok := small(v); ok {
		return int(max(math.MinInt32, min(math.MaxInt32, i)))
	}
	if z, ok := v.(*big.Int); ok {
		return z.Sign() * math.MaxInt32
	}
	if u, ok := v.(*undefined); ok {
		u.fail()
	}
	fail("'%s' object cannot be interpreted as an integer", typeName(v))
	return 0
}

// norm is z in the form that values have.
func norm(z *big.Int) any {
	if z.IsInt64() {
		return z.Int64()
	}
	if z.BitLen() > maxInt {
		failLimit("the template computes an integer of more than %d bits", maxInt)
	}
	return z
}
