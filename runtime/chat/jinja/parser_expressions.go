package jinja

import (
	"slices"
	"strings"
)

// tupleRule says what a list of expressions without brackets may be.
type tupleRule struct {
	simple    bool     // names and literals only
	noCond    bool     // no x if y
	namespace bool     // ns.x too
	brackets  bool     // in parentheses, where it may be empty
	ends      []string // names that end it
}

func (p *parser) tuple(rule tupleRule) expr {
	var items []expr
	several := false
	for {
		if len(items) > 0 {
			p.expect(",")
		}
		t := p.cur()
		if t.is(tVariableEnd) || t.is(tBlockEnd) || t.is(")") || t.is(tName) && slices.Contains(rule.ends, t.text) {
			break
		}
		switch {
		case rule.simple:
			items = append(items, p.primary(rule.namespace))
		case rule.noCond:
			items = append(items, p.or())
		default:
			items = append(items, p.expression())
		}
		if !p.cur().is(",") {
			break
		}
		several = true
	}
	if !several {
		if len(items) > 0 {
			return items[0]
		}
		if !rule.brackets {
			p.fail(p.cur().line, "Expected an expression, got '%s'", p.cur())
		}
	}
	return &tupleExpr{items}
}

// target is what may stand left of an assignment.
func (p *parser) target(rule tupleRule) expr {
	rule.simple = true
	line := p.cur().line
	x := p.tuple(rule)
	p.assignable(x, line)
	return x
}

func (p *parser) assignable(x expr, line int) {
	switch x := x.(type) {
	case *nameExpr, *nsExpr:
		return
	case *tupleExpr:
		for _, item := range x.items {
			p.assignable(item, line)
		}
		return
	}
	p.fail(line, "can't assign to that expression")
}

// nameTarget is a name that is assigned to; constants have names too.
func (p *parser) nameTarget() *nameExpr {
	t := p.expect(tName)
	if slices.Contains([]string{"true", "false", "none", "True", "False", "None"}, t.text) {
		p.fail(t.line, "can't assign to '%s'", t.text)
	}
	return &nameExpr{name: t.text}
}

func cloneTarget(x expr) expr {
	switch x := x.(type) {
	case *nameExpr:
		y := *x
		return &y
	case *tupleExpr:
		y := &tupleExpr{}
		for _, item := range x.items {
			y.items = append(y.items, cloneTarget(item))
		}
		return y
	}
	return x
}

// expression is the widest kind: x if y else z.
func (p *parser) expression() expr {
	if p.nesting++; p.nesting > maxNesting {
		p.limit("expressions inside expressions", maxNesting)
	}
	defer func() { p.nesting-- }()
	line := p.cur().line
	x := p.or()
	for n := 0; p.skipName("if"); n++ {
		p.chain(n)
		c := &condExpr{then: x, line: line}
		c.test = p.or()
		if p.skipName("else") {
			c.other = p.expression()
		}
		x = c
	}
	return x
}

// chain bounds what stands in a row, since it makes as deep a tree.
func (p *parser) chain(n int) {
	if n > maxChain {
		p.limit("operators in a row", maxChain)
	}
}

func (p *parser) or() expr {
	x := p.and()
	for n := 0; p.skipName("or"); n++ {
		p.chain(n)
		x = &logicExpr{true, x, p.and()}
	}
	return x
}

func (p *parser) and() expr {
	x := p.not()
	for n := 0; p.skipName("and"); n++ {
		p.chain(n)
		x = &logicExpr{false, x, p.not()}
	}
	return x
}

func (p *parser) not() expr {
	n := 0
	for ; p.skipName("not"); n++ {
		p.chain(n)
	}
	x := p.compare()
	for ; n > 0; n-- {
		x = &notExpr{x}
	}
	return x
}

func (p *parser) compare() expr {
	x := p.sum()
	c := &compareExpr{first: x}
	for n := 0; ; n++ {
		p.chain(n)
		op := p.cur().kind
		switch {
		case op == "==" || op == "!=" || op == "<" || op == "<=" || op == ">" || op == ">=":
			p.next()
		case p.skipName("in"):
			op = "in"
		case p.cur().isName("not") && p.look().isName("in"):
			p.next()
			p.next()
			op = "not in"
		default:
			if n == 0 {
				return x
			}
			return c
		}
		c.ops = append(c.ops, op)
		c.rest = append(c.rest, p.sum())
	}
}

func (p *parser) sum() expr {
	x := p.concat()
	for n := 0; p.cur().is("+") || p.cur().is("-"); n++ {
		p.chain(n)
		op := p.next().kind
		x = &binaryExpr{op, x, p.concat()}
	}
	return x
}

func (p *parser) concat() expr {
	x := p.product()
	if !p.cur().is("~") {
		return x
	}
	c := &concatExpr{parts: []expr{x}}
	for p.skip("~") {
		c.parts = append(c.parts, p.product())
	}
	return c
}

func (p *parser) product() expr {
	x := p.power()
	for n := 0; ; n++ {
		p.chain(n)
		op := p.cur().kind
		if op != "*" && op != "/" && op != "//" && op != "%" {
			return x
		}
		p.next()
		x = &binaryExpr{op, x, p.power()}
	}
}

func (p *parser) power() expr {
	x := p.unary(true)
	for n := 0; p.skip("**"); n++ {
		p.chain(n)
		x = &binaryExpr{"**", x, p.unary(true)}
	}
	return x
}

// unary is a sign before what it belongs to. Subscripts and calls after it belong to the whole, as
// in jinja2.
func (p *parser) unary(filters bool) expr {
	var x expr
	if op := p.cur().kind; op == "-" || op == "+" {
		p.next()
		if p.nesting++; p.nesting > maxNesting {
			p.limit("expressions inside expressions", maxNesting)
		}
		x = &unaryExpr{op[0], p.unary(false)}
		p.nesting--
	} else {
		x = p.primary(false)
	}
	x = p.postfix(x)
	if filters {
		x = p.filtersAndTests(x)
	}
	return x
}

func (p *parser) primary(namespace bool) expr {
	t := p.next()
	switch t.kind {
	case tName:
		switch t.text {
		case "true", "True":
			return &constExpr{true}
		case "false", "False":
			return &constExpr{false}
		case "none", "None":
			return &constExpr{nil}
		}
		if namespace && p.skip(".") {
			return &nsExpr{name: t.text, attr: p.expect(tName).text}
		}
		return &nameExpr{name: t.text}
	case tString:
		parts := []string{t.text}
		for p.cur().is(tString) {
			parts = append(parts, p.next().text)
		}
		return &constExpr{strings.Join(parts, "")}
	case tInteger, tFlt:
		return &constExpr{t.value}
	case "(":
		x := p.nested(func() expr { return p.tuple(tupleRule{brackets: true}) })
		p.expect(")")
		return x
	case "[":
		l := &listExpr{}
		for !p.cur().is("]") {
			if len(l.items) > 0 {
				if p.expect(","); p.cur().is("]") {
					break
				}
			}
			l.items = append(l.items, p.expression())
		}
		p.expect("]")
		return l
	case "{":
		d := &dictExpr{}
		for !p.cur().is("}") {
			if len(d.keys) > 0 {
				if p.expect(","); p.cur().is("}") {
					break
				}
			}
			d.keys = append(d.keys, p.expression())
			p.expect(":")
			d.values = append(d.values, p.expression())
		}
		p.expect("}")
		return d
	}
	p.fail(t.line, "unexpected '%s'", t)
	return nil
}

// nested is one level of brackets whose content may be no expression.
func (p *parser) nested(parse func() expr) expr {
	if p.nesting++; p.nesting > maxNesting {
		p.limit("expressions inside expressions", maxNesting)
	}
	defer func() { p.nesting-- }()
	return parse()
}
