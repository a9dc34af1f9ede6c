package regular

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Pattern reads a regular expression of ECMA-262 in its Unicode mode, as JSON Schema has it: it is
// found anywhere in a text, unless ^ and $ say otherwise. char writes one of some characters as
// bytes. What no finite automaton can do, or what is not read here, is refused by its name:
// look-ahead, look-behind, back references, word boundaries, flags, and properties of Unicode other
// than general categories and scripts.
func Pattern(w *Work, text string, char func(Runes) Expr) (Expr, error) {
	if !utf8.ValidString(text) {
		return Expr{}, fmt.Errorf("the pattern is no UTF-8")
	}
	if len(text) > maxPattern {
		return Expr{}, fmt.Errorf("the pattern has %d bytes, and may have %d", len(text), maxPattern)
	}
	p := &patternReader{text: text, w: w, char: func(r Runes) Expr {
		if w.Spend(perRange*(1+len(r))) != nil {
			return Expr{}
		}
		return char(r)
	}}
	e, err := p.choice(0)
	if err == nil && p.at < len(text) {
		err = p.wrong("a group is closed that was not opened")
	}
	if err = cmp.Or(w.Err(), err); err != nil {
		return Expr{}, err
	}
	any := Repeat(char(AnyRune()), 0, Unbounded)
	return Seq(any, e, any), nil
}

const (
	maxPattern = 4096
	maxRepeat  = 4096
	perRange   = 32 // steps: a range of characters is a few of bytes
)

// patternReader reads a pattern from left to right.
type patternReader struct {
	text string
	at   int
	w    *Work
	char func(Runes) Expr
}

func (p *patternReader) wrong(format string, args ...any) error {
	return fmt.Errorf("%s, at byte %d of the pattern", fmt.Sprintf(format, args...), p.at)
}

// peek is the next character, -1 at the end.
func (p *patternReader) peek() rune {
	if p.at == len(p.text) {
		return -1
	}
	r, _ := utf8.DecodeRuneInString(p.text[p.at:])
	return r
}

func (p *patternReader) next() rune {
	r, n := utf8.DecodeRuneInString(p.text[p.at:])
	p.at += n
	return r
}

// take skips a text if it is next.
func (p *patternReader) take(s string) bool {
	if !strings.HasPrefix(p.text[p.at:], s) {
		return false
	}
	p.at += len(s)
	return true
}

// choice reads alternatives up to the end of a group.
func (p *patternReader) choice(depth int) (Expr, error) {
	if depth > maxDepth/4 {
		return Expr{}, p.wrong("groups nest more than %d deep", maxDepth/4)
	}
	var all, one []Expr
	for {
		switch p.peek() {
		case -1, ')':
			return Alt(append(all, Seq(one...))...), nil
		case '|':
			p.at++
			all, one = append(all, Seq(one...)), nil
			continue
		}
		e, err := p.term(depth)
		if err != nil {
			return Expr{}, err
		}
		one = append(one, e)
	}
}

// term reads one part and how often it comes.
func (p *patternReader) term(depth int) (Expr, error) {
	switch p.peek() {
	case '^':
		p.at++
		return Start(), nil
	case '$':
		p.at++
		return End(), nil
	case '*', '+', '?', '{', '}', ']':
		return Expr{}, p.wrong("%q has nothing before it to repeat, or is not escaped", p.peek())
	}
	e, err := p.atom(depth)
	if err != nil {
		return e, err
	}
	min, max := 1, 1
	switch p.peek() {
	case '*':
		min, max = 0, Unbounded
	case '+':
		min, max = 1, Unbounded
	case '?':
		min, max = 0, 1
	case '{':
		p.at++
		if min, max, err = p.counts(); err != nil {
			return e, err
		}
		p.take("?")
		return Repeat(e, min, max), nil
	default:
		return e, nil
	}
	p.at++
	p.take("?") // not greedy: the same texts
	return Repeat(e, min, max), nil
}

// counts reads what stands between braces.
func (p *patternReader) counts() (min, max int, err error) {
	inside, _, ok := strings.Cut(p.text[p.at:], "}")
	if !ok {
		return 0, 0, p.wrong("a brace is not closed")
	}
	low, high, ranged := strings.Cut(inside, ",")
	number := func(s string) int {
		n, e := strconv.ParseUint(s, 10, 31)
		if e != nil || n > maxRepeat {
			err = p.wrong("{%.20s}: want counts of at most %d", inside, maxRepeat)
		}
		return int(n)
	}
	switch min, max = number(low), Unbounded; {
	case !ranged:
		max = min
	case high != "":
		if max = number(high); max < min {
			err = p.wrong("{%.20s}: the counts are out of order", inside)
		}
	}
	p.at += len(inside) + 1
	return min, max, err
}

// atom reads a group, a class, an escape or a character.
func (p *patternReader) atom(depth int) (Expr, error) {
	switch r := p.next(); r {
	case '(':
		return p.group(depth)
	case '[':
		set, err := p.class()
		return p.char(set), err
	case '.':
		return p.char(Runes{{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}}.Not()), nil
	case '\\':
		set, err := p.escape(false)
		return p.char(set), err
	default:
		return p.char(Runes{{r, r}}), nil
	}
}

// refusedGroups are groups that no finite automaton of this size has.
var refusedGroups = []struct{ begin, name string }{
	{"?=", "look-ahead (?=...)"}, {"?!", "look-ahead (?!...)"},
	{"?<=", "look-behind (?<=...)"}, {"?<!", "look-behind (?<!...)"},
}

func (p *patternReader) group(depth int) (Expr, error) {
	for _, g := range refusedGroups {
		if strings.HasPrefix(p.text[p.at:], g.begin) {
			return Expr{}, p.wrong("%s is not enforced", g.name)
		}
	}
	if p.take("?<") {
		_, rest, ok := strings.Cut(p.text[p.at:], ">")
		if !ok {
			return Expr{}, p.wrong("the name of a group is not closed")
		}
		p.at = len(p.text) - len(rest)
	} else if !p.take("?:") && p.peek() == '?' {
		return Expr{}, p.wrong("flags of a group are not enforced")
	}
	e, err := p.choice(depth + 1)
	if err == nil && !p.take(")") {
		err = p.wrong("a group is not closed")
	}
	if n := p.peek(); err == nil && n == ')' && depth == 0 {
		err = p.wrong("a group is closed that was not opened")
	}
	return e, err
}

// class reads what stands between brackets.
func (p *patternReader) class() (set Runes, err error) {
	not := p.take("^")
	for !p.take("]") {
		if p.peek() < 0 {
			return nil, p.wrong("a class is not closed")
		}
		one, err := p.member()
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(p.text[p.at:], "-") && !strings.HasPrefix(p.text[p.at:], "-]") {
			p.at++
			last, err := p.member()
			if err != nil {
				return nil, err
			}
			lo, ok1 := single(one)
			hi, ok2 := single(last)
			if !ok1 || !ok2 || lo > hi {
				return nil, p.wrong("a range of a class is out of order, or is of classes")
			}
			one = Runes{{lo, hi}}
		}
		set = append(set, one...)
	}
	if not {
		set = set.Not()
	}
	return set, nil
}

func single(r Runes) (rune, bool) {
	return append(r, [2]rune{})[0][0], len(r) == 1 && r[0][0] == r[0][1]
}

func (p *patternReader) member() (Runes, error) {
	switch {
	case p.peek() < 0:
		return nil, p.wrong("a class is not closed")
	case p.take(`\`):
		return p.escape(true)
	}
	r := p.next()
	return Runes{{r, r}}, nil
}

// The classes of ECMA-262.
var (
	digits = Runes{{'0', '9'}}
	words  = Runes{{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}
	spaces = Runes{{'\t', '\r'}, {' ', ' '}, {0xA0, 0xA0}, {0x1680, 0x1680}, {0x2000, 0x200A},
		{0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000}, {0xFEFF, 0xFEFF}}
)

var letterEscapes = map[rune]Runes{
	'd': digits, 'D': digits.Not(), 'w': words, 'W': words.Not(), 's': spaces, 'S': spaces.Not(),
	't': {{'\t', '\t'}}, 'n': {{'\n', '\n'}}, 'v': {{'\v', '\v'}}, 'f': {{'\f', '\f'}}, 'r': {{'\r', '\r'}},
}

// escape reads what follows a backslash.
func (p *patternReader) escape(class bool) (Runes, error) {
	if p.at == len(p.text) {
		return nil, p.wrong("a backslash escapes nothing")
	}
	r := p.next()
	if set, ok := letterEscapes[r]; ok {
		return set, nil
	}
	switch {
	case r == 'b' && class:
		return Runes{{'\b', '\b'}}, nil
	case r == 'b' || r == 'B':
		return nil, p.wrong(`the word boundary \%c is not enforced`, r)
	case r == 'k' || r >= '1' && r <= '9':
		return nil, p.wrong(`the back reference \%c is not enforced`, r)
	case r == '0':
		if n := p.peek(); n >= '0' && n <= '9' {
			return nil, p.wrong("octal escapes are none of Unicode mode")
		}
		return Runes{{0, 0}}, nil
	case r == 'c':
		if l := p.peek() | 0x20; l >= 'a' && l <= 'z' {
			p.at++
			return Runes{{l - 'a' + 1, l - 'a' + 1}}, nil
		}
	case r == 'x':
		return p.hex(2)
	case r == 'u':
		return p.unicode()
	case r == 'p' || r == 'P':
		return p.property(r == 'P')
	case strings.ContainsRune("^$\\.*+?()[]{}|/-", r):
		return Runes{{r, r}}, nil
	case r < utf8.RuneSelf && !(r >= '0' && r <= '9' || r|0x20 >= 'a' && r|0x20 <= 'z'):
		return Runes{{r, r}}, nil // needless outside of Unicode mode, and common
	}
	return nil, p.wrong(`the escape \%c is not known`, r)
}

// hex reads a character of so many digits.
func (p *patternReader) hex(n int) (Runes, error) {
	if len(p.text)-p.at >= n {
		if v, err := strconv.ParseUint(p.text[p.at:p.at+n], 16, 32); err == nil {
			p.at += n
			return Runes{{rune(v), rune(v)}}, nil
		}
	}
	return nil, p.wrong("want %d hexadecimal digits", n)
}

// unicode reads \u and four digits, a pair of them, or \u{X}.
func (p *patternReader) unicode() (Runes, error) {
	if p.take("{") {
		inside, _, _ := strings.Cut(p.text[p.at:], "}")
		v, err := strconv.ParseUint(inside, 16, 32)
		if err != nil || v > utf8.MaxRune || p.at+len(inside) >= len(p.text) {
			return nil, p.wrong(`\u{...} wants a character in hexadecimal digits`)
		}
		p.at += len(inside) + 1
		return Runes{{rune(v), rune(v)}}, nil
	}
	set, err := p.hex(4)
	if err != nil || set[0][0] < 0xD800 || set[0][0] > 0xDBFF || !p.take(`\u`) {
		return set, err
	}
	low, err := p.hex(4)
	if err != nil || low[0][0] < 0xDC00 || low[0][0] > 0xDFFF {
		return nil, p.wrong("a high surrogate wants a low one behind it")
	}
	r := (set[0][0]-0xD800)<<10 + (low[0][0] - 0xDC00) + 0x10000
	return Runes{{r, r}}, nil
}

// property reads the general category or script of \p{...}.
func (p *patternReader) property(not bool) (Runes, error) {
	if !p.take("{") {
		return nil, p.wrong(`\p wants a property in braces`)
	}
	name, _, ok := strings.Cut(p.text[p.at:], "}")
	if !ok {
		return nil, p.wrong(`\p{...} is not closed`)
	}
	key, value, has := strings.Cut(name, "=")
	var table *unicode.RangeTable
	switch {
	case !has && longCategories[key] != "":
		table = unicode.Categories[longCategories[key]]
	case !has:
		table = unicode.Categories[key]
	case key == "gc" || key == "General_Category":
		if table = unicode.Categories[value]; longCategories[value] != "" {
			table = unicode.Categories[longCategories[value]]
		}
	case key == "sc" || key == "Script":
		table = unicode.Scripts[value]
	}
	if table == nil {
		return nil, p.wrong(`the property \p{%.40s} is not enforced`, name)
	}
	p.at += len(name) + 1
	set := ranges(table)
	if err := p.w.Spend(perRange * len(set)); err != nil {
		return nil, err
	}
	if not {
		set = set.Not()
	}
	return set, nil
}

// longCategories are the names of general categories that have one letter.
var longCategories = map[string]string{
	"Letter": "L", "Mark": "M", "Number": "N", "Punctuation": "P", "Symbol": "S", "Separator": "Z",
	"Uppercase_Letter": "Lu", "Lowercase_Letter": "Ll", "Decimal_Number": "Nd", "digit": "Nd",
}

func ranges(t *unicode.RangeTable) (r Runes) {
	add := func(lo, hi, stride rune) {
		if stride == 1 {
			r = append(r, [2]rune{lo, hi})
			return
		}
		for c := lo; c <= hi; c += stride {
			r = append(r, [2]rune{c, c})
		}
	}
	for _, x := range t.R16 {
		add(rune(x.Lo), rune(x.Hi), rune(x.Stride))
	}
	for _, x := range t.R32 {
		add(rune(x.Lo), rune(x.Hi), rune(x.Stride))
	}
	return r
}
