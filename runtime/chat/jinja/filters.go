package jinja

import (
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
)

// filters are what may follow a bar.
var filters map[string]filter

func init() { // map and its kin look into the table themselves
	filters = map[string]filter{
		"abs": filterAbs, "attr": filterAttr, "batch": filterBatch, "capitalize": textFilter("capitalize", capitalize),
		"center": filterCenter, "count": filterLength, "d": filterDefault, "default": filterDefault, "dictsort": filterDictSort,
		"e": filterEscape, "escape": filterEscape, "filesizeformat": filterFileSize, "first": filterFirst, "float": filterFloat,
		"forceescape": filterForceEscape, "format": filterFormat, "groupby": filterGroupBy, "indent": filterIndent,
		"int": filterInt, "items": filterItems, "join": filterJoin, "last": filterLast, "length": filterLength, "list": filterList,
		"lower": textFilter("lower", lower), "map": filterMap, "max": extreme("max", 1), "min": extreme("min", -1),
		"pprint": filterPretty, "random": filterRandom, "reject": selecting("reject", false, false),
		"rejectattr": selecting("rejectattr", false, true), "replace": filterReplace, "reverse": filterReverse,
		"round": filterRound, "safe": filterSafe, "select": selecting("select", true, false),
		"selectattr": selecting("selectattr", true, true), "slice": filterSlice, "sort": filterSort, "string": filterString,
		"striptags": filterStripTags, "sum": filterSum, "title": textFilter("title", titleWords), "tojson": filterToJSON,
		"trim": filterTrim, "truncate": filterTruncate, "unique": filterUnique, "upper": textFilter("upper", upper),
		"urlencode": filterURLEncode, "urlize": filterURLize, "wordcount": filterWordCount, "wordwrap": filterWordWrap,
		"xmlattr": filterXMLAttr,
	}
}

func filterAbs(_ *run, x any, a *args) any {
	a.positional("abs", 0, 0)
	if f, ok := x.(float64); ok {
		return math.Abs(f)
	}
	z, ok := integer(x)
	if !ok {
		fail("bad operand type for abs(): '%s'", typeName(x))
	}
	return norm(new(big.Int).Abs(z))
}

func filterAttr(r *run, x any, a *args) any {
	name := a.bind("attr", 1, "name")[0]
	s, ok := text(name)
	if !ok {
		fail("attribute name must be string, not '%s'", typeName(name))
	}
	if u, ok := x.(*undefined); ok {
		u.fail()
	}
	if v, ok := r.attribute(x, s); ok {
		return v
	}
	return &undefined{of: typeName(x), key: s}
}

func filterBatch(r *run, x any, a *args) any {
	v := a.bind("batch", 1, "linecount", "fill_with")
	fill := or[any](v[1], nil)
	var next iterator
	isWidth := func(n int) bool { return r.equal(int64(n), v[0]) }
	var held any = missing{}
	return generate("do_batch", func() (any, bool) {
		if next == nil {
			next = over(x)
		}
		l := &List{}
		if given(held) {
			l.Items, held = append(l.Items, held), missing{}
		}
		for {
			item, ok := next()
			if !ok {
				break
			}
			if isWidth(len(l.Items)) {
				held = item
				r.grow(int64(itemSize * len(l.Items)))
				return l, true
			}
			l.Items = append(l.Items, item)
		}
		if len(l.Items) == 0 {
			return nil, false
		}
		if fill != nil && r.less(int64(len(l.Items)), v[0], "<", 0) == -1 {
			n := index(v[0]) - len(l.Items)
			r.grow(int64(itemSize * n))
			for range n {
				l.Items = append(l.Items, fill)
			}
		}
		return l, true
	})
}

func filterSlice(r *run, x any, a *args) any {
	v := a.bind("slice", 1, "slices", "fill_with")
	var items []any
	at, from := 0, 0
	started := false
	return generate("sync_do_slice", func() (any, bool) {
		if !started {
			items, started = r.items(x), true
			if truth(r.equal(v[0], int64(0))) {
				fail("integer division or modulo by zero")
			}
		}
		n := index(v[0])
		if at >= n {
			return nil, false
		}
		size := len(items) / n
		extra := at < len(items)%n
		if extra {
			size++
		}
		l := &List{append([]any(nil), items[from:from+size]...)}
		r.grow(int64(itemSize * size))
		if f := or[any](v[1], nil); f != nil && !extra {
			l.Items = append(l.Items, f)
		}
		from += size
		at++
		return l, true
	})
}

// textFilter is a filter of a text, which anything becomes.
func textFilter(name string, f func(string) string) filter {
	return func(r *run, x any, a *args) any {
		a.positional(name, 0, 0)
		s := r.str(x)
		r.grow(int64(2 * len(s)))
		return like(x, f(s))
	}
}

// like is a text that is as safe as x.
func like(x any, s string) any {
	if _, ok := x.(markup); ok {
		return markup(s)
	}
	return s
}

// titleWords is the filter title: words begin after white space, dashes and opening brackets.
func titleWords(s string) string {
	var b strings.Builder
	start := true
	for s != "" {
		n := size(s)
		c := s[:n]
		if strings.ContainsAny(c, "-({[<") || strings.IndexFunc(c, isSpace) == 0 {
			b.WriteString(c)
			start = true
			s = s[n:]
			continue
		}
		end := strings.IndexFunc(s, func(r rune) bool { return strings.ContainsRune("-({[<", r) || isSpace(r) })
		if end < 0 {
			end = len(s)
		}
		word := s[:end]
		if start {
			b.WriteString(upper(word[:n]) + lower(word[n:]))
		}
		s, start = s[end:], false
	}
	return b.String()
}

func filterCenter(r *run, x any, a *args) any {
	v := a.bind("center", 0, "width")
	return like(x, r.pad(r.str(x), index(or(v[0], int64(80))), " ", "center"))
}

func filterLength(_ *run, x any, a *args) any {
	a.positional("length", 0, 0)
	n, ok := length(x)
	if !ok {
		fail("object of type '%s' has no len()", typeName(x))
	}
	return int64(n)
}

func filterDefault(_ *run, x any, a *args) any {
	v := a.bind("default", 0, "default_value", "boolean")
	if isUndefinedValue(x) || given(v[1]) && truth(v[1]) && !truth(x) {
		return or(v[0], "")
	}
	return x
}

func filterEscape(r *run, x any, a *args) any {
	a.positional("escape", 0, 0)
	return markup(r.escaped(x))
}

func filterForceEscape(r *run, x any, a *args) any {
	a.positional("forceescape", 0, 0)
	return markup(r.escaped(r.str(x)))
}

func filterSafe(r *run, x any, a *args) any {
	a.positional("safe", 0, 0)
	return markup(r.str(x))
}

func filterString(r *run, x any, a *args) any {
	a.positional("string", 0, 0)
	return like(x, r.str(x))
}

func filterFirst(_ *run, x any, a *args) any {
	a.positional("first", 0, 0)
	if v, ok := over(x)(); ok {
		return v
	}
	return &undefined{message: "No first item, sequence was empty."}
}

func filterLast(r *run, x any, a *args) any {
	a.positional("last", 0, 0)
	next, ok := reversed(r, x)
	if !ok {
		fail("'%s' object is not reversible", typeName(x))
	}
	if v, ok := next(); ok {
		return v
	}
	return &undefined{message: "No last item, sequence was empty."}
}

func filterRandom(r *run, x any, a *args) any {
	a.positional("random", 0, 0)
	n, ok := length(x)
	if !ok {
		fail("object of type '%s' has no len()", typeName(x))
	}
	if n == 0 {
		return &undefined{message: "No random item, sequence was empty."}
	}
	return r.getitem(x, int64(rand.IntN(n)))
}

// reversed is reversed(x) of Python, if x can be.
func reversed(r *run, x any) (iterator, bool) {
	switch x := x.(type) {
	case *generator, *namespace, *macro, *native, *loopContext, *cycler, *joiner:
		return nil, false
	case *view, string, markup, *numbers, *undefined, *List, *Tuple, group, *Dict:
		items := r.items(x)
		i := len(items)
		return func() (any, bool) {
			if i == 0 {
				return nil, false
			}
			i--
			return items[i], true
		}, true
	}
	return nil, false
}

func filterReverse(r *run, x any, a *args) any {
	a.positional("reverse", 0, 0)
	if _, ok := text(x); ok {
		return r.slice(x, nil, nil, int64(-1))
	}
	if next, ok := reversed(r, x); ok {
		return &generator{next, "<reversed object at 0x7f0000000000>"}
	}
	if _, ok := iterate(x); !ok {
		fail("argument must be iterable")
	}
	items := append([]any(nil), r.items(x)...)
	for i, j := 0, len(items)-1; i < j; i, j = i+1, j-1 {
		items[i], items[j] = items[j], items[i]
	}
	return &List{items}
}

func filterItems(_ *run, x any, a *args) any {
	a.positional("items", 0, 0)
	var next iterator
	return generate("do_items", func() (any, bool) {
		if isUndefinedValue(x) {
			return nil, false
		}
		if next == nil {
			d, ok := x.(*Dict)
			if !ok {
				fail("Can only get item pairs from a mapping.")
			}
			next, _ = iterate(&view{d, "dict_items"})
		}
		return next()
	})
}

func filterList(r *run, x any, a *args) any {
	a.positional("list", 0, 0)
	items := r.items(x)
	r.grow(int64(itemSize * len(items)))
	return &List{items[:len(items):len(items)]}
}

func filterJoin(r *run, x any, a *args) any {
	v := a.bind("join", 0, "d", "attribute")
	get := attributeGetter(r, or[any](v[1], nil), false, nil)
	separator := or(v[0], "")
	safe := false
	_, sepSafe := separator.(markup)
	var all []any
	for _, item := range r.items(x) {
		item = get(item)
		_, is := item.(markup)
		safe = safe || is
		all = append(all, item)
	}
	r.grow(int64(itemSize * len(all)))
	parts := make([]string, len(all))
	n := 0
	for i, item := range all {
		switch {
		case r.escape && (safe || sepSafe):
			parts[i] = r.escaped(item)
		default:
			parts[i] = r.str(item)
		}
		n += len(parts[i])
	}
	if r.escape && (safe || sepSafe) {
		return markup(r.joined(parts, r.escaped(separator), n))
	}
	return r.joined(parts, r.str(separator), n)
}

func filterReplace(r *run, x any, a *args) any {
	v := a.bind("replace", 2, "old", "new", "count")
	n := -1
	if c := or[any](v[2], nil); c != nil {
		n = index(c)
	}
	from, to := v[0], v[1]
	if !r.escape {
		return r.replace(r.str(x), r.str(from), r.str(to), n)
	}
	_, s := x.(markup)
	_, f := from.(markup)
	_, t := to.(markup)
	if f || t && !s {
		x, s = markup(r.escaped(x)), true
	}
	if s {
		return markup(r.replace(r.str(x), r.escaped(from), r.escaped(to), n))
	}
	return r.replace(r.str(x), r.str(from), r.str(to), n)
}

func filterTrim(r *run, x any, a *args) any {
	v := a.bind("trim", 0, "chars")
	return like(x, trim(r.str(x), v[0], true, true))
}

func filterStripTags(r *run, x any, a *args) any {
	a.positional("striptags", 0, 0)
	return stripTags(r.str(x))
}

func filterFormat(r *run, x any, a *args) any {
	if len(a.pos) > 0 && len(a.names) > 0 {
		fail("can't handle positional and keyword arguments at the same time")
	}
	var values any = &Tuple{a.pos}
	if len(a.names) > 0 {
		d := &Dict{}
		for i, name := range a.names {
			d.Set(name, a.values[i])
		}
		values = d
	}
	if m, ok := x.(markup); ok {
		return r.binary("%", m, values)
	}
	return r.printf(r.str(x), values)
}

func filterWordCount(r *run, x any, a *args) any {
	a.positional("wordcount", 0, 0)
	s := r.str(x)
	r.step(len(s) >> 4)
	return int64(len(strings.FieldsFunc(s, func(c rune) bool { return !isWord(c) })))
}
