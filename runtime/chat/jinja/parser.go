package jinja

import (
	"fmt"
	"slices"
	"strings"
)

// parser makes nodes of tokens, by the grammar of jinja2's parser.
type parser struct {
	tokens  []token
	pos     int
	blocks  int      // how many blocks are open
	nesting int      // how many expressions are open
	open    []string // tags that are open
	ends    [][]string
}

func (p *parser) cur() *token  { return &p.tokens[p.pos] }
func (p *parser) look() *token { return &p.tokens[min(p.pos+1, len(p.tokens)-1)] }

func (p *parser) next() *token {
	t := &p.tokens[p.pos]
	if p.pos < len(p.tokens)-1 {
		p.pos++
	}
	return t
}

func (p *parser) fail(line int, format string, args ...any) {
	panic(&Error{Line: line, Message: fmt.Sprintf(format, args...)})
}

func (t *token) is(kind string) bool { return t.kind == kind }
func (t *token) isName(names ...string) bool {
	return t.kind == tName && slices.Contains(names, t.text)
}

func (t *token) String() string {
	switch t.kind {
	case tName:
		return t.text
	}
	return t.kind
}

func (p *parser) skip(kind string) bool {
	if p.cur().is(kind) {
		p.next()
		return true
	}
	return false
}

func (p *parser) skipName(name string) bool {
	if p.cur().isName(name) {
		p.next()
		return true
	}
	return false
}

func (p *parser) expect(kind string) *token {
	if t := p.cur(); !t.is(kind) {
		p.unexpected(t, kind)
	}
	return p.next()
}

func (p *parser) expectName(name string) *token {
	if t := p.cur(); !t.isName(name) {
		p.unexpected(t, name)
	}
	return p.next()
}

func (p *parser) unexpected(t *token, want string) {
	if t.is(tEOF) {
		p.fail(t.line, "unexpected end of template, expected '%s'", want)
	}
	p.fail(t.line, "expected token '%s', got '%s'", want, t)
}

// body reads statements up to one of the tags, whose name is then the token in hand.
func (p *parser) body(ends ...string) []stmt {
	if len(ends) > 0 {
		p.skip(":")
		p.expect(tBlockEnd)
		if p.blocks++; p.blocks > maxBlocks {
			p.limit("blocks inside blocks", maxBlocks)
		}
		defer func() { p.blocks-- }()
		p.ends = append(p.ends, ends)
		defer func() { p.ends = p.ends[:len(p.ends)-1] }()
	}
	var body []stmt
	for {
		t := p.cur()
		switch t.kind {
		case tEOF:
			if len(ends) > 0 {
				p.unknown("", t.line)
			}
			return body
		case tData:
			body = append(body, &dataNode{t.text})
			p.next()
		case tVariableBegin:
			p.next()
			body = append(body, &printNode{x: p.tuple(tupleRule{}), line: t.line})
			p.expect(tVariableEnd)
		case tBlockBegin:
			p.next()
			if p.cur().isName(ends...) {
				return body
			}
			body = append(body, p.statement()...)
			p.expect(tBlockEnd)
		default:
			p.fail(t.line, "unexpected '%s'", t)
		}
	}
}

func (p *parser) limit(what string, most int) {
	panic(&Error{Line: p.cur().line, Message: fmt.Sprintf("more than %d %s", most, what), Limit: true})
}

// unknown says that a tag has no meaning here, or that the template ends too early.
func (p *parser) unknown(name string, line int) {
	words := "Unexpected end of template."
	if name != "" {
		words = fmt.Sprintf("Encountered unknown tag '%s'.", name)
	}
	if n := len(p.ends); n > 0 {
		words += fmt.Sprintf(" Jinja was looking for the following tags: '%s'.", strings.Join(p.ends[n-1], "' or '"))
	}
	if n := len(p.open); n > 0 {
		words += fmt.Sprintf(" The innermost block that needs to be closed is '%s'.", p.open[n-1])
	}
	p.fail(line, "%s", words)
}

// statement reads one tag and what belongs to it.
func (p *parser) statement() []stmt {
	t := p.cur()
	if !t.is(tName) {
		p.fail(t.line, "tag name expected")
	}
	parse, ok := statements[t.text]
	if !ok {
		p.unknown(t.text, t.line)
	}
	p.open = append(p.open, t.text)
	defer func() { p.open = p.open[:len(p.open)-1] }()
	p.next()
	return parse(p, t.line)
}
