package jinja

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

func isRange(err error) bool { return errors.Is(err, strconv.ErrRange) }

var simpleEscapes = map[byte]string{
	'\n': "", '\\': "\\", '\'': "'", '"': `"`, 'a': "\a", 'b': "\b", 'f': "\f", 'n': "\n", 'r': "\r", 't': "\t", 'v': "\v",
}

// unescape reads the escapes of a literal as Python's unicode-escape does. An unknown one stays as
// it is.
func (l *lexer) unescape(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		i++
		c := s[i]
		if t, ok := simpleEscapes[c]; ok {
			b.WriteString(t)
			continue
		}
		switch {
		case c >= '0' && c <= '7':
			n := i + 1
			for n < len(s) && n < i+3 && s[n] >= '0' && s[n] <= '7' {
				n++
			}
			v, _ := strconv.ParseUint(s[i:n], 8, 32)
			b.WriteRune(rune(v))
			i = n - 1
		case c == 'x' || c == 'u' || c == 'U':
			n := map[byte]int{'x': 2, 'u': 4, 'U': 8}[c]
			end := min(i+1+n, len(s))
			v, err := strconv.ParseUint(s[i+1:end], 16, 32)
			if err != nil || end-i-1 < n || v > utf8.MaxRune {
				l.fail("truncated or illegal \\%c escape", c)
			}
			if v >= 0xd800 && v < 0xe000 {
				l.fail("the escape \\%c%s is half of a character; surrogates are not supported", c, s[i+1:end])
			}
			b.WriteRune(rune(v))
			i = end - 1
		case c == 'N':
			l.fail("characters by name (\\N) are not supported")
		// jinja2 has turned the character into an escape of its own by then
		case c >= utf8.RuneSelf:
			r, n := utf8.DecodeRuneInString(s[i:])
			b.WriteString(`\` + strings.TrimPrefix(escaped(r), `\`))
			i += n - 1
		default:
			b.WriteByte('\\')
			b.WriteByte(c)
		}
	}
	return b.String()
}

// escaped is a character as Python's repr writes those that cannot be shown.
func escaped(r rune) string {
	switch {
	case r == '\n':
		return `\n`
	case r == '\r':
		return `\r`
	case r == '\t':
		return `\t`
	case r < 0x100:
		return fmt.Sprintf(`\x%02x`, r)
	case r < 0x10000:
		return fmt.Sprintf(`\u%04x`, r)
	}
	return fmt.Sprintf(`\U%08x`, r)
}
