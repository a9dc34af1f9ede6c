package jinja

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode"
)

// sequenceMethod is a method of a list or tuple.
func sequenceMethod(items []any, name string) (any, bool) {
	switch name {
	case "count":
		return bound(name, func(r *run, a *args) any {
			x, n := a.positional(name, 1, 1)[0], int64(0)
			for _, y := range items {
				if r.equal(x, y) {
					n++
				}
			}
			return n
		}), true
	case "index":
		return bound(name, func(r *run, a *args) any {
			v := a.positional(name, 1, 3)
			from, to := bounds(v[1], v[2], len(items))
			for i := from; i < to; i++ {
				if r.equal(v[0], items[i]) {
					return int64(i)
				}
			}
			fail("%s is not in list", r.repr(v[0]))
			return nil
		}), true
	}
	return nil, false
}

// bounds are the places that two arguments give, as in s[from:to].
func bounds(from, to any, n int) (int, int) {
	clip := func(v any, otherwise int) int {
		if !given(v) || v == nil {
			return otherwise
		}
		i := index(v)
		if i < 0 {
			i += n
		}
		return max(0, i)
	}
	return clip(from, 0), min(n, clip(to, n))
}

func dictMethod(d *Dict, name string) (any, bool) {
	switch name {
	case "keys", "values", "items":
		return bound(name, func(_ *run, a *args) any {
			a.positional(name, 0, 0)
			return &view{d, "dict_" + name}
		}), true
	case "get":
		return bound(name, func(_ *run, a *args) any {
			v := a.positional(name, 1, 2)
			if x, ok := d.Get(v[0]); ok {
				return x
			}
			return or[any](v[1], nil)
		}), true
	case "copy":
		return bound(name, func(r *run, a *args) any {
			a.positional(name, 0, 0)
			r.grow(int64(3 * itemSize * d.Len()))
			return d.copy()
		}), true
	case "fromkeys":
		return bound(name, fromKeys), true
	}
	return nil, false
}

func numberMethod(v any, name string) (any, bool) {
	constant := func(x any) (any, bool) {
		return bound(name, func(_ *run, a *args) any { a.positional(name, 0, 0); return x }), true
	}
	z, isInt := integer(v)
	switch name {
	case "real":
		if isInt {
			return norm(z), true
		}
		return v, true
	case "imag":
		if isInt {
			return int64(0), true
		}
		return 0.0, true
	case "conjugate":
		if isInt {
			return constant(norm(z))
		}
		return constant(v)
	case "is_integer":
		if f, ok := v.(float64); ok {
			return constant(f == math.Trunc(f) && !math.IsInf(f, 0))
		}
	case "numerator":
		if isInt {
			return norm(z), true
		}
	case "denominator":
		if isInt {
			return int64(1), true
		}
	case "bit_length":
		if isInt {
			return constant(int64(z.BitLen()))
		}
	case "bit_count":
		if isInt {
			n := 0
			for i := range z.BitLen() {
				n += int(new(big.Int).Abs(z).Bit(i))
			}
			return constant(int64(n))
		}
	}
	return nil, false
}

// markupMethod is the method of a text that is safe: its result is safe, and what comes in is
// escaped.
func (r *run) markupMethod(m markup, name string) (any, bool) {
	if name == "striptags" || name == "unescape" {
		return bound(name, func(r *run, a *args) any {
			a.positional(name, 0, 0)
			if name == "unescape" {
				return unescapeHTML(string(m))
			}
			return stripTags(string(m))
		}), true
	}
	f, ok := r.method(m, string(m), name)
	if !ok {
		return nil, false
	}
	switch name {
	case "format", "join", "replace", "center", "ljust", "rjust", "strip", "lstrip", "rstrip", "partition", "rpartition":
	case "capitalize", "casefold", "expandtabs", "lower", "removeprefix", "removesuffix", "swapcase", "title", "upper", "zfill",
		"split", "rsplit", "splitlines":
	default:
		return f, true
	}
	return bound(name, func(r *run, a *args) any {
		if name == "join" && len(a.pos) == 1 {
			l := &List{}
			for _, x := range r.items(a.pos[0]) {
				l.Items = append(l.Items, r.escaped(x))
			}
			a = &args{pos: []any{l}}
		} else if name == "format" || name == "replace" {
			b := &args{names: a.names}
			for _, x := range a.pos {
				b.pos = append(b.pos, escapedArg(r, x))
			}
			for _, x := range a.values {
				b.values = append(b.values, escapedArg(r, x))
			}
			a = b
		}
		return safeParts(f.(*native).call(r, a))
	}), true
}

func safeParts(v any) any {
	switch v := v.(type) {
	case string:
		return markup(v)
	case *List:
		return &List{safeItems(v.Items)}
	case *Tuple:
		return &Tuple{safeItems(v.Items)}
	}
	return v
}

func safeItems(items []any) []any {
	out := make([]any, len(items))
	for i, x := range items {
		out[i] = safeParts(x)
	}
	return out
}

// toInt is int(s, base) of a text.
func toInt(s string, base int) (any, bool) {
	s = strings.TrimFunc(s, isSpace)
	sign := ""
	if s != "" && (s[0] == '-' || s[0] == '+') {
		sign, s = s[:1], s[1:]
	}
	s = asciiDigits(s)
	prefixes := map[int]string{2: "0b", 8: "0o", 16: "0x"}
	after := false
	for b, prefix := range prefixes {
		if (base == b || base == 0) && len(s) > 2 && strings.EqualFold(s[:2], prefix) {
			s, base, after = s[2:], b, true
		}
	}
	if base == 0 {
		if t := strings.ReplaceAll(s, "_", ""); len(t) > 1 && t[0] == '0' && strings.Trim(t, "0") != "" {
			return nil, false
		}
		base = 10
	}
	if after {
		s = strings.TrimPrefix(s, "_")
	}
	if s == "" || s[0] == '_' || s[len(s)-1] == '_' || strings.Contains(s, "__") || s[0] == '-' || s[0] == '+' {
		return nil, false
	}
	s = strings.ReplaceAll(s, "_", "")
	switch {
	case base&(base-1) != 0 && len(s) > maxDigits:
		return nil, false
	case len(s) > maxInt:
		failLimit("the template computes an integer of more than %d bits", maxInt)
	}
	z, ok := new(big.Int).SetString(sign+s, base)
	if !ok {
		return nil, false
	}
	return norm(z), true
}

// asciiDigits are decimal digits of any script as those of ASCII.
func asciiDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 128 || !unicode.Is(unicode.Nd, r) {
			return r
		}
		return '0' + rune(digitValue(r))
	}, s)
}

// digitValue is the value of a decimal digit; each script has its ten in a row.
func digitValue(r rune) int {
	n := 0
	for unicode.Is(unicode.Nd, r-rune(n)-1) && n < 60 {
		n++
	}
	return n % 10
}

// toFloat is float(s) of a text.
func toFloat(s string) (float64, bool) {
	s = asciiDigits(strings.TrimFunc(s, isSpace))
	if s == "" || strings.HasPrefix(s, "_") || strings.HasSuffix(s, "_") || strings.Contains(s, "__") || strings.ContainsAny(s, "xXpP") {
		return 0, false
	}
	for i := range s {
		if s[i] == '_' && (!isDigit(s[i-1]) || !isDigit(s[i+1])) {
			return 0, false
		}
	}
	f, err := strconv.ParseFloat(strings.ReplaceAll(s, "_", ""), 64)
	return f, err == nil || isRange(err)
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
