package jinja

// postfix reads attributes, subscripts and calls after x.
func (p *parser) postfix(x expr) expr {
	for n := 0; ; n++ {
		p.chain(n)
		switch t := p.cur(); t.kind {
		case ".":
			p.next()
			switch name := p.next(); name.kind {
			case tName:
				x = &attrExpr{x, name.text}
			case tInteger:
				x = &itemExpr{x, &constExpr{name.value}}
			default:
				p.fail(name.line, "expected name or number")
			}
		case "[":
			p.next()
			x = p.subscript(x)
		case "(":
			x = &callExpr{f: x, arguments: p.arguments(), line: t.line}
		default:
			return x
		}
	}
}

func (p *parser) filtersAndTests(x expr) expr {
	for n := 0; ; n++ {
		p.chain(n)
		switch t := p.cur(); {
		case t.is("|"):
			x = p.filters(x, false)
		case t.isName("is"):
			x = p.test(x)
		case t.is("("):
			x = &callExpr{f: x, arguments: p.arguments(), line: t.line}
		default:
			return x
		}
	}
}

// subscript reads what is between brackets: one part, or several that make a tuple.
func (p *parser) subscript(x expr) expr {
	var parts []expr
	line := p.cur().line
	for !p.cur().is("]") {
		if len(parts) > 0 {
			p.expect(",")
		}
		parts = append(parts, p.subscriptPart())
	}
	p.expect("]")
	if len(parts) == 1 {
		if s, ok := parts[0].(*sliceExpr); ok {
			s.x = x
			return s
		}
		return &itemExpr{x, parts[0]}
	}
	for _, part := range parts {
		if _, ok := part.(*sliceExpr); ok {
			p.fail(line, "invalid syntax: a slice among several subscripts")
		}
	}
	return &itemExpr{x, &tupleExpr{parts}}
}

func (p *parser) subscriptPart() expr {
	s := &sliceExpr{}
	if !p.cur().is(":") {
		x := p.expression()
		if !p.cur().is(":") {
			return x
		}
		s.start = x
	}
	p.next()
	end := func() bool { return p.cur().is("]") || p.cur().is(",") }
	if !p.cur().is(":") && !end() {
		s.stop = p.expression()
	}
	if p.skip(":") && !end() {
		s.step = p.expression()
	}
	return s
}

func (p *parser) arguments() (a arguments) {
	open := p.expect("(")
	ensure := func(ok bool) {
		if !ok {
			p.fail(open.line, "invalid syntax for function call expression")
		}
	}
	for first := true; !p.cur().is(")"); first = false {
		if !first {
			if p.expect(","); p.cur().is(")") {
				break
			}
		}
		switch t := p.cur(); {
		case t.is("*"):
			ensure(a.star == nil && a.starStar == nil)
			p.next()
			a.star = p.expression()
		case t.is("**"):
			ensure(a.starStar == nil)
			p.next()
			a.starStar = p.expression()
		case t.is(tName) && p.look().is("="):
			ensure(a.starStar == nil)
			p.next()
			p.next()
			for _, name := range a.names {
				if name == t.text {
					p.fail(t.line, "keyword argument repeated: %s", name)
				}
			}
			a.names = append(a.names, t.text)
			a.values = append(a.values, p.expression())
		default:
			ensure(a.star == nil && a.starStar == nil && len(a.names) == 0)
			a.pos = append(a.pos, p.expression())
		}
	}
	p.expect(")")
	return a
}

// filters reads filters in a row. With inline, the first comes without a bar, as in a filter block.
func (p *parser) filters(x expr, inline bool) *filterExpr {
	var f *filterExpr
	for n := 0; inline || p.cur().is("|"); n++ {
		p.chain(n)
		if !inline {
			p.next()
		}
		inline = false
		line := p.cur().line
		if f != nil {
			x = f
		}
		f = &filterExpr{x: x, name: p.dotted(), line: line}
		if p.cur().is("(") {
			f.arguments = p.arguments()
		}
	}
	return f
}

func (p *parser) dotted() string {
	name := p.expect(tName).text
	for p.skip(".") {
		name += "." + p.expect(tName).text
	}
	return name
}

// test reads what follows "is". One argument may come without brackets.
func (p *parser) test(x expr) expr {
	t := &testExpr{x: x, line: p.next().line}
	negated := p.skipName("not")
	t.name = p.dotted()
	switch a := p.cur(); {
	case a.is("("):
		t.arguments = p.arguments()
	case a.isName("is"):
		p.fail(a.line, "You cannot chain multiple tests with is")
	case a.isName("else", "or", "and"):
	case a.is(tName) || a.is(tString) || a.is(tInteger) || a.is(tFlt) || a.is("[") || a.is("{"):
		t.pos = []expr{p.postfix(p.primary(false))}
	}
	if negated {
		return &notExpr{t}
	}
	return t
}
