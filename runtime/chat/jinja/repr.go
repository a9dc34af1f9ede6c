package jinja

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode"
)

const maxDigits = 4300 // of an integer that Python turns into text or back

// str is str(v), what a template prints.
func (r *run) str(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case markup:
		return string(v)
	case *undefined:
		return ""
	case int64:
		return strconv.FormatInt(v, 10)
	case *native:
		if v.repr != "" {
			return v.repr
		}
	}
	return r.repr(v)
}

// repr is repr(v), which lists show of their items.
func (r *run) repr(v any) string {
	var b strings.Builder
	r.writeRepr(&b, v, 0)
	return b.String()
}

func (r *run) writeRepr(b *strings.Builder, v any, depth int) {
	deep(depth)
	r.grow(itemSize)
	r.fits(b)
	items := func(open string, items []any, end string) {
		b.WriteString(open)
		for i, x := range items {
			if i > 0 {
				b.WriteString(", ")
			}
			r.writeRepr(b, x, depth+1)
		}
		b.WriteString(end)
	}
	switch v := v.(type) {
	case nil:
		b.WriteString("None")
	case bool:
		b.WriteString(map[bool]string{true: "True", false: "False"}[v])
	case int64:
		b.WriteString(strconv.FormatInt(v, 10))
	case *big.Int:
		b.WriteString(decimalText(v))
	case float64:
		b.WriteString(floatText(v))
	case string:
		r.grow(int64(len(v)))
		b.WriteString(quote(v))
	case markup:
		r.grow(int64(len(v)))
		b.WriteString("Markup(" + quote(string(v)) + ")")
	case *List:
		items("[", v.Items, "]")
	case *Tuple:
		if len(v.Items) == 1 {
			items("(", v.Items, ",)")
			return
		}
		items("(", v.Items, ")")
	case group:
		r.writeRepr(b, v.Tuple, depth)
	case *Dict:
		b.WriteByte('{')
		for i, k := range v.keys {
			if i > 0 {
				b.WriteString(", ")
			}
			r.writeRepr(b, k, depth+1)
			b.WriteString(": ")
			r.writeRepr(b, v.values[i], depth+1)
		}
		b.WriteByte('}')
	case *undefined:
		b.WriteString("Undefined")
	case *namespace:
		b.WriteString("<Namespace ")
		r.writeRepr(b, v.attrs, depth+1)
		b.WriteByte('>')
	case *view:
		b.WriteString(v.kind)
		items("([", r.items(v), "])")
	case *numbers:
		fmt.Fprintf(b, "range(%d, %d", v.start, v.stop)
		if v.step != 1 {
			fmt.Fprintf(b, ", %d", v.step)
		}
		b.WriteByte(')')
	case *generator:
		b.WriteString(v.name)
	case *macro:
		if v.node.name == "" {
			b.WriteString("<Macro anonymous>")
		} else {
			b.WriteString("<Macro " + quote(v.node.name) + ">")
		}
	case *loopContext:
		fmt.Fprintf(b, "<LoopContext %d/%d>", v.index0+1, v.length())
	case *native:
		if v.repr != "" {
			b.WriteString(v.repr)
		} else {
			b.WriteString("<function " + v.name + " at 0x7f0000000000>")
		}
	case *selfReference:
		b.WriteString("<TemplateReference None>")
	default:
		b.WriteString("<" + typeName(v) + " object at 0x7f0000000000>")
	}
}

// fits checks the size of a text that is being written.
func (r *run) fits(b *strings.Builder) {
	if n := int64(b.Len()); n > r.value {
		r.grow(n)
	}
}

func decimalText(z *big.Int) string {
	s := z.String()
	if len(strings.TrimPrefix(s, "-")) > maxDigits {
		fail("Exceeds the limit (%d digits) for integer string conversion", maxDigits)
	}
	return s
}

// floatText is repr of a float: the shortest digits that give it back.
func floatText(f float64) string {
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 0):
		return map[bool]string{true: "inf", false: "-inf"}[f > 0]
	}
	s := strconv.FormatFloat(f, 'e', -1, 64)
	i := strings.IndexByte(s, 'e')
	if exp, _ := strconv.Atoi(s[i+1:]); exp < -4 || exp >= 16 {
		return s
	}
	s = strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// printable is str.isprintable of one character.
func printable(r rune) bool { return unicode.IsPrint(r) }

// quote is repr of a text.
func quote(s string) string {
	q := byte('\'')
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		q = '"'
	}
	var b strings.Builder
	b.Grow(len(s) + 2)
	b.WriteByte(q)
	for _, c := range s {
		switch {
		case c == '\\' || c == rune(q):
			b.WriteByte('\\')
			b.WriteRune(c)
		case printable(c):
			b.WriteRune(c)
		default:
			b.WriteString(escaped(c))
		}
	}
	b.WriteByte(q)
	return b.String()
}
