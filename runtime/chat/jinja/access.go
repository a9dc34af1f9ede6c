package jinja

import (
	"math/big"
	"strings"
)

// getattr is v.name: an attribute if there is one, else an item.
func (r *run) getattr(v any, name string) any {
	if u, ok := v.(*undefined); ok {
		if pythonNames[name] {
			return unsafe(v, name)
		}
		u.fail()
	}
	if a, ok := r.attribute(v, name); ok {
		return a
	}
	if x, ok := r.item(v, name); ok {
		return x
	}
	return &undefined{of: typeName(v), key: name}
}

// getitem is v[key]: an item if there is one, else an attribute.
func (r *run) getitem(v, key any) any {
	if u, ok := v.(*undefined); ok {
		u.fail()
	}
	if x, ok := r.item(v, key); ok {
		return x
	}
	if name, ok := text(key); ok {
		if a, ok := r.attribute(v, name); ok {
			return a
		}
	}
	return &undefined{of: typeName(v), key: key}
}

// item is v[key], if there is one.
func (r *run) item(v, key any) (any, bool) {
	switch v := v.(type) {
	case *Dict:
		if parts := maxKey; !hashable(key, &parts) {
			return nil, false
		}
		return v.Get(key)
	case *selfReference:
		if name, ok := text(key); ok {
			b := r.blockOf(name)
			return b, b != nil
		}
		return nil, false
	}
	i64, ok := small(key)
	if !ok {
		return nil, false
	}
	i := int(i64)
	switch v := v.(type) {
	case *List:
		return at(v.Items, i)
	case *Tuple:
		return at(v.Items, i)
	case group:
		return at(v.Items, i)
	case string:
		r.step(len(v) >> 5)
		return charAt(v, i)
	case markup:
		c, ok := charAt(string(v), i)
		if !ok {
			return nil, false
		}
		return markup(c.(string)), true
	case *numbers:
		n := v.len()
		if i < 0 {
			i += n
		}
		if i < 0 || i >= n {
			return nil, false
		}
		return v.at(i), true
	}
	return nil, false
}

func at(items []any, i int) (any, bool) {
	if i < 0 {
		i += len(items)
	}
	if i < 0 || i >= len(items) {
		return nil, false
	}
	return items[i], true
}

// hashable reports whether v may be a key.
func hashable(v any, parts *int) bool {
	if *parts--; *parts < 0 {
		failLimit("a tuple of more than %d parts as a key", maxKey)
	}
	switch v := v.(type) {
	case *List, *Dict:
		return false
	case *view:
		return v.kind == "dict_values"
	case *Tuple:
		for _, x := range v.Items {
			if !hashable(x, parts) {
				return false
			}
		}
	}
	return true
}

// mutators are methods of lists and dictionaries that the sandbox keeps away.
var mutators = map[string]bool{
	"append": true, "clear": true, "pop": true, "reverse": true, "insert": true, "sort": true, "extend": true, "remove": true,
}
var dictMutators = map[string]bool{"clear": true, "pop": true, "popitem": true, "setdefault": true, "update": true}

func unsafe(v any, name string) any {
	return &undefined{message: "access to attribute " + quote(name) + " of " + quote(typeName(v)) + " object is unsafe."}
}

// attribute is getattr(v, name) of Python, if there is one.
func (r *run) attribute(v any, name string) (any, bool) {
	if n, ok := v.(*namespace); ok {
		return n.attrs.text(name)
	}
	if strings.HasPrefix(name, "__") && strings.HasSuffix(name, "__") && pythonNames[name] {
		return unsafe(v, name), true
	}
	switch v := v.(type) {
	case string:
		return r.method(v, v, name)
	case markup:
		return r.markupMethod(v, name)
	case *List:
		if mutators[name] {
			return unsafe(v, name), true
		}
		if name == "copy" {
			return bound(name, func(r *run, a *args) any { a.positional(name, 0, 0); return &List{r.items(v)} }), true
		}
		return sequenceMethod(v.Items, name)
	case *Tuple:
		return sequenceMethod(v.Items, name)
	case group:
		switch name {
		case "grouper":
			return v.Items[0], true
		case "list":
			return v.Items[1], true
		}
		return sequenceMethod(v.Items, name)
	case *Dict:
		if dictMutators[name] {
			return unsafe(v, name), true
		}
		return dictMethod(v, name)
	case *view:
		if name == "mapping" {
			return v.of, true
		}
	case *numbers:
		switch name {
		case "start":
			return v.start, true
		case "stop":
			return v.stop, true
		case "step":
			return v.step, true
		case "index", "count":
			return sequenceMethod(r.items(v), name)
		}
	case bool, int64, *big.Int, float64:
		return numberMethod(v, name)
	case *loopContext:
		return v.attribute(name)
	case *macro:
		return v.attribute(name)
	case *cycler:
		return v.attribute(name)
	case *joiner:
		switch name {
		case "sep":
			return v.separator, true
		case "used":
			return v.used, true
		}
	case *native:
		if name == "fromkeys" && v.name == "dict" {
			return bound(name, fromKeys), true
		}
	}
	return nil, false
}

// pythonNames are attributes that every Python object has.
var pythonNames = map[string]bool{
	"__class__": true, "__doc__": true, "__init__": true, "__eq__": true, "__hash__": true, "__str__": true, "__repr__": true,
	"__dir__": true, "__new__": true, "__reduce__": true, "__format__": true, "__sizeof__": true, "__getattribute__": true,
	"__setattr__": true, "__delattr__": true, "__init_subclass__": true, "__subclasshook__": true, "__reduce_ex__": true,
}

func bound(name string, f func(r *run, a *args) any) *native {
	return &native{name: name, call: f, repr: "<built-in method " + name + ">"}
}

// slice is v[start:stop:step].
func (r *run) slice(v, start, stop, step any) any {
	if u, ok := v.(*undefined); ok {
		u.fail()
	}
	var items []any
	n := 0
	switch v := v.(type) {
	case *List:
		items = v.Items
		n = len(items)
	case *Tuple:
		items = v.Items
		n = len(items)
	case group:
		items = v.Items
		n = len(items)
	case string, markup, *numbers:
		n, _ = length(v)
	default:
		fail("'%s' object is not subscriptable by a slice", typeName(v))
	}
	by := 1
	for _, x := range []any{start, stop, step} {
		if _, ok := integer(x); x != nil && !ok {
			fail("slice indices must be integers or None or have an __index__ method")
		}
	}
	if step != nil {
		if by = index(step); by == 0 {
			fail("slice step cannot be zero")
		}
	}
	from, to := 0, n
	if by < 0 {
		from, to = n-1, -1
	}
	clip := func(x any, otherwise int) int {
		if x == nil {
			return otherwise
		}
		i := index(x)
		if i < 0 {
			i += n
		}
		if by < 0 {
			return max(-1, min(n-1, i))
		}
		return max(0, min(n, i))
	}
	from, to = clip(start, from), clip(stop, to)
	switch v := v.(type) {
	case *numbers:
		return &numbers{v.at(from), v.at(to), v.step * int64(by)}
	case string:
		return r.sliceText(v, from, to, by)
	case markup:
		return markup(r.sliceText(string(v), from, to, by))
	}
	var out []any
	if by == 1 { // values do not change, so that the part can be shared
		if from < to {
			out = items[from:to:to]
		}
	} else {
		for i := from; by > 0 && i < to || by < 0 && i > to; i += by {
			r.grow(itemSize)
			out = append(out, items[i])
		}
	}
	if _, ok := v.(*List); ok {
		return &List{out}
	}
	return &Tuple{out}
}

func (r *run) sliceText(s string, from, to, by int) string {
	r.grow(int64(len(s) >> 3))
	if by == 1 {
		if from >= to {
			return ""
		}
		return s[offset(s, from):offset(s, to)]
	}
	r.grow(int64(4 * len(s)))
	all := []rune(s)
	var b strings.Builder
	for i := from; by > 0 && i < to || by < 0 && i > to; i += by {
		b.WriteRune(all[i])
	}
	return b.String()
}
