package schema

import (
	"fmt"
	"strings"
	"sync"

	re "github.com/kvgen/kvgen/runtime/grammar/regular"
)

// The bounds of automata.
const (
	maxStates = 1 << 13 // of a string with a pattern, a format or a length, and of a number
	indent    = 20      // spaces or tabs behind a line break
)

// space is white space between the parts of a value: nothing, a space, or a line break with what
// indents the next line. More would let a model write white space for ever.
func space() re.Expr {
	return re.Opt(re.Alt(re.Text(" "), re.Seq(re.Opt(re.Text("\r")), re.Text("\n"), re.Repeat(re.Of(" \t"), 0, indent))))
}

// punctuation is a text with space behind it.
func punctuation(s string) re.Expr { return re.Seq(re.Text(s), space()) }

// escaped are the characters that JSON does not let stand for themselves.
var escaped = re.Runes{{0, 0x1F}, {'"', '"'}, {'\\', '\\'}}

// character is one of some characters within a string, written as itself where it may be, else by
// its short escape, else as \u00XX.
func character(set re.Runes) re.Expr {
	plain := append(append(re.Runes{}, set.Not()...), escaped...).Not()
	all := []re.Expr{}
	if len(plain) > 0 {
		all = append(all, plain.UTF8())
	}
	for _, x := range escaped {
		for c := x[0]; c <= x[1]; c++ {
			if set.Has(c) {
				all = append(all, escape(c))
			}
		}
	}
	return re.Alt(all...)
}

var short = map[rune]string{'"': `\"`, '\\': `\\`, '\b': `\b`, '\f': `\f`, '\n': `\n`, '\r': `\r`, '\t': `\t`}

// escape is how a character is written that may not stand for itself.
func escape(c rune) re.Expr {
	if s := short[c]; s != "" {
		return re.Text(s)
	}
	s := fmt.Sprintf(`\u%04x`, c)
	return re.Seq(re.Text(s[:5]), hexDigit(int(c&15), int(c&15)))
}

// hexDigit is a hexadecimal digit of a value from lo to hi, in either case.
func hexDigit(lo, hi int) re.Expr {
	all := ""
	for v := lo; v <= hi; v++ {
		all += fmt.Sprintf("%x%X", v, v)
	}
	return re.Of(all)
}

// anyCharacter is a character within a string in any of its spellings. One beyond the first 65536
// may be a pair of escapes; a half of one is none.
func anyCharacter() re.Expr {
	hex := hexDigit(0, 15)
	u := re.Text(`\u`)
	return re.Alt(
		escaped.Not().UTF8(),
		re.Seq(re.Text(`\`), re.Of(`"\/bfnrt`)),
		re.Seq(u, re.Alt(re.Seq(hexDigit(0, 12), hex, hex, hex), re.Seq(hexDigit(13, 13), hexDigit(0, 7), hex, hex), re.Seq(hexDigit(14, 15), hex, hex, hex))),
		re.Seq(u, hexDigit(13, 13), hexDigit(8, 11), hex, hex, u, hexDigit(13, 13), hexDigit(12, 15), hex, hex),
	)
}

// quoted is an expression between quotes.
func quoted(e re.Expr) re.Expr { return re.Seq(re.Text(`"`), e, re.Text(`"`)) }

// anyString is a string in any spelling.
func anyString() re.Expr { return quoted(re.Repeat(anyCharacter(), 0, re.Unbounded)) }

// plainStrings is the automaton of anyString, and canonicalStrings that of strings in the spelling
// of character.
var (
	plainStrings     = sync.OnceValues(func() (*re.DFA, error) { return re.Compile(nil, anyString(), maxStates) })
	canonicalStrings = sync.OnceValues(func() (*re.DFA, error) {
		return re.Compile(nil, quoted(re.Repeat(character(re.AnyRune()), 0, re.Unbounded)), maxStates)
	})
)

// plainNames is plainStrings with a colon behind it.
var plainNames = sync.OnceValues(func() (*re.DFA, error) {
	d, err := plainStrings()
	if err != nil {
		return nil, err
	}
	colon, err := re.Compile(nil, punctuation(":"), maxStates)
	if err != nil {
		return nil, err
	}
	return re.Then(nil, d, colon, re.MaxStates)
})

// countedStrings is plainStrings, whose characters are counted.
var countedStrings = sync.OnceValues(func() (*re.Counter, error) {
	d, err := plainStrings()
	if err != nil {
		return nil, err
	}
	item, err := re.Compile(nil, anyCharacter(), maxStates)
	if err != nil {
		return nil, err
	}
	return re.Count(nil, d, item), nil
})

// literal is a string as it is, in the spelling of character.
func literal(s string) re.Expr {
	var all []re.Expr
	for _, c := range s {
		if c < 0x20 || c == '"' || c == '\\' {
			all = append(all, escape(c))
		} else {
			all = append(all, re.Text(string(c)))
		}
	}
	return quoted(re.Seq(all...))
}

// spell is a string as literal has it, with escapes in small letters.
func spell(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range s {
		switch {
		case short[c] != "":
			b.WriteString(short[c])
		case c < 0x20:
			fmt.Fprintf(&b, `\u%04x`, c)
		default:
			b.WriteRune(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// The numbers that are written: enough digits for 64-bit integers and for what float64 tells apart,
// and exponents that float64 has.
func number() re.Number { return re.Number{Digits: 19, Fraction: 19, Exponent: 2, NegativeZero: true} }
