package jinja

import (
	"slices"
	"strings"
	"unicode"
)

// texts are the methods of str.
var texts map[string]func(r *run, s string, a *args) any

func init() { // format looks methods up itself
	texts = map[string]func(r *run, s string, a *args) any{
		"capitalize": simple("capitalize", capitalize), "lower": simple("lower", lower), "upper": simple("upper", upper),
		"title": simple("title", title), "swapcase": simple("swapcase", swapCase),
		"casefold": simple("casefold", caseFold),
		"strip":    strip("strip", true, true), "lstrip": strip("lstrip", true, false), "rstrip": strip("rstrip", false, true),
		"startswith": affix("startswith", strings.HasPrefix), "endswith": affix("endswith", strings.HasSuffix),
		"removeprefix": cut("removeprefix", strings.TrimPrefix), "removesuffix": cut("removesuffix", strings.TrimSuffix),
		"split": split("split", false), "rsplit": split("rsplit", true),
		"find": find("find", false, false), "rfind": find("rfind", true, false),
		"index": find("index", false, true), "rindex": find("rindex", true, true),
		"partition": partition("partition", strings.Index), "rpartition": partition("rpartition", strings.LastIndex),
		"center": pad("center"), "ljust": pad("ljust"), "rjust": pad("rjust"), "zfill": zfill,
		"count": count, "replace": replaceMethod, "join": joinMethod, "splitlines": splitlines, "expandtabs": expandTabs,
		"format": formatMethod, "format_map": formatMap,
		"isalpha": all("isalpha", unicode.IsLetter), "isspace": all("isspace", isSpace),
		"isalnum":   all("isalnum", func(r rune) bool { return unicode.IsLetter(r) || isNumeric(r) }),
		"isdecimal": all("isdecimal", func(r rune) bool { return unicode.Is(unicode.Nd, r) }),
		"isdigit":   all("isdigit", isDigitRune), "isnumeric": all("isnumeric", isNumeric),
		"isascii":      check("isascii", func(s string) bool { return strings.IndexFunc(s, func(r rune) bool { return r > 127 }) < 0 }),
		"isprintable":  check("isprintable", func(s string) bool { return strings.IndexFunc(s, func(r rune) bool { return !printable(r) }) < 0 }),
		"isidentifier": check("isidentifier", isIdentifier), "islower": check("islower", isLower),
		"isupper": check("isupper", isUpper), "istitle": check("istitle", isTitle),
	}
}

// method is the method of a text.
func (r *run) method(_ any, s, name string) (any, bool) {
	f, ok := texts[name]
	if !ok {
		if name == "encode" || name == "translate" || name == "maketrans" {
			fail("the method %s of str is not supported", name)
		}
		return nil, false
	}
	return bound(name, func(r *run, a *args) any {
		r.step(len(s)>>5 + 1)
		return f(r, s, a)
	}), true
}

func isDigitRune(r rune) bool {
	return unicode.Is(unicode.Nd, r) || r == '²' || r == '³' || r == '¹' || r == '⁰' || r >= '⁴' && r <= '⁹' || r >= '₀' && r <= '₉' ||
		r >= '①' && r <= '⑨' || r >= '⑴' && r <= '⑼' || r >= '⒈' && r <= '⒐'
}

func isNumeric(r rune) bool {
	return unicode.IsNumber(r) || strings.ContainsRune("一二三四五六七八九十百千万億兆零〇", r)
}

func simple(name string, f func(string) string) func(*run, string, *args) any {
	return func(r *run, s string, a *args) any {
		a.positional(name, 0, 0)
		r.grow(int64(2 * len(s)))
		return f(s)
	}
}

func check(name string, f func(string) bool) func(*run, string, *args) any {
	return func(_ *run, s string, a *args) any { a.positional(name, 0, 0); return f(s) }
}

func all(name string, f func(rune) bool) func(*run, string, *args) any {
	return check(name, func(s string) bool {
		return s != "" && strings.IndexFunc(s, func(r rune) bool { return !f(r) }) < 0
	})
}

func isLower(s string) bool {
	return strings.IndexFunc(s, cased) >= 0 && strings.IndexFunc(s, func(r rune) bool { return unicode.IsUpper(r) || unicode.IsTitle(r) }) < 0
}

func isUpper(s string) bool {
	return strings.IndexFunc(s, cased) >= 0 && strings.IndexFunc(s, func(r rune) bool { return unicode.IsLower(r) || unicode.IsTitle(r) }) < 0
}

func isTitle(s string) bool {
	before, any := false, false
	for _, r := range s {
		up := unicode.IsUpper(r) || unicode.IsTitle(r)
		if up && before || unicode.IsLower(r) && !before {
			return false
		}
		before = cased(r)
		any = any || before
	}
	return any
}

// str is an argument that must be a text.
func str(v any, function string) string {
	s, ok := text(v)
	if !ok {
		fail("%s() argument must be str, not %s", function, typeName(v))
	}
	return s
}

func trim(s string, chars any, left, right bool) string {
	in := isSpace
	if given(chars) && chars != nil {
		set := str(chars, "strip")
		in = func(r rune) bool { return strings.ContainsRune(set, r) }
	}
	if left {
		s = strings.TrimLeftFunc(s, in)
	}
	if right {
		s = strings.TrimRightFunc(s, in)
	}
	return s
}

func strip(name string, left, right bool) func(*run, string, *args) any {
	return func(_ *run, s string, a *args) any { return trim(s, a.positional(name, 0, 1)[0], left, right) }
}

// part is s[from:to] for methods that search, and where it begins in code points; ok is false when
// from is beyond its end.
func part(s string, from, to any) (string, int, bool) {
	if !given(from) && !given(to) {
		return s, 0, true
	}
	n := runes(s)
	i, j := bounds(from, to, n)
	if i > n || i > j {
		return "", i, false
	}
	return s[offset(s, i):offset(s, j)], i, true
}

func affix(name string, has func(s, t string) bool) func(*run, string, *args) any {
	return func(_ *run, s string, a *args) any {
		v := a.positional(name, 1, 3)
		s, _, ok := part(s, v[1], v[2])
		if items, is := tupleItems(v[0]); is {
			found := false
			for _, x := range items {
				found = found || ok && has(s, str(x, name))
			}
			return found
		}
		return ok && has(s, str(v[0], name))
	}
}

func cut(name string, f func(s, t string) string) func(*run, string, *args) any {
	return func(_ *run, s string, a *args) any { return f(s, str(a.positional(name, 1, 1)[0], name)) }
}

func find(name string, last, must bool) func(*run, string, *args) any {
	return func(_ *run, s string, a *args) any {
		v := a.positional(name, 1, 3)
		sub := str(v[0], name)
		s, from, ok := part(s, v[1], v[2])
		i := -1
		if ok && last {
			i = strings.LastIndex(s, sub)
		} else if ok {
			i = strings.Index(s, sub)
		}
		if i < 0 {
			if must {
				fail("substring not found")
			}
			return int64(-1)
		}
		return int64(from + runes(s[:i]))
	}
}

func count(_ *run, s string, a *args) any {
	v := a.positional("count", 1, 3)
	sub := str(v[0], "count")
	s, _, ok := part(s, v[1], v[2])
	if !ok {
		return int64(0)
	}
	return int64(strings.Count(s, sub))
}

func partition(name string, search func(s, t string) int) func(*run, string, *args) any {
	return func(_ *run, s string, a *args) any {
		sep := str(a.positional(name, 1, 1)[0], name)
		if sep == "" {
			fail("empty separator")
		}
		i := search(s, sep)
		switch {
		case i >= 0:
			return &Tuple{[]any{s[:i], sep, s[i+len(sep):]}}
		case name == "partition":
			return &Tuple{[]any{s, "", ""}}
		}
		return &Tuple{[]any{"", "", s}}
	}
}

// split cuts at a separator, or at runs of white space, at most so many times, from the left or the
// right.
func split(name string, right bool) func(*run, string, *args) any {
	return func(r *run, s string, a *args) any {
		v := a.bind(name, 0, "sep", "maxsplit")
		most := -1
		if given(v[1]) {
			most = index(v[1])
		}
		r.grow(int64(len(s)) * itemSize / 4)
		var parts []string
		if !given(v[0]) || v[0] == nil {
			parts = fields(s, most, right)
		} else {
			sep := str(v[0], name)
			if sep == "" {
				fail("empty separator")
			}
			switch {
			case most < 0:
				parts = strings.Split(s, sep)
			case right:
				for ; most > 0; most-- {
					i := strings.LastIndex(s, sep)
					if i < 0 {
						break
					}
					parts = append(parts, s[i+len(sep):])
					s = s[:i]
				}
				parts = append(parts, s)
				slices.Reverse(parts)
			default:
				parts = strings.SplitN(s, sep, most+1)
			}
		}
		return listOf(parts)
	}
}

func fields(s string, most int, right bool) (parts []string) {
	if most < 0 {
		return strings.FieldsFunc(s, isSpace)
	}
	if right {
		for s = strings.TrimRightFunc(s, isSpace); s != ""; s = strings.TrimRightFunc(s, isSpace) {
			i := strings.LastIndexFunc(s, isSpace)
			if most == 0 || i < 0 {
				parts = append(parts, s)
				break
			}
			at := i + size(s[i:])
			parts = append(parts, s[at:])
			s, most = s[:i], most-1
		}
		slices.Reverse(parts)
		return parts
	}
	for s = strings.TrimLeftFunc(s, isSpace); s != ""; s = strings.TrimLeftFunc(s, isSpace) {
		i := strings.IndexFunc(s, isSpace)
		if most == 0 || i < 0 {
			return append(parts, s)
		}
		parts = append(parts, s[:i])
		s, most = s[i:], most-1
	}
	return parts
}

func listOf(parts []string) *List {
	l := &List{make([]any, len(parts))}
	for i, p := range parts {
		l.Items[i] = p
	}
	return l
}

func splitlines(r *run, s string, a *args) any {
	v := a.bind("splitlines", 0, "keepends")
	r.grow(int64(len(s)) * itemSize / 2)
	return listOf(splitLines(s, given(v[0]) && truth(v[0])))
}

func replaceMethod(r *run, s string, a *args) any {
	v := a.positional("replace", 2, 3)
	n := -1
	if given(v[2]) {
		n = index(v[2])
	}
	return r.replace(s, str(v[0], "replace"), str(v[1], "replace"), n)
}

func (r *run) replace(s, from, to string, n int) string {
	found := strings.Count(s, from)
	if n >= 0 {
		found = min(found, n)
	}
	r.grow(int64(len(s)) + int64(found)*int64(max(0, len(to)-len(from))))
	return strings.Replace(s, from, to, n)
}

func joinMethod(r *run, s string, a *args) any {
	items := r.items(a.positional("join", 1, 1)[0])
	parts := make([]string, len(items))
	n := 0
	for i, x := range items {
		t, ok := text(x)
		if !ok {
			fail("sequence item %d: expected str instance, %s found", i, typeName(x))
		}
		parts[i] = t
		n += len(t)
	}
	return r.joined(parts, s, n)
}

// joined joins parts of n bytes together.
func (r *run) joined(parts []string, separator string, n int) string {
	r.grow(int64(n) + int64(len(separator))*int64(max(0, len(parts)-1)))
	return strings.Join(parts, separator)
}

func (r *run) spaces(n int, fill string) string {
	if n <= 0 {
		return ""
	}
	r.grow(int64(n) * int64(len(fill)))
	return strings.Repeat(fill, n)
}

func pad(name string) func(*run, string, *args) any {
	return func(r *run, s string, a *args) any {
		v := a.positional(name, 1, 2)
		fill := str(or(v[1], " "), name)
		if runes(fill) != 1 {
			fail("The fill character must be exactly one character long")
		}
		return r.pad(s, index(v[0]), fill, name)
	}
}

func (r *run) pad(s string, width int, fill, how string) string {
	n := width - runes(s)
	if n <= 0 {
		return s
	}
	switch how {
	case "ljust":
		return s + r.spaces(n, fill)
	case "rjust":
		return r.spaces(n, fill) + s
	}
	left := n/2 + n&width&1
	return r.spaces(left, fill) + s + r.spaces(n-left, fill)
}

func zfill(r *run, s string, a *args) any {
	n := index(a.positional("zfill", 1, 1)[0]) - runes(s)
	if n <= 0 {
		return s
	}
	sign := ""
	if s != "" && (s[0] == '-' || s[0] == '+') {
		sign, s = s[:1], s[1:]
	}
	return sign + r.spaces(n, "0") + s
}

func expandTabs(r *run, s string, a *args) any {
	v := a.bind("expandtabs", 0, "tabsize")
	width := index(or(v[0], int64(8)))
	var b strings.Builder
	column := 0
	for _, c := range s {
		r.fits(&b)
		switch {
		case c == '\t' && width > 0:
			n := width - column%width
			b.WriteString(r.spaces(n, " "))
			column += n
		case c == '\t':
		case c == '\n' || c == '\r':
			column = 0
			b.WriteRune(c)
		default:
			column++
			b.WriteRune(c)
		}
	}
	return b.String()
}
