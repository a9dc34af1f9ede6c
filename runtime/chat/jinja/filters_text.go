package jinja

import (
	"net/url"
	"slices"
	"strings"
)

func filterIndent(r *run, x any, a *args) any {
	v := a.bind("indent", 0, "width", "first", "blank")
	if u, ok := x.(*undefined); ok {
		u.fail()
	}
	s, ok := text(x)
	if !ok {
		fail("unsupported operand type(s) for +=: '%s' and 'str'", typeName(x))
	}
	width := or[any](v[0], int64(4))
	indent, isText := text(width)
	if !isText {
		indent = r.spaces(index(width), " ")
	}
	first, blank := truth(or(v[1], false)), truth(or(v[2], false))
	lines := splitLines(s+"\n", false)
	r.grow(int64(len(s)) + int64(len(lines))*int64(len(indent)+itemSize+1))
	var b strings.Builder
	for i, line := range lines {
		if i > 0 {
			b.WriteByte('\n')
		}
		if i > 0 && (blank || line != "") || i == 0 && first {
			b.WriteString(indent)
		}
		b.WriteString(line)
	}
	return like(x, b.String())
}

func filterTruncate(r *run, x any, a *args) any {
	v := a.bind("truncate", 0, "length", "killwords", "end", "leeway")
	width, end := index(or(v[0], int64(255))), str(or(v[2], "..."), "truncate")
	leeway := 5
	if l := or[any](v[3], nil); l != nil {
		leeway = index(l)
	}
	if width < runes(end) || leeway < 0 {
		fail("expected length >= %d, got %d", runes(end), width)
	}
	n, ok := length(x)
	if !ok {
		fail("object of type '%s' has no len()", typeName(x))
	}
	if n <= width+leeway {
		return x
	}
	s, ok := text(x)
	if !ok {
		fail("truncate needs a text, not '%s'", typeName(x))
	}
	r.grow(int64(len(s) + len(end)))
	s = s[:offset(s, width-runes(end))]
	if !truth(or(v[1], false)) {
		if i := strings.LastIndexByte(s, ' '); i >= 0 {
			s = s[:i]
		}
	}
	return like(x, s+end)
}

func filterURLEncode(r *run, x any, a *args) any {
	a.positional("urlencode", 0, 0)
	var pairs []any
	if d, ok := x.(*Dict); ok {
		pairs = r.items(&view{d, "dict_items"})
	} else if _, is := iterate(x); is {
		if s, ok := text(x); ok {
			return r.quoteURL(s, false)
		}
		pairs = r.items(x)
	} else {
		return r.quoteURL(r.str(x), false)
	}
	var parts []string
	n := 0
	for _, pair := range pairs {
		p := r.items(pair)
		if len(p) != 2 {
			fail("not enough or too many values to unpack (expected 2, got %d)", len(p))
		}
		parts = append(parts, r.quoteURL(r.str(p[0]), true)+"="+r.quoteURL(r.str(p[1]), true))
		n += len(parts[len(parts)-1])
	}
	return r.joined(parts, "&", n)
}

func (r *run) quoteURL(s string, query bool) string {
	r.grow(int64(3 * len(s)))
	s = url.QueryEscape(s)
	if query {
		return s
	}
	return strings.ReplaceAll(strings.ReplaceAll(s, "+", "%20"), "%2F", "/")
}

func filterXMLAttr(r *run, x any, a *args) any {
	v := a.bind("xmlattr", 0, "autospace")
	if u, ok := x.(*undefined); ok {
		u.fail()
	}
	d, ok := x.(*Dict)
	if !ok {
		fail("'%s' object has no attribute 'items'", typeName(x))
	}
	var parts []string
	n := 0
	for i, k := range d.keys {
		if d.values[i] == nil || isUndefinedValue(d.values[i]) {
			continue
		}
		key, ok := text(k)
		if !ok {
			fail("expected string or bytes-like object, got '%s'", typeName(k))
		}
		if strings.ContainsAny(key, " \t\n\r\f\v/>=") {
			fail("Invalid character in attribute name: %s", quote(key))
		}
		parts = append(parts, r.escaped(k)+`="`+r.escaped(d.values[i])+`"`)
		n += len(parts[len(parts)-1])
	}
	s := r.joined(parts, " ", n)
	if s != "" && truth(or(v[0], true)) {
		s = " " + s
	}
	return r.safe(s)
}

func filterURLize(*run, any, *args) any {
	fail("the filter urlize, which makes links of HTML, is not supported")
	return nil
}

// filterPretty is Python's pformat, which sorts keys. What does not fit one line is left out.
func filterPretty(r *run, x any, a *args) any {
	a.positional("pprint", 0, 0)
	s := r.repr(r.keysSorted(x, 0))
	if runes(s) > 80 {
		fail("the filter pprint is not supported for values of more than one line")
	}
	return s
}

// keysSorted is v with the keys of its dictionaries in order, those of other kinds by the names of
// their types.
func (r *run) keysSorted(v any, depth int) any {
	deep(depth)
	r.grow(8 * itemSize)
	all := func(items []any) (out []any) {
		for _, x := range items {
			out = append(out, r.keysSorted(x, depth+1))
		}
		return out
	}
	switch v := v.(type) {
	case *List:
		return &List{all(v.Items)}
	case *Tuple:
		return &Tuple{all(v.Items)}
	case *Dict:
		d := &Dict{}
		keys := slices.Clone(v.keys)
		slices.SortStableFunc(keys, func(a, b any) int {
			_, s := text(a)
			_, t := text(b)
			if s && t || isNumber(a) && isNumber(b) {
				return r.less(a, b, "<", depth)
			}
			return strings.Compare(typeName(a), typeName(b))
		})
		for _, k := range keys {
			x, _ := v.Get(k)
			d.Set(k, r.keysSorted(x, depth+1))
		}
		return d
	}
	return v
}

func filterWordWrap(r *run, x any, a *args) any {
	v := a.bind("wordwrap", 0, "width", "break_long_words", "wrapstring", "break_on_hyphens")
	if u, ok := x.(*undefined); ok {
		u.fail()
	}
	s, ok := text(x)
	if !ok {
		fail("'%s' object has no attribute 'splitlines'", typeName(x))
	}
	separator := "\n"
	if w := or[any](v[2], nil); w != nil {
		separator = str(w, "wordwrap")
	}
	width := index(or(v[0], int64(79)))
	w := wrapper{width, truth(or(v[1], true)), truth(or(v[3], true))}
	var paragraphs []string
	n := 0
	r.grow(int64(4 * len(s)))
	for _, line := range splitLines(s, false) {
		p := r.joined(w.wrap(line), separator, len(line))
		paragraphs = append(paragraphs, p)
		n += len(p)
	}
	return r.joined(paragraphs, separator, n)
}
