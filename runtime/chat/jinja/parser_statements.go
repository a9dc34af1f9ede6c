package jinja

import "strings"

// statements are the tags. The tag's name has been read.
var statements map[string]func(p *parser, line int) []stmt

func init() { // the parsers of tags use the table themselves
	statements = map[string]func(p *parser, line int) []stmt{
		"for": (*parser).parseFor, "if": (*parser).parseIf, "set": (*parser).parseSet, "macro": (*parser).parseMacro,
		"call": (*parser).parseCall, "filter": (*parser).parseFilterBlock, "with": (*parser).parseWith,
		"print": (*parser).parsePrint, "block": (*parser).parseBlock, "autoescape": (*parser).parseAutoescape,
		"generation": (*parser).parseGeneration, "include": (*parser).parseInclude, "import": (*parser).parseImport,
		"from": (*parser).parseFrom, "extends": (*parser).parseExtends,
		"break":    func(_ *parser, line int) []stmt { return []stmt{&jumpNode{breaks, line}} },
		"continue": func(_ *parser, line int) []stmt { return []stmt{&jumpNode{continues, line}} },
	}
}

func (p *parser) parseFor(line int) []stmt {
	n := &forNode{line: line, loop: -1}
	n.target = p.target(tupleRule{ends: []string{"in"}})
	p.expectName("in")
	n.iter = p.tuple(tupleRule{noCond: true, ends: []string{"recursive"}})
	if p.skipName("if") {
		n.test = p.expression()
		n.testTarget = cloneTarget(n.target)
	}
	n.recursive = p.skipName("recursive")
	n.body = p.body("endfor", "else")
	if p.next().text == "else" {
		n.other = p.closed("endfor")
		if n.other == nil {
			n.other = []stmt{}
		}
	}
	return []stmt{n}
}

// closed reads a body and the name of the tag that ends it.
func (p *parser) closed(end string) []stmt {
	body := p.body(end)
	p.next()
	return body
}

func (p *parser) parseIf(line int) []stmt {
	n := &ifNode{line: line}
	for {
		n.tests = append(n.tests, p.tuple(tupleRule{noCond: true}))
		n.bodies = append(n.bodies, p.body("elif", "else", "endif"))
		switch p.next().text {
		case "elif":
			continue
		case "else":
			n.other = p.closed("endif")
		}
		return []stmt{n}
	}
}

func (p *parser) parseSet(line int) []stmt {
	target := p.target(tupleRule{namespace: true})
	if p.skip("=") {
		return []stmt{&setNode{target: target, value: p.tuple(tupleRule{}), line: line}}
	}
	n := &setBlockNode{target: target, line: line}
	n.filter = p.filters(nil, false)
	n.body = p.closed("endset")
	return []stmt{n}
}

// signature reads the parameters of a macro or call block.
func (p *parser) signature(n *macroNode) {
	p.expect("(")
	for !p.cur().is(")") {
		if len(n.params) > 0 {
			p.expect(",")
		}
		param := p.nameTarget()
		if p.skip("=") {
			n.defaults = append(n.defaults, p.expression())
		} else if len(n.defaults) > 0 {
			p.fail(p.cur().line, "non-default argument follows default argument")
		}
		n.params = append(n.params, param)
	}
	p.expect(")")
}

func (p *parser) parseMacro(line int) []stmt {
	n := &macroNode{name: p.nameTarget().name, line: line}
	p.signature(n)
	n.body = p.closed("endmacro")
	return []stmt{n}
}

func (p *parser) parseCall(line int) []stmt {
	n := &macroNode{line: line}
	if p.cur().is("(") {
		p.signature(n)
	}
	call, ok := p.expression().(*callExpr)
	if !ok {
		p.fail(line, "expected call")
	}
	n.call = call
	n.body = p.closed("endcall")
	call.caller = n
	return []stmt{n}
}

func (p *parser) parseFilterBlock(line int) []stmt {
	n := &filterBlockNode{line: line}
	n.filter = p.filters(nil, true)
	n.body = p.closed("endfilter")
	return []stmt{n}
}

func (p *parser) parseWith(line int) []stmt {
	n := &withNode{line: line}
	for !p.cur().is(tBlockEnd) {
		if len(n.targets) > 0 {
			p.expect(",")
		}
		n.targets = append(n.targets, p.target(tupleRule{}))
		p.expect("=")
		n.values = append(n.values, p.expression())
	}
	n.body = p.closed("endwith")
	return []stmt{n}
}

func (p *parser) parsePrint(line int) []stmt {
	var all []stmt
	for !p.cur().is(tBlockEnd) {
		if len(all) > 0 {
			p.expect(",")
		}
		all = append(all, &printNode{x: p.expression(), line: line})
	}
	return all
}

func (p *parser) parseAutoescape(line int) []stmt {
	n := &scopeNode{line: line, escape: p.expression()}
	n.body = p.closed("endautoescape")
	return []stmt{n}
}

// parseGeneration reads the tag that marks what an assistant said. It is a call block around a
// function that gives back what its caller wrote.
func (p *parser) parseGeneration(line int) []stmt {
	n := &macroNode{line: line}
	n.body = p.closed("endgeneration")
	n.call = &callExpr{f: &constExpr{generation}, caller: n, line: line}
	return []stmt{n}
}

func (p *parser) parseBlock(line int) []stmt {
	n := &blockNode{line: line, name: p.expect(tName).text}
	n.scoped = p.skipName("scoped")
	n.required = p.skipName("required")
	if p.cur().is("-") {
		p.fail(line, "block names may not contain hyphens")
	}
	n.body = p.closed("endblock")
	if n.required {
		for _, s := range n.body {
			if d, ok := s.(*dataNode); !ok || strings.TrimLeftFunc(d.text, isSpace) != "" {
				p.fail(line, "Required blocks can only contain comments or whitespace")
			}
		}
	}
	p.skipName(n.name)
	return []stmt{n}
}

func (p *parser) parseExtends(line int) []stmt {
	return []stmt{&loaderNode{tag: "extends", source: p.expression(), line: line}}
}

func (p *parser) parseInclude(line int) []stmt {
	n := &loaderNode{tag: "include", source: p.expression(), line: line}
	if p.cur().isName("ignore") && p.look().isName("missing") {
		p.next()
		p.next()
	}
	p.withContext()
	return []stmt{n}
}

func (p *parser) withContext() bool {
	if p.cur().isName("with", "without") && p.look().isName("context") {
		p.next()
		p.next()
		return true
	}
	return false
}

func (p *parser) parseImport(line int) []stmt {
	n := &loaderNode{tag: "import", source: p.expression(), line: line}
	p.expectName("as")
	n.names = []string{p.nameTarget().name}
	p.withContext()
	return []stmt{n}
}

func (p *parser) parseFrom(line int) []stmt {
	n := &loaderNode{tag: "from", source: p.expression(), line: line}
	p.expectName("import")
	for {
		if len(n.names) > 0 {
			p.expect(",")
		}
		if !p.cur().is(tName) {
			p.expect(tName)
		}
		if p.withContext() {
			break
		}
		name := p.nameTarget().name
		if strings.HasPrefix(name, "_") {
			p.fail(line, "names starting with an underline can not be imported")
		}
		if p.skipName("as") {
			name = p.nameTarget().name
		}
		n.names = append(n.names, name)
		if p.withContext() || !p.cur().is(",") {
			break
		}
	}
	return []stmt{n}
}
