package jinja

// iterator gives the next value, or false after the last.
type iterator func() (any, bool)

// iterate is iter(v).
func iterate(v any) (iterator, bool) {
	switch v := v.(type) {
	case *undefined:
		return func() (any, bool) { return nil, false }, true
	case *List:
		return overItems(v.Items), true
	case *Tuple:
		return overItems(v.Items), true
	case group:
		return overItems(v.Items), true
	case *Dict:
		return overItems(v.keys), true
	case string:
		return overText(v), true
	case markup:
		return overText(string(v)), true
	case *view:
		i := 0
		return func() (any, bool) {
			if i >= v.of.Len() {
				return nil, false
			}
			i++
			return v.item(i - 1), true
		}, true
	case *numbers:
		i, n := 0, v.len()
		return func() (any, bool) {
			if i >= n {
				return nil, false
			}
			i++
			return v.at(i - 1), true
		}, true
	case *generator:
		return v.next, true
	case *loopContext:
		return func() (any, bool) {
			x, ok := v.advance()
			if !ok {
				return nil, false
			}
			return &Tuple{[]any{x, v}}, true
		}, true
	}
	return nil, false
}

// over is iter(v), or Python's error.
func over(v any) iterator {
	next, ok := iterate(v)
	if !ok {
		fail("'%s' object is not iterable", typeName(v))
	}
	return next
}

func overItems(items []any) iterator {
	i := 0
	return func() (any, bool) {
		if i >= len(items) {
			return nil, false
		}
		i++
		return items[i-1], true
	}
}

func overText(s string) iterator {
	return func() (any, bool) {
		if s == "" {
			return nil, false
		}
		c := s[:size(s)]
		s = s[len(c):]
		return c, true
	}
}

func (v *view) item(i int) any {
	k, x := v.of.At(i)
	switch v.kind {
	case "dict_keys":
		return k
	case "dict_values":
		return x
	}
	return &Tuple{[]any{k, x}}
}

// items is list(v), metered. The result of a list or tuple is its own storage and must not be
// changed.
func (r *run) items(v any) []any {
	switch v := v.(type) {
	case *List:
		return v.Items
	case *Tuple:
		return v.Items
	case group:
		return v.Items
	case *Dict:
		return v.keys
	}
	next := over(v)
	var all []any
	for {
		x, ok := next()
		if !ok {
			return all
		}
		if len(all)&(len(all)-1) == 0 { // the storage doubles
			r.grow(int64(itemSize * 2 * len(all)))
		}
		r.step(1)
		all = append(all, x)
	}
}

// generate makes a generator of a filter's function.
func generate(name string, next iterator) *generator {
	return &generator{next, "<generator object " + name + " at 0x7f0000000000>"}
}
