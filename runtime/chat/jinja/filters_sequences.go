package jinja

import (
	"slices"
	"strconv"
	"strings"
)

// attributeGetter looks up a path of attributes. With fold, a text comes in small letters.
func attributeGetter(r *run, attribute any, fold bool, otherwise any) func(any) any {
	var parts []any
	switch s, ok := text(attribute); {
	case ok:
		for p := range strings.SplitSeq(s, ".") {
			if p != "" && strings.Trim(p, decimal) == "" {
				if n, err := strconv.ParseInt(p, 10, 64); err == nil {
					parts = append(parts, n)
					continue
				}
			}
			parts = append(parts, p)
		}
	case attribute != nil:
		parts = []any{attribute}
	}
	return func(v any) any {
		for _, p := range parts {
			v = r.getitem(v, p)
			if otherwise != nil && isUndefinedValue(v) {
				v = otherwise
			}
		}
		if fold {
			return r.folded(v)
		}
		return v
	}
}

func (r *run) folded(v any) any {
	if s, ok := text(v); ok {
		r.grow(int64(len(s)))
		r.read(s)
		return lower(s)
	}
	return v
}

// sorted is sorted(items, key=key, reverse=reverse).
func sorted(r *run, items []any, key func(any) any, reverse bool) []any {
	r.grow(int64(4 * itemSize * len(items)))
	type pair struct{ key, item any }
	all := make([]pair, len(items))
	for i, x := range items {
		all[i] = pair{key(x), x}
	}
	slices.SortStableFunc(all, func(a, b pair) int {
		if reverse {
			a, b = b, a
		}
		if r.less(a.key, b.key, "<", 0) == -1 {
			return -1
		}
		if r.less(b.key, a.key, "<", 0) == -1 {
			return 1
		}
		return 0
	})
	out := make([]any, len(items))
	for i, p := range all {
		out[i] = p.item
	}
	return out
}

func filterSort(r *run, x any, a *args) any {
	v := a.bind("sort", 0, "reverse", "case_sensitive", "attribute")
	fold := !truth(or(v[1], false))
	var gets []func(any) any
	if s, ok := text(or[any](v[2], nil)); ok {
		for part := range strings.SplitSeq(s, ",") {
			gets = append(gets, attributeGetter(r, part, fold, nil))
		}
	} else {
		gets = append(gets, attributeGetter(r, or[any](v[2], nil), fold, nil))
	}
	key := func(item any) any {
		l := &List{}
		for _, get := range gets {
			l.Items = append(l.Items, get(item))
		}
		return l
	}
	return &List{sorted(r, r.items(x), key, truth(or(v[0], false)))}
}

func filterDictSort(r *run, x any, a *args) any {
	v := a.bind("dictsort", 0, "case_sensitive", "by", "reverse")
	at := 0
	switch by, _ := text(or(v[1], "key")); by {
	case "key":
	case "value":
		at = 1
	default:
		fail(`You can only sort by either "key" or "value"`)
	}
	if u, ok := x.(*undefined); ok {
		u.fail()
	}
	d, ok := x.(*Dict)
	if !ok {
		fail("'%s' object has no attribute 'items'", typeName(x))
	}
	sensitive := truth(or(v[0], false))
	key := func(item any) any {
		k := item.(*Tuple).Items[at]
		if !sensitive {
			return r.folded(k)
		}
		return k
	}
	return &List{sorted(r, r.items(&view{d, "dict_items"}), key, truth(or(v[2], false)))}
}

func filterUnique(r *run, x any, a *args) any {
	v := a.bind("unique", 0, "case_sensitive", "attribute")
	get := attributeGetter(r, or[any](v[1], nil), !truth(or(v[0], false)), nil)
	var next iterator
	seen := map[any]bool{}
	return generate("sync_do_unique", func() (any, bool) {
		if next == nil {
			next = over(x)
		}
		for {
			item, ok := next()
			if !ok {
				return nil, false
			}
			r.step(1)
			h := hashed(get(item))
			if !seen[h] {
				r.grow(3 * itemSize)
				seen[h] = true
				return item, true
			}
		}
	})
}

func extreme(name string, sign int) filter {
	return func(r *run, x any, a *args) any {
		v := a.bind(name, 0, "case_sensitive", "attribute")
		get := attributeGetter(r, or[any](v[1], nil), !truth(or(v[0], false)), nil)
		next := over(x)
		best, ok := next()
		if !ok {
			return &undefined{message: "No aggregated item, sequence was empty."}
		}
		top := get(best)
		op := map[int]string{1: ">", -1: "<"}[sign]
		for {
			item, ok := next()
			if !ok {
				return best
			}
			if k := get(item); r.less(k, top, op, 0) == sign {
				best, top = item, k
			}
		}
	}
}

func filterGroupBy(r *run, x any, a *args) any {
	v := a.bind("groupby", 1, "attribute", "default", "case_sensitive")
	otherwise := or[any](v[1], nil)
	fold := !truth(or(v[2], false))
	get := attributeGetter(r, v[0], fold, otherwise)
	real := attributeGetter(r, v[0], false, otherwise)
	out := &List{}
	var last any
	for i, item := range sorted(r, r.items(x), get, false) {
		k := get(item)
		if i == 0 || !r.equal(k, last) {
			out.Items = append(out.Items, group{&Tuple{[]any{real(item), &List{}}}})
			last = k
		}
		l := out.Items[len(out.Items)-1].(group).Items[1].(*List)
		l.Items = append(l.Items, item)
	}
	return out
}

// mapper is what map applies: an attribute's getter or a filter by name.
func mapper(r *run, a *args) func(any) any {
	if len(a.pos) == 0 && slices.Contains(a.names, "attribute") {
		b := &args{names: a.names, values: a.values}
		attribute, _ := b.take("attribute")
		otherwise, ok := b.take("default")
		if !ok {
			otherwise = nil
		}
		if len(b.names) > 0 {
			fail("Unexpected keyword argument %s", quote(b.names[0]))
		}
		return attributeGetter(r, attribute, false, otherwise)
	}
	if len(a.pos) == 0 {
		fail("map requires a filter argument")
	}
	name, _ := text(a.pos[0])
	f := filters[name]
	if f == nil {
		fail("No filter named %s.", r.repr(a.pos[0]))
	}
	rest := &args{a.pos[1:], a.names, a.values}
	return func(v any) any { r.read(v); return f(r, v, rest) }
}

func filterMap(r *run, x any, a *args) any {
	var next iterator
	var f func(any) any
	return generate("sync_do_map", func() (any, bool) {
		if next == nil {
			if !truth(x) {
				return nil, false
			}
			f = mapper(r, a)
			next = over(x)
		}
		v, ok := next()
		if !ok {
			return nil, false
		}
		r.step(1)
		return f(v), true
	})
}

// selecting is select, reject, and the same by an attribute.
func selecting(name string, want, byAttribute bool) filter {
	return func(r *run, x any, a *args) any {
		var next iterator
		var is func(any) bool
		return generate("select_or_reject", func() (any, bool) {
			if next == nil {
				if !truth(x) {
					return nil, false
				}
				is = tester(r, a, byAttribute)
				next = over(x)
			}
			for {
				v, ok := next()
				if !ok {
					return nil, false
				}
				r.step(1)
				if is(v) == want {
					return v, true
				}
			}
		})
	}
}

func tester(r *run, a *args, byAttribute bool) func(any) bool {
	pos := a.pos
	get := func(v any) any { return v }
	if byAttribute {
		if len(pos) == 0 {
			fail("Missing parameter for attribute name")
		}
		get = attributeGetter(r, pos[0], false, nil)
		pos = pos[1:]
	}
	if len(pos) == 0 {
		return func(v any) bool { return truth(get(v)) }
	}
	name, _ := text(pos[0])
	f := tests[name]
	if f == nil {
		fail("No test named %s.", r.repr(pos[0]))
	}
	rest := &args{pos[1:], a.names, a.values}
	return func(v any) bool { x := get(v); r.read(x); return truth(f(r, x, rest)) }
}
