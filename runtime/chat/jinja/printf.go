package jinja

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"
)

// printf is s % values, the older of Python's two ways to format.
func (r *run) printf(s string, values any) string {
	items, isTuple := tupleItems(values)
	used := 0
	d, isDict := values.(*Dict)
	next := func() any {
		if isTuple {
			if used >= len(items) {
				fail("not enough arguments for format string")
			}
			used++
			return items[used-1]
		}
		if used > 0 {
			fail("not enough arguments for format string")
		}
		used++
		return values
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		if s[i] != '%' {
			n := strings.IndexByte(s[i:], '%')
			if n < 0 {
				n = len(s) - i
			}
			r.grow(int64(n))
			b.WriteString(s[i : i+n])
			i += n
			continue
		}
		i++
		p := spec{fill: " ", precision: -1}
		var value any
		named := false
		if i < len(s) && s[i] == '(' {
			if !isDict {
				fail("format requires a mapping")
			}
			open, start := 1, i+1
			for i++; i < len(s) && open > 0; i++ {
				switch s[i] {
				case '(':
					open++
				case ')':
					open--
				}
			}
			if open > 0 {
				fail("incomplete format key")
			}
			key := s[start : i-1]
			v, ok := d.Get(key)
			if !ok {
				fail("%s", quote(key))
			}
			value, named = v, true
		}
		for ; i < len(s) && strings.IndexByte("-+ #0", s[i]) >= 0; i++ {
			switch s[i] {
			case '-':
				p.align = '<'
			case '+':
				p.sign = '+'
			case ' ':
				if p.sign == 0 {
					p.sign = ' '
				}
			case '#':
				p.alternate = true
			case '0':
				p.zero = true
			}
		}
		star := func() int {
			n, ok := small(next())
			if !ok {
				fail("* wants int")
			}
			return int(max(math.MinInt32, min(math.MaxInt32, n)))
		}
		if i < len(s) && s[i] == '*' {
			if p.width = star(); p.width < 0 {
				p.width, p.align = -p.width, '<'
			}
			i++
		} else {
			p.width, i = digitsAt(s, i)
		}
		if i < len(s) && s[i] == '.' {
			i++
			if i < len(s) && s[i] == '*' {
				p.precision = max(0, star())
				i++
			} else {
				p.precision, i = digitsAt(s, i)
			}
		}
		for i < len(s) && strings.IndexByte("hlL", s[i]) >= 0 {
			i++
		}
		if i >= len(s) {
			fail("incomplete format")
		}
		c, n := utf8.DecodeRuneInString(s[i:])
		i += n
		if c == '%' {
			b.WriteByte('%')
			continue
		}
		if !named {
			value = next()
		}
		b.WriteString(r.converted(c, value, p))
	}
	if isTuple && used < len(items) || !isTuple && !isDict && used == 0 && !mappingLike(values) {
		fail("not all arguments converted during string formatting")
	}
	return b.String()
}

// mappingLike values may be left over, since they have items by key.
func mappingLike(v any) bool {
	switch v.(type) {
	case *List, *numbers, *undefined, *view:
		_, isView := v.(*view)
		return !isView
	}
	return false
}

func digitsAt(s string, i int) (int, int) {
	n := 0
	for ; i < len(s) && isDigit(s[i]); i++ {
		if n = n*10 + int(s[i]-'0'); n > math.MaxInt32 {
			fail("width too big")
		}
	}
	return n, i
}

func (r *run) converted(c rune, v any, p spec) string {
	switch c {
	case 's', 'r', 'a':
		s := ""
		switch {
		case c == 's':
			s = r.str(v)
		case c == 'r':
			s = r.repr(v)
		default:
			s = asciiRepr(r.repr(v))
		}
		if p.precision >= 0 {
			s = s[:offset(s, p.precision)]
		}
		p.zero = false
		return r.padded(s, p, '>')
	case 'c':
		if s, ok := text(v); ok {
			if runes(s) != 1 {
				fail("%%c requires int or char")
			}
			p.zero = false
			return r.padded(s, p, '>')
		}
		n, ok := small(v)
		if !ok || n < 0 || n > utf8.MaxRune {
			fail("%%c requires int or char, in range(0x110000)")
		}
		p.zero = false
		return r.padded(string(rune(n)), p, '>')
	case 'd', 'i', 'u', 'x', 'X', 'o':
		var z *big.Int
		if f, ok := v.(float64); ok && (c == 'd' || c == 'i' || c == 'u') {
			if math.IsInf(f, 0) || math.IsNaN(f) {
				fail("cannot convert float infinity or NaN to integer")
			}
			z, _ = integer(truncated(f))
		} else if z, ok = integer(v); !ok {
			fail("%%%c format: an integer is required, not %s", c, typeName(v))
		}
		digits := ""
		prefix := ""
		switch c {
		case 'x', 'X':
			digits, prefix = new(big.Int).Abs(z).Text(16), "0x"
		case 'o':
			digits, prefix = new(big.Int).Abs(z).Text(8), "0o"
		default:
			digits = decimalText(new(big.Int).Abs(z))
		}
		if n := p.precision - len(digits); n > 0 {
			digits = r.spaces(n, "0") + digits
		}
		if c == 'X' {
			digits, prefix = strings.ToUpper(digits), "0X"
		}
		if !p.alternate {
			prefix = ""
		}
		return r.signed(z.Sign() < 0, prefix, digits, p)
	case 'e', 'E', 'f', 'F', 'g', 'G':
		if _, ok := text(v); ok || !isNumber(v) {
			fail("must be real number, not %s", typeName(v))
		}
		f := float(v)
		return r.signed(math.Signbit(f) && !math.IsNaN(f), "", r.floatDigits(f, byte(c), p), p)
	}
	fail("unsupported format character '%c' (0x%x)", c, c)
	return ""
}

// signed puts a number's digits together with its sign and prefix, zeros between them if they fill
// the width.
func (r *run) signed(negative bool, prefix, digits string, p spec) string {
	sign := ""
	switch {
	case negative:
		sign = "-"
	case p.sign != 0 && p.sign != '-':
		sign = string(p.sign)
	}
	if p.zero && p.align != '<' {
		if n := p.width - len(sign) - len(prefix) - len(digits); n > 0 {
			digits = r.spaces(n, "0") + digits
		}
	}
	return r.padded(sign+prefix+digits, p, '>')
}

// floatDigits returns the digits of |f|.
func (r *run) floatDigits(f float64, c byte, p spec) string {
	f = math.Abs(f)
	capital := c >= 'A' && c <= 'Z'
	s := ""
	precision := p.precision
	if precision < 0 {
		precision = 6
	}
	if precision > 1<<16 {
		failLimit("the template formats a number with more than %d digits", 1<<16)
	}
	r.grow(int64(precision))
	switch {
	case math.IsInf(f, 0):
		s = "inf"
	case math.IsNaN(f):
		s = "nan"
	case c|0x20 == 'g':
		s = generalDigits(f, precision, p.alternate)
	default:
		s = strconv.FormatFloat(f, c|0x20, precision, 64)
		if precision == 0 && p.alternate {
			if i := strings.IndexByte(s, 'e'); i >= 0 {
				s = s[:i] + "." + s[i:]
			} else {
				s += "."
			}
		}
	}
	if capital {
		s = strings.ToUpper(s)
	}
	return s
}

// generalDigits is C's %g.
func generalDigits(f float64, precision int, keep bool) string {
	precision = max(precision, 1)
	s := strconv.FormatFloat(f, 'e', precision-1, 64)
	i := strings.IndexByte(s, 'e')
	exp, _ := strconv.Atoi(s[i+1:])
	mantissa, tail := s[:i], s[i:]
	if exp >= -4 && exp < precision {
		mantissa, tail = strconv.FormatFloat(f, 'f', precision-1-exp, 64), ""
	}
	if !keep && strings.Contains(mantissa, ".") {
		mantissa = strings.TrimSuffix(strings.TrimRight(mantissa, "0"), ".")
	}
	if keep && !strings.Contains(mantissa, ".") {
		mantissa += "."
	}
	return mantissa + tail
}

func asciiRepr(s string) string {
	var b strings.Builder
	for _, c := range s {
		if c < utf8.RuneSelf {
			b.WriteRune(c)
		} else {
			b.WriteString(escaped(c))
		}
	}
	return b.String()
}
