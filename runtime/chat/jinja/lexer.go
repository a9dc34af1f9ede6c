package jinja

import (
	"math/big"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// token is a piece of a template. Kinds have jinja2's names: data, variable_begin, block_end, name,
// string, ..., and for operators the operator itself.
type token struct {
	kind  string
	text  string
	value any // of numbers
	line  int
}

// Kinds that are no operators.
const (
	tData, tEOF                    = "data", "end of template"
	tVariableBegin, tVariableEnd   = "begin of print statement", "end of print statement"
	tBlockBegin, tBlockEnd         = "begin of statement block", "end of statement block"
	tName, tString, tInteger, tFlt = "name", "string", "integer", "float"
)

type lexer struct {
	src       string
	pos       int
	line      int
	lineStart bool // what was read last ends with a newline, or nothing was read
	tokens    []token
}

var newlines = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// lex cuts a template into tokens. The newline at its end is dropped, as
// keep_trailing_newline=False says.
func lex(source string) []token {
	l := &lexer{src: strings.TrimSuffix(newlines.Replace(source), "\n"), line: 1, lineStart: true}
	for l.pos < len(l.src) {
		l.root()
	}
	return append(l.tokens, token{kind: tEOF, line: l.line})
}

func (l *lexer) fail(format string, args ...any) {
	defer func() {
		e := recover().(*Error)
		e.Line = l.line
		panic(e)
	}()
	fail(format, args...)
}

func (l *lexer) add(kind, text string, value any) {
	l.tokens = append(l.tokens, token{kind, text, value, l.line})
}

// take moves on by n bytes.
func (l *lexer) take(n int) string {
	s := l.src[l.pos : l.pos+n]
	l.pos += n
	l.line += strings.Count(s, "\n")
	if n > 0 {
		l.lineStart = s[n-1] == '\n'
	}
	return s
}

// spaces is how many bytes of white space are at i.
func (l *lexer) spaces(i int) int {
	return len(l.src[i:]) - len(strings.TrimLeftFunc(l.src[i:], isSpace))
}

func (l *lexer) has(i int, s string) bool { return strings.HasPrefix(l.src[i:], s) }

// root reads data up to the next tag, and the tag.
func (l *lexer) root() {
	start := l.pos
	at := start
	for ; ; at++ {
		i := strings.IndexByte(l.src[at:], '{')
		if i < 0 || at+i+1 >= len(l.src) {
			l.add(tData, l.take(len(l.src)-start), nil)
			return
		}
		at += i
		if c := l.src[at+1]; c == '{' || c == '%' || c == '#' {
			break
		}
	}
	kind := l.src[at+1]
	begin := at + 2
	sign := l.sign(begin)
	begin += len(sign)
	raw := 0
	if kind == '%' {
		raw = l.rawBegin(begin)
	}
	l.data(l.src[start:at], sign, kind != '{')
	l.take(begin - start)
	switch {
	case raw > 0:
		l.take(raw)
		l.raw()
	case kind == '%':
		l.add(tBlockBegin, "", nil)
		l.tag('%')
	case kind == '{':
		l.add(tVariableBegin, "", nil)
		l.tag('}')
	default:
		l.comment()
	}
}

func (l *lexer) sign(i int) string {
	if i < len(l.src) && (l.src[i] == '-' || l.src[i] == '+') {
		return l.src[i : i+1]
	}
	return ""
}

// data adds the text before a tag. White space goes when the tag begins with -, and from the start
// of the line when it does not begin with + and prints nothing.
func (l *lexer) data(text, sign string, strips bool) {
	switch {
	case sign == "-":
		text = strings.TrimRightFunc(text, isSpace)
	case sign == "" && strips:
		line := strings.LastIndexByte(text, '\n') + 1
		if (line > 0 || l.lineStart) && strings.TrimLeftFunc(text[line:], isSpace) == "" {
			text = text[:line]
		}
	}
	if text != "" {
		l.add(tData, text, nil)
	}
}

// rawBegin is the length of "raw" and the end of its tag at i, 0 if it is another tag.
func (l *lexer) rawBegin(i int) int {
	at := i + l.spaces(i)
	if !l.has(at, "raw") {
		return 0
	}
	at += len("raw")
	at += l.spaces(at)
	switch {
	case l.has(at, "-%}"):
		at += len("-%}")
		return at + l.spaces(at) - i
	case l.has(at, "%}"):
		return at + len("%}") - i
	}
	return 0
}

// raw reads what is not looked at, up to its end. As in jinja2, nothing at all needs no end.
func (l *lexer) raw() {
	if l.pos == len(l.src) {
		return
	}
	for at := l.pos; ; at++ {
		i := strings.Index(l.src[at:], "{%")
		if i < 0 {
			l.fail("Missing end of raw directive")
		}
		at += i
		sign := l.sign(at + 2)
		end := at + 2 + len(sign)
		end += l.spaces(end)
		if !l.has(end, "endraw") {
			continue
		}
		end += len("endraw")
		end += l.spaces(end)
		if n := l.end(end, "%}", true, true); n > 0 {
			start := l.pos
			l.data(l.src[start:at], sign, true)
			l.take(end + n - start)
			return
		}
	}
}

// end is the length of the end of a tag at i with the white space that goes with it, 0 if there is
// none.
func (l *lexer) end(i int, mark string, plus, trim bool) int {
	switch {
	case plus && l.has(i, "+"+mark):
		return 1 + len(mark)
	case l.has(i, "-"+mark):
		return 1 + len(mark) + l.spaces(i+1+len(mark))
	case l.has(i, mark):
		if trim && l.has(i+len(mark), "\n") {
			return len(mark) + 1
		}
		return len(mark)
	}
	return 0
}

func (l *lexer) comment() {
	if l.pos == len(l.src) {
		return
	}
	i := strings.Index(l.src[l.pos:], "#}")
	if i < 0 {
		l.fail("Missing end of comment tag")
	}
	at := l.pos + i
	if i > 0 && (l.src[at-1] == '-' || l.src[at-1] == '+') {
		at--
	}
	l.take(at + l.end(at, "#}", true, true) - l.pos)
}

// tag reads the tokens of a tag and its end. Inside brackets there is no end.
func (l *lexer) tag(kind byte) {
	var open []byte
	for {
		l.take(l.spaces(l.pos))
		if l.pos >= len(l.src) {
			return // the parser says what is missing
		}
		if len(open) == 0 {
			n, end := 0, tBlockEnd
			if kind == '%' {
				n = l.end(l.pos, "%}", true, true)
			} else {
				n, end = l.end(l.pos, "}}", false, false), tVariableEnd
			}
			if n > 0 {
				l.add(end, "", nil)
				l.take(n)
				return
			}
		}
		if l.number() || l.name() || l.quoted() {
			continue
		}
		op := l.operator()
		switch op {
		case "(", "[", "{":
			open = append(open, map[string]byte{"(": ')', "[": ']', "{": '}'}[op])
		case ")", "]", "}":
			if len(open) == 0 {
				l.fail("unexpected '%s'", op)
			}
			if want := open[len(open)-1]; want != op[0] {
				l.fail("unexpected '%s', expected '%c'", op, want)
			}
			open = open[:len(open)-1]
		}
		l.add(op, op, nil)
		l.take(len(op))
	}
}

func (l *lexer) operator() string {
	for _, op := range []string{"//", "**", "==", "!=", ">=", "<="} {
		if l.has(l.pos, op) {
			return op
		}
	}
	if strings.IndexByte("+-/*%~[](){}><=.:|,;", l.src[l.pos]) < 0 {
		r, _ := utf8.DecodeRuneInString(l.src[l.pos:])
		l.fail("unexpected char %s at %d", quote(string(r)), utf8.RuneCountInString(l.src[:l.pos]))
	}
	return l.src[l.pos : l.pos+1]
}

func isWord(r rune) bool {
	return r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r)
}

func (l *lexer) name() bool {
	s := l.src[l.pos:]
	n := len(s) - len(strings.TrimLeftFunc(s, isWord))
	if n == 0 {
		return false
	}
	if !isIdentifier(s[:n]) {
		l.fail("Invalid character in identifier")
	}
	l.add(tName, s[:n], nil)
	l.take(n)
	return true
}

// digits is the length of digits of a base at i, single underscores between them.
func (l *lexer) digits(i int, in string) int {
	n := 0
	for i+n < len(l.src) {
		c := l.src[i+n]
		switch {
		case strings.IndexByte(in, c) >= 0:
			n++
		case c == '_' && n > 0 && i+n+1 < len(l.src) && strings.IndexByte(in, l.src[i+n+1]) >= 0:
			n += 2
		default:
			return n
		}
	}
	return n
}

const decimal = "0123456789"

func (l *lexer) number() bool {
	i := l.pos
	whole := l.digits(i, decimal)
	if whole == 0 {
		return false
	}
	if i == 0 || l.src[i-1] != '.' {
		if n := l.float(i, whole); n > 0 {
			f, err := strconv.ParseFloat(strings.ReplaceAll(l.src[i:i+n], "_", ""), 64)
			if err != nil && !isRange(err) {
				l.fail("invalid number %s", l.src[i:i+n])
			}
			l.add(tFlt, "", f)
			l.take(n)
			return true
		}
	}
	n, base := whole, 10
	if l.src[i] == '0' {
		n = l.digits(i, "0")
		if i+2 < len(l.src) {
			in := map[byte]string{'b': "01", 'o': "01234567", 'x': decimal + "abcdefABCDEF"}[l.src[i+1]|0x20]
			at := i + 2
			if l.src[at] == '_' {
				at++
			}
			if d := 0; in != "" && at < len(l.src) {
				if d = l.digits(at, in); d > 0 {
					n, base = at+d-i, map[int]int{2: 2, 8: 8, 22: 16}[len(in)]
				}
			}
		}
	}
	s := strings.ReplaceAll(l.src[i:i+n], "_", "")
	if base != 10 {
		s = s[2:]
	}
	if len(s) > maxDigits {
		l.fail("Exceeds the limit (%d digits) for integer string conversion", maxDigits)
	}
	z, ok := new(big.Int).SetString(s, base)
	if !ok {
		l.fail("invalid number %s", s)
	}
	l.add(tInteger, "", norm(z))
	l.take(n)
	return true
}

// float is the length of the number at i if it has a fraction or an exponent, else 0.
func (l *lexer) float(i, whole int) int {
	at := i + whole
	is := false
	if l.has(at, ".") {
		if n := l.digits(at+1, decimal); n > 0 {
			at += 1 + n
			is = true
		}
	}
	if at < len(l.src) && l.src[at]|0x20 == 'e' {
		e := at + 1
		if e < len(l.src) && (l.src[e] == '+' || l.src[e] == '-') {
			e++
		}
		if n := l.digits(e, decimal); n > 0 {
			return e + n - i
		}
	}
	if !is {
		return 0
	}
	return at - i
}

func (l *lexer) quoted() bool {
	q := l.src[l.pos]
	if q != '\'' && q != '"' {
		return false
	}
	for i := l.pos + 1; i < len(l.src); i++ {
		switch l.src[i] {
		case '\\':
			i++
		case q:
			l.add(tString, l.unescape(l.src[l.pos+1:i]), nil)
			l.take(i + 1 - l.pos)
			return true
		}
	}
	return false // the operator rule says that the quote is unexpected
}
