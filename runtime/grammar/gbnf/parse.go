package gbnf

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/kvgen/kvgen/runtime/grammar/regular"
)

// The bounds of a grammar's text.
const (
	MaxText   = 1 << 20 // bytes
	maxDepth  = 100     // of groups
	maxRepeat = 1 << 16
)

// part is an expression of a rule.
type part struct {
	op       op
	runes    regular.Runes // of a character
	kids     []*part
	joined   bool // a sequence that was made of neighbours
	rule     string
	min, max int // of a repetition; regular.Unbounded for no max
}

type op uint8

const (
	character op = iota
	sequence
	choice
	repetition
	reference
)

// rule is one definition.
type rule struct {
	name string
	is   *part
	line int
}

// reader reads a grammar from left to right.
type reader struct {
	text  string
	at    int
	uses  map[string]int // rules that are referred to, with a line
	parts int
}

// parse reads the rules of a grammar, in their order.
func parse(text string) ([]*rule, error) {
	if len(text) > MaxText {
		return nil, fmt.Errorf("gbnf: it has %d bytes, and may have %d", len(text), MaxText)
	}
	if !utf8.ValidString(text) {
		return nil, fmt.Errorf("gbnf: it is no UTF-8")
	}
	r := &reader{text: text, uses: map[string]int{}}
	var rules []*rule
	seen := map[string]bool{}
	for r.space(true); r.at < len(text); r.space(true) {
		one, err := r.rule()
		if err != nil {
			return nil, err
		}
		if seen[one.name] {
			return nil, fmt.Errorf("gbnf: line %d: rule %s is defined twice", one.line, one.name)
		}
		seen[one.name] = true
		rules = append(rules, one)
	}
	for name, line := range r.uses {
		if !seen[name] {
			return nil, fmt.Errorf("gbnf: line %d: rule %s is not defined", line, name)
		}
	}
	if !seen["root"] {
		return nil, fmt.Errorf("gbnf: there is no rule root, with which texts begin")
	}
	return rules, nil
}

func (r *reader) line() int { return 1 + strings.Count(r.text[:r.at], "\n") }

func (r *reader) wrong(format string, args ...any) error {
	return fmt.Errorf("gbnf: line %d: %s", r.line(), fmt.Sprintf(format, args...))
}

// space skips white space and comments, and ends of lines if they mean nothing here.
func (r *reader) space(lines bool) {
	for r.at < len(r.text) {
		switch c := r.text[r.at]; {
		case c == ' ' || c == '\t':
			r.at++
		case c == '#':
			for r.at < len(r.text) && r.text[r.at] != '\n' && r.text[r.at] != '\r' {
				r.at++
			}
		case lines && (c == '\n' || c == '\r'):
			r.at++
		default:
			return
		}
	}
}

func (r *reader) peek() byte {
	if r.at == len(r.text) {
		return 0
	}
	return r.text[r.at]
}

func (r *reader) take(s string) bool {
	if !strings.HasPrefix(r.text[r.at:], s) {
		return false
	}
	r.at += len(s)
	return true
}

// name reads the name of a rule.
func (r *reader) name() string {
	begin := r.at
	for r.at < len(r.text) {
		c := r.text[r.at]
		if c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '-' {
			r.at++
			continue
		}
		break
	}
	return r.text[begin:r.at]
}

func (r *reader) rule() (*rule, error) {
	one := &rule{line: r.line()}
	if one.name = r.name(); one.name == "" {
		return nil, r.wrong("want the name of a rule, of letters, digits and hyphens, not %.10q", r.text[r.at:])
	}
	r.space(false)
	if !r.take("::=") {
		return nil, r.wrong("want ::= behind %s", one.name)
	}
	r.space(true)
	var err error
	if one.is, err = r.choice(0); err != nil {
		return nil, err
	}
	if c := r.peek(); c != 0 && c != '\n' && c != '\r' {
		return nil, r.wrong("want the end of the line, not %.10q", r.text[r.at:])
	}
	return one, nil
}

// choice reads alternatives. Within a group ends of lines mean nothing.
func (r *reader) choice(depth int) (*part, error) {
	if depth > maxDepth {
		return nil, r.wrong("groups nest more than %d deep", maxDepth)
	}
	c := &part{op: choice}
	for {
		s, err := r.sequence(depth)
		if err != nil {
			return nil, err
		}
		c.kids = append(c.kids, s)
		if !r.take("|") {
			return c, nil
		}
		r.space(true)
	}
}

func (r *reader) sequence(depth int) (*part, error) {
	s := &part{op: sequence}
	for {
		one, err := r.atom(depth)
		if err != nil {
			return nil, err
		}
		if one == nil {
			return s, nil
		}
		r.space(depth > 0)
		for {
			again, err := r.repetition(one)
			if err != nil {
				return nil, err
			}
			if again == nil {
				break
			}
			one = again
			r.space(depth > 0)
		}
		s.kids = append(s.kids, one)
		if r.parts += 1 + len(one.kids); r.parts > maxParts {
			return nil, r.wrong("the grammar has more than %d parts", maxParts)
		}
	}
}

// maxParts bounds literals, classes, groups and references.
const maxParts = 1 << 16

// atom reads what may be repeated; nil where a sequence ends.
func (r *reader) atom(depth int) (*part, error) {
	switch c := r.peek(); {
	case r.take(`"`):
		return r.literal()
	case r.take("["):
		return r.class()
	case r.take("."):
		return &part{op: character, runes: regular.AnyRune()}, nil
	case r.take("("):
		r.space(true)
		p, err := r.choice(depth + 1)
		if err == nil && !r.take(")") {
			err = r.wrong("a group is not closed")
		}
		return p, err
	case c == '<' || c == '!':
		return nil, r.wrong("tokens by number or text (<...>) are not read")
	}
	name := r.name()
	if name == "" {
		return nil, nil
	}
	if _, ok := r.uses[name]; !ok {
		r.uses[name] = r.line()
	}
	return &part{op: reference, rule: name}, nil
}

// repetition reads how often a part comes; nil for once.
func (r *reader) repetition(p *part) (*part, error) {
	again := &part{op: repetition, kids: []*part{p}, max: regular.Unbounded}
	switch {
	case r.take("*"):
	case r.take("+"):
		again.min = 1
	case r.take("?"):
		again.max = 1
	case r.take("{"):
		inside, _, ok := strings.Cut(r.text[r.at:], "}")
		low, high, ranged := strings.Cut(inside, ",")
		min, err := count(low)
		max := min
		if ranged {
			if max = regular.Unbounded; strings.TrimSpace(high) != "" {
				var e error
				if max, e = count(high); e != nil || max < min {
					ok = false
				}
			}
		}
		if !ok || err != nil {
			return nil, r.wrong("{%.20s: want {m}, {m,} or {m,n} with counts of at most %d", inside, maxRepeat)
		}
		again.min, again.max = min, max
		r.at += len(inside) + 1
	default:
		return nil, nil
	}
	return again, nil
}

func count(s string) (int, error) {
	n, err := strconv.ParseUint(strings.TrimSpace(s), 10, 31)
	if err == nil && n > maxRepeat {
		err = strconv.ErrRange
	}
	return int(n), err
}

// literal reads a text up to its closing quote.
func (r *reader) literal() (*part, error) {
	s := &part{op: sequence}
	for !r.take(`"`) {
		c, err := r.character()
		if err != nil {
			return nil, err
		}
		s.kids = append(s.kids, &part{op: character, runes: regular.Runes{{c, c}}})
	}
	return s, nil
}

// class reads a class up to its closing bracket.
func (r *reader) class() (*part, error) {
	not := r.take("^")
	var set regular.Runes
	for !r.take("]") {
		lo, err := r.character()
		if err != nil {
			return nil, err
		}
		hi := lo
		if strings.HasPrefix(r.text[r.at:], "-") && !strings.HasPrefix(r.text[r.at:], "-]") {
			r.at++
			if hi, err = r.character(); err != nil {
				return nil, err
			}
			if hi < lo {
				return nil, r.wrong("a range of a class is out of order")
			}
		}
		set = append(set, [2]rune{lo, hi})
	}
	if not {
		set = set.Not()
	}
	if set = set.Normal(); len(set) == 0 {
		return nil, r.wrong("a class has no characters")
	}
	return &part{op: character, runes: set}, nil
}

var escapes = map[byte]rune{'n': '\n', 'r': '\r', 't': '\t', '\\': '\\', '"': '"', '[': '[', ']': ']', '-': '-', '^': '^'}

// character reads one of a literal or a class.
func (r *reader) character() (rune, error) {
	c, n := utf8.DecodeRuneInString(r.text[r.at:])
	switch {
	case n == 0 || c == '\n':
		return 0, r.wrong("a literal or a class is not closed on its line")
	case c != '\\':
		r.at += n
		return c, nil
	}
	r.at++
	e := r.peek()
	if c, ok := escapes[e]; ok {
		r.at++
		return c, nil
	}
	digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[e]
	if digits > 0 && len(r.text)-r.at > digits {
		v, err := strconv.ParseUint(r.text[r.at+1:r.at+1+digits], 16, 32)
		if err == nil && v <= utf8.MaxRune && utf8.ValidRune(rune(v)) {
			r.at += 1 + digits
			return rune(v), nil
		}
	}
	return 0, r.wrong(`the escape \%.9q is not known`, r.text[r.at:])
}
