package jinja

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"
)

// spec is how one value is formatted.
type spec struct {
	fill               string
	align              byte // '<', '>', '^', '=', or 0 for what the type has
	sign               byte
	alternate, zero    bool
	width, precision   int
	grouping, kind     byte
	negativeZero, hasZ bool
}

func (r *run) padded(s string, p spec, align byte) string {
	n := p.width - runes(s)
	if n <= 0 {
		return s
	}
	if p.align != 0 {
		align = p.align
	}
	switch align {
	case '<':
		return s + r.spaces(n, p.fill)
	case '^':
		return r.spaces(n/2, p.fill) + s + r.spaces(n-n/2, p.fill)
	}
	return r.spaces(n, p.fill) + s
}

func parseSpec(s string) spec {
	p := spec{fill: " ", precision: -1}
	whole := s
	bad := func() { fail("Invalid format specifier '%s'", whole) }
	aligns := "<>^="
	if n := 0; s != "" {
		if n = size(s); n < len(s) && strings.IndexByte(aligns, s[n]) >= 0 {
			p.fill, p.align, s = s[:n], s[n], s[n+1:]
		} else if strings.IndexByte(aligns, s[0]) >= 0 {
			p.align, s = s[0], s[1:]
		}
	}
	take := func(chars string) byte {
		if s != "" && strings.IndexByte(chars, s[0]) >= 0 {
			c := s[0]
			s = s[1:]
			return c
		}
		return 0
	}
	p.sign = take("+- ")
	p.hasZ = take("z") != 0
	p.alternate = take("#") != 0
	if p.zero = take("0") != 0; p.zero && p.align == 0 {
		p.fill, p.align = "0", '='
	}
	number := func() int {
		n, i := digitsAt(s, 0)
		s = s[i:]
		return n
	}
	p.width = number()
	p.grouping = take(",_")
	if take(".") != 0 {
		if s == "" || !isDigit(s[0]) {
			fail("Format specifier missing precision")
		}
		p.precision = number()
	}
	if s != "" {
		if len(s) > 1 || s[0] >= utf8.RuneSelf {
			bad()
		}
		p.kind = s[0]
	}
	return p
}

// formatted is format(v, spec).
func (r *run) formatted(v any, s string) string {
	if u, ok := v.(*undefined); ok {
		if s != "" {
			fail("unsupported format string passed to %s.__format__", typeName(u))
		}
		return ""
	}
	t, isText := text(v)
	if s == "" {
		return r.str(v)
	}
	if !isText && !isNumber(v) {
		fail("unsupported format string passed to %s.__format__", typeName(v))
	}
	p := parseSpec(s)
	unknown := func() { fail("Unknown format code '%c' for object of type '%s'", p.kind, typeName(v)) }
	if isText {
		if p.kind != 0 && p.kind != 's' {
			unknown()
		}
		if p.align == '=' && !p.zero || p.sign != 0 || p.alternate || p.grouping != 0 {
			fail("format specifier not allowed for a text: '%s'", s)
		}
		if p.align == '=' {
			p.align = '<'
		}
		if p.precision >= 0 {
			t = t[:offset(t, p.precision)]
		}
		return r.padded(t, p, '<')
	}
	f, isFloat := v.(float64)
	if !isFloat && (p.kind == 0 || strings.IndexByte("bcdoxXn", p.kind) >= 0) {
		return r.formatInt(v, p)
	}
	if p.kind != 0 && strings.IndexByte("eEfFgG%n", p.kind) < 0 {
		unknown()
	}
	if !isFloat {
		f = float(v)
	}
	return r.formatFloat(f, p)
}

func (r *run) formatInt(v any, p spec) string {
	z, _ := integer(v)
	if p.precision >= 0 {
		fail("Precision not allowed in integer format specifier")
	}
	base, prefix := 10, ""
	switch p.kind {
	case 'b':
		base, prefix = 2, "0b"
	case 'o':
		base, prefix = 8, "0o"
	case 'x':
		base, prefix = 16, "0x"
	case 'X':
		base, prefix = 16, "0X"
	case 'c':
		n, ok := small(v)
		if !ok || n < 0 || n > utf8.MaxRune || p.sign != 0 || p.grouping != 0 || p.alternate {
			fail("%%c arg not in range(0x110000)")
		}
		return r.padded(string(rune(n)), p, '<')
	}
	if !p.alternate {
		prefix = ""
	}
	digits := new(big.Int).Abs(z).Text(base)
	if base == 10 {
		digits = decimalText(new(big.Int).Abs(z))
	}
	if p.kind == 'X' {
		digits = strings.ToUpper(digits)
	}
	if p.grouping == ',' && base != 10 {
		fail("Cannot specify ',' with '%c'.", p.kind)
	}
	every := 3
	if base != 10 {
		every = 4
	}
	return r.number(z.Sign() < 0, prefix, digits, "", every, p)
}

func (r *run) formatFloat(f float64, p spec) string {
	kind, tail := p.kind, ""
	value := math.Abs(f)
	if kind == '%' {
		value, kind, tail = value*100, 'f', "%"
	}
	digits := ""
	switch {
	case kind == 'n':
		digits = r.floatDigits(value, 'g', p)
	case kind != 0:
		digits = r.floatDigits(value, kind, p)
	case math.IsInf(f, 0) || math.IsNaN(f) || p.precision < 0:
		digits = floatText(value)
	default:
		digits = floatDefault(value, p.precision)
	}
	negative := math.Signbit(f) && !math.IsNaN(f)
	if p.hasZ && strings.Trim(digits, "0.") == "" {
		negative = false
	}
	i := strings.IndexFunc(digits, func(c rune) bool { return c < '0' || c > '9' })
	if i < 0 {
		i = len(digits)
	}
	return r.number(negative, "", digits[:i], digits[i:]+tail, 3, p)
}

// floatDefault is a float with a precision and no kind: like g, but with a digit after the point.
func floatDefault(f float64, precision int) string {
	s := strconv.FormatFloat(f, 'e', max(precision-1, 0), 64)
	exp, _ := strconv.Atoi(s[strings.IndexByte(s, 'e')+1:])
	s = generalDigits(f, precision, false)
	if exp >= -4 && exp < max(precision, 1) && !strings.ContainsAny(s, ".e") {
		if exp == max(precision, 1)-1 { // the point would take one digit more
			m := strconv.FormatFloat(f, 'e', max(precision-1, 0), 64)
			i := strings.IndexByte(m, 'e')
			mantissa := m[:i]
			if strings.Contains(mantissa, ".") {
				mantissa = strings.TrimSuffix(strings.TrimRight(mantissa, "0"), ".")
			}
			return mantissa + m[i:]
		}
		s += ".0"
	}
	return s
}

// number puts sign, prefix, grouped digits and the rest together.
func (r *run) number(negative bool, prefix, digits, rest string, every int, p spec) string {
	sign := ""
	switch {
	case negative:
		sign = "-"
	case p.sign == '+' || p.sign == ' ':
		sign = string(p.sign)
	}
	room := p.width - len(sign) - len(prefix) - len(rest)
	if p.align == '=' && p.fill == "0" && p.grouping != 0 {
		digits = grouped(digits, every, p.grouping)
		for len(digits) < room {
			r.grow(itemSize)
			plain := "0" + strings.ReplaceAll(digits, string(p.grouping), "")
			digits = grouped(plain, every, p.grouping)
		}
		return sign + prefix + digits + rest
	}
	if p.grouping != 0 {
		digits = grouped(digits, every, p.grouping)
	}
	if p.align == '=' {
		if n := room - len(digits); n > 0 {
			return sign + prefix + r.spaces(n, p.fill) + digits + rest
		}
	}
	return r.padded(sign+prefix+digits+rest, p, '>')
}

func grouped(digits string, every int, mark byte) string {
	var b strings.Builder
	for i := range len(digits) {
		if i > 0 && (len(digits)-i)%every == 0 {
			b.WriteByte(mark)
		}
		b.WriteByte(digits[i])
	}
	return b.String()
}

func formatMethod(r *run, s string, a *args) any {
	f := &formatter{r: r, pos: a.pos, named: &Dict{}}
	for i, name := range a.names {
		f.named.Set(name, a.values[i])
	}
	return f.format(s, 2)
}

func formatMap(r *run, s string, a *args) any {
	d, ok := a.positional("format_map", 1, 1)[0].(*Dict)
	if !ok {
		fail("format_map() needs a mapping")
	}
	return (&formatter{r: r, named: d}).format(s, 2)
}

// formatter is str.format.
type formatter struct {
	r     *run
	pos   []any
	named *Dict
	auto  int
	mode  byte // 'a' for {}, 'm' for {0}
}

func (f *formatter) format(s string, depth int) string {
	if depth < 0 {
		fail("Max string recursion exceeded")
	}
	var b strings.Builder
	for s != "" {
		i := strings.IndexAny(s, "{}")
		if i < 0 {
			i = len(s)
		}
		f.r.grow(int64(i))
		b.WriteString(s[:i])
		if s = s[i:]; s == "" {
			break
		}
		if len(s) > 1 && s[1] == s[0] {
			b.WriteByte(s[0])
			s = s[2:]
			continue
		}
		if s[0] == '}' {
			fail("Single '}' encountered in format string")
		}
		open, end := 1, 1
		for ; end < len(s) && open > 0; end++ {
			switch s[end] {
			case '{':
				open++
			case '}':
				open--
			}
		}
		if open > 0 {
			if len(s) == 1 {
				fail("Single '{' encountered in format string")
			}
			fail("expected '}' before end of string")
		}
		b.WriteString(f.field(s[1:end-1], depth))
		s = s[end:]
	}
	return b.String()
}

func (f *formatter) field(s string, depth int) string {
	name, conversion, format := s, "", ""
	brackets := 0
	for i := range len(s) {
		if s[i] == '[' {
			brackets++
		} else if s[i] == ']' {
			brackets = max(0, brackets-1)
		} else if brackets == 0 && (s[i] == ':' || s[i] == '!') {
			name, format = s[:i], s[i:]
			break
		} else if brackets == 0 && s[i] == '{' {
			fail("unexpected '{' in field name")
		}
	}
	if strings.HasPrefix(format, "!") {
		if len(format) < 2 || len(format) > 2 && format[2] != ':' {
			fail("expected ':' after conversion specifier")
		}
		conversion, format = format[1:2], format[2:]
	}
	format = strings.TrimPrefix(format, ":")
	v := f.value(name)
	switch conversion {
	case "":
	case "s":
		v = f.r.str(v)
	case "r":
		v = f.r.repr(v)
	case "a":
		v = asciiRepr(f.r.repr(v))
	default:
		fail("Unknown conversion specifier %s", conversion)
	}
	return f.r.formatted(v, f.format(format, depth-1))
}

// value looks a field up: a place or a name, then attributes and items.
func (f *formatter) value(name string) any {
	end := strings.IndexAny(name, ".[")
	if end < 0 {
		end = len(name)
	}
	first, rest := name[:end], name[end:]
	number := first != "" && strings.Trim(first, decimal) == ""
	if first == "" || number {
		mode := byte('a')
		if number {
			mode = 'm'
		}
		if f.mode != 0 && f.mode != mode {
			fail("cannot switch between manual field specification and automatic field numbering")
		}
		f.mode = mode
	}
	var v any
	switch {
	case first == "" || number:
		i := f.auto
		if number {
			n, err := strconv.Atoi(first)
			if err != nil {
				fail("Too many decimal digits in format string")
			}
			i = n
		} else {
			f.auto++
		}
		if i >= len(f.pos) {
			fail("Replacement index %d out of range for positional args tuple", i)
		}
		v = f.pos[i]
	default:
		var ok bool
		if v, ok = f.named.Get(first); !ok {
			fail("%s", quote(first))
		}
	}
	for n := 0; rest != ""; n++ {
		if n > maxChain {
			failLimit("a format string has more than %d subscripts in a row", maxChain)
		}
		if rest[0] == '.' {
			end := strings.IndexAny(rest[1:], ".[")
			if end < 0 {
				end = len(rest) - 1
			}
			if end == 0 {
				fail("Empty attribute in format string")
			}
			v, rest = f.r.getattr(v, rest[1:1+end]), rest[1+end:]
			continue
		}
		if rest[0] != '[' {
			fail("Only '.' or '[' may follow ']' in format field specifier")
		}
		end := strings.IndexByte(rest, ']')
		if end < 0 {
			fail("Missing ']' in format string")
		}
		key := rest[1:end]
		if key == "" {
			fail("Empty attribute in format string")
		}
		if n, err := strconv.ParseInt(key, 10, 64); err == nil && isDigit(key[0]) {
			v = f.r.getitem(v, n)
		} else {
			v = f.r.getitem(v, key)
		}
		rest = rest[end+1:]
	}
	return v
}
