package jinja

// resolver gives every name of a template its place, by the rules of jinja2's compiler, and finds
// filters and tests.
type resolver struct {
	escape escaping
	work   int
	folds  bool // what is printed is constant
	blocks map[string]*blockNode
	queue  []*blockNode
}

// scope is a block of tags while it is resolved.
type scope struct {
	*symbols
	top   bool // what is assigned here is a variable of the template
	soft  bool // inside an if, where unknown filters fail only when they are used
	loops int  // loops around, of the same function
}

func (s scope) inner() scope { return scope{symbols: newSymbols(s.symbols, s.fn), loops: s.loops} }

// function is an inner scope with variables of its own.
func (s scope) function() scope {
	return scope{symbols: newSymbols(s.symbols, newFunction(s.fn))}
}

// export is a variable of the template, which its blocks see too.
type export struct {
	name string
	variable
}

const maxLoops = 20 // inside each other; Python, which jinja2 compiles to, has no more

func failAt(line int, format string, args ...any) {
	defer func() {
		e := recover().(*Error)
		if e.Line == 0 {
			e.Line = line
		}
		panic(e)
	}()
	fail(format, args...)
}

// resolve prepares a whole template.
func resolve(t *Template) {
	c := &resolver{blocks: map[string]*blockNode{}}
	c.findBlocks(t.body)
	s := scope{symbols: c.root(), top: true}
	t.function, t.self = s.fn, -1
	if undeclared(t.body, "self")["self"] {
		t.self = s.parameter("self")
	}
	s.visitAll(t.body)
	c.body(t.body, s)
	t.enter, _ = s.enter()
	t.blocks = c.blocks
	for len(c.queue) > 0 {
		b := c.queue[0]
		c.queue = c.queue[1:]
		c.block(b)
	}
}

// root are the symbols of the template or a block.
func (c *resolver) root() *symbols {
	s := newSymbols(nil, newFunction(nil))
	s.work = &c.work
	return s
}

func (c *resolver) findBlocks(body []stmt) {
	var visit func(n any, as role)
	visit = func(n any, _ role) {
		if b, ok := n.(*blockNode); ok {
			if c.blocks[b.name] != nil {
				failAt(b.line, "block '%s' defined twice", b.name)
			}
			c.blocks[b.name] = b
			c.queue = append(c.queue, b)
		}
		children(n, visit)
	}
	for _, s := range body {
		visit(s, loaded)
	}
}

func (c *resolver) block(b *blockNode) {
	s := scope{symbols: c.root()}
	b.function, b.selfSlot, b.superSlot = s.fn, -1, -1
	used := undeclared(b.body, "self", "super")
	if used["self"] {
		b.selfSlot = s.parameter("self")
	}
	if used["super"] {
		b.superSlot = s.parameter("super")
	}
	s.visitAll(b.body)
	c.body(b.body, s)
	b.enter, _ = s.enter()
}

func (c *resolver) body(body []stmt, s scope) {
	for _, n := range body {
		c.stmt(n, s)
	}
}

func (c *resolver) stmt(n stmt, s scope) {
	switch n := n.(type) {
	case *printNode:
		c.folds = constant(n.x)
		c.expr(n.x, s)
		c.folds = false
		n.escape = c.escape
	case *ifNode:
		s.soft = true
		for i := range n.tests {
			c.expr(n.tests[i], s)
			c.body(n.bodies[i], s)
		}
		c.body(n.other, s)
	case *forNode:
		c.loop(n, s)
	case *setNode:
		n.spaces = c.target(n.target, s)
		c.expr(n.value, s)
		n.export = s.exports(n.target)
	case *setBlockNode:
		in := s.inner()
		in.visitAll(n.body)
		c.body(n.body, in)
		n.spaces = c.target(n.target, s)
		if n.filter != nil {
			c.expr(n.filter, in)
		}
		n.enter, n.leaves = in.enter()
		n.export = s.exports(n.target)
	case *macroNode:
		c.macro(n, s)
		if n.call != nil {
			c.expr(n.call, s)
			return
		}
		r, _ := s.find(n.name)
		n.variable = r.variable(s.fn)
		if s.top {
			n.export = []export{{n.name, n.variable}}
		}
	case *filterBlockNode:
		in := s.inner()
		in.visitAll(n.body)
		in.visit(n.filter, loaded)
		c.body(n.body, in)
		c.expr(n.filter, in)
		n.enter, n.leaves = in.enter()
	case *withNode:
		in := s.inner()
		for _, t := range n.targets {
			in.visit(t, param)
		}
		in.visitAll(n.body)
		for i := range n.targets {
			c.target(n.targets[i], in)
			c.expr(n.values[i], s)
		}
		c.body(n.body, in)
		n.enter, n.leaves = in.enter()
	case *scopeNode:
		in := s.inner()
		in.visit(n.escape, loaded)
		in.visitAll(n.body)
		c.expr(n.escape, in)
		before := c.escape
		c.escape = dynamic
		if x, ok := n.escape.(*constExpr); ok {
			c.escape = plain
			if truth(x.value) {
				c.escape = escapes
			}
		}
		c.body(n.body, in)
		c.escape = before
		n.enter, n.leaves = in.enter()
	case *blockNode:
		if n.scoped {
			for at := s.symbols; at != nil; at = at.parent {
				for name := range at.stores {
					r, _ := s.find(name)
					n.names = append(n.names, name)
					n.variables = append(n.variables, r.variable(s.fn))
				}
			}
		}
	case *loaderNode:
		if n.tag == "extends" && !s.top {
			failAt(n.line, "cannot use extend from a non top-level scope")
		}
		c.expr(n.source, s)
	case *jumpNode:
		if s.loops == 0 {
			failAt(n.line, "'break' or 'continue' outside loop")
		}
	}
}

func (s scope) exports(target expr) (all []export) {
	if !s.top {
		return nil
	}
	switch t := target.(type) {
	case *nameExpr:
		return []export{{t.name, t.variable}}
	case *tupleExpr:
		for _, x := range t.items {
			all = append(all, s.exports(x)...)
		}
	}
	return all
}

// target places the names that are assigned to, and lists the namespaces among them.
func (c *resolver) target(x expr, s scope) (spaces []*nsExpr) {
	switch x := x.(type) {
	case *nameExpr:
		c.expr(x, s)
	case *nsExpr:
		r, _ := s.find(x.name)
		x.variable = r.variable(s.fn)
		return []*nsExpr{x}
	case *tupleExpr:
		for _, item := range x.items {
			spaces = append(spaces, c.target(item, s)...)
		}
	}
	return spaces
}

func (c *resolver) loop(n *forNode, s scope) {
	storesLoop(n, n.line)
	in := s.inner()
	if n.recursive {
		in = s.function()
		n.function = in.fn
	}
	in.loops++
	if in.loops > maxLoops {
		failAt(n.line, "too many statically nested blocks: more than %d loops inside each other", maxLoops)
	}
	if n.recursive || undeclared(n.body, "loop")["loop"] || hasScoped(n) {
		n.loop = in.parameter("loop")
	}
	in.visit(n.target, param)
	in.visitAll(n.body)
	other := s.inner()
	if n.recursive {
		other = scope{symbols: newSymbols(s.symbols, in.fn)}
	}
	other.visitAll(n.other)
	if n.test != nil {
		test := s.function()
		test.visit(n.testTarget, param)
		test.visit(n.test, loaded)
		n.testFn = test.fn
		c.target(n.testTarget, test)
		c.expr(n.test, test)
		n.enterTest, _ = test.enter()
	}
	c.target(n.target, in)
	c.expr(n.iter, s)
	c.body(n.body, in)
	n.enter, n.leaves = in.enter()
	c.body(n.other, other)
	n.enterOther, n.leavesOthers = other.enter()
}

// storesLoop refuses a loop that assigns to the name loop.
func storesLoop(n any, line int) {
	var visit func(n any, as role)
	visit = func(n any, as role) {
		if x, ok := n.(*nameExpr); ok && as == stored && x.name == "loop" {
			failAt(line, "Can't assign to special loop variable in for-loop target")
		}
		if t, ok := n.(*tupleExpr); ok {
			for _, x := range t.items {
				visit(x, as)
			}
			return
		}
		children(n, visit)
	}
	children(n, visit)
}

func hasScoped(n any) (found bool) {
	var visit func(n any, as role)
	visit = func(n any, _ role) {
		if b, ok := n.(*blockNode); ok && b.scoped {
			found = true
		}
		children(n, visit)
	}
	children(n, visit)
	return found
}

func (c *resolver) macro(n *macroNode, s scope) {
	in := s.function()
	n.function = in.fn
	n.caller, n.kwargs, n.varargs = -1, -1, -1
	analyze := func() {
		for _, p := range n.params {
			in.visit(p, param)
		}
		for _, d := range n.defaults {
			in.visit(d, loaded)
		}
		in.visitAll(n.body)
	}
	analyze()
	explicit := map[string]int{}
	for i, p := range n.params {
		if _, ok := explicit[p.name]; ok {
			failAt(n.line, "duplicate argument '%s' in function definition", p.name)
		}
		explicit[p.name] = i
	}
	used := undeclared(n.body, "caller", "kwargs", "varargs")
	i, has := explicit["caller"]
	n.explicitCaller = has
	switch {
	case used["caller"] && has && i < len(n.params)-len(n.defaults):
		failAt(n.line, "the special caller argument of a macro must be omitted or be given a default")
	case used["caller"] && !has:
		n.caller = in.parameter("caller")
	}
	if _, has := explicit["kwargs"]; used["kwargs"] && !has {
		n.kwargs = in.parameter("kwargs")
	}
	if _, has := explicit["varargs"]; used["varargs"] && !has {
		n.varargs = in.parameter("varargs")
	}
	analyze()
	for _, p := range n.params {
		c.expr(p, in)
	}
	for _, d := range n.defaults {
		c.expr(d, in)
	}
	c.body(n.body, in)
	n.enter, _ = in.enter()
}

// constant reports whether an expression has no names and calls nothing, so that jinja2 computes it
// while it compiles.
func constant(x expr) bool {
	switch x := x.(type) {
	case *nameExpr, *callExpr:
		return false
	case *condExpr:
		if x.other == nil {
			return false
		}
	case *filterExpr:
		switch x.name {
		case "map", "select", "reject", "selectattr", "rejectattr", "random":
			return false
		}
	}
	all := true
	children(x, func(n any, _ role) { all = all && constant(n.(expr)) })
	return all
}

// expr places the names of an expression.
func (c *resolver) expr(x expr, s scope) {
	switch x := x.(type) {
	case *nameExpr:
		r, ok := s.find(x.name)
		if !ok { // jinja2's compiler has no place for such a name either
			fail("'%s' cannot be used here", x.name)
		}
		x.variable = r.variable(s.fn)
		return
	case *condExpr:
		s.soft = true
	case *concatExpr:
		x.escape = c.escape
	case *sliceExpr:
		x.folded = c.folds
	case *filterExpr:
		if x.f = filters[x.name]; x.f == nil && !s.soft {
			failAt(x.line, "No filter named '%s'.", x.name)
		}
	case *testExpr:
		if x.f = tests[x.name]; x.f == nil && !s.soft {
			failAt(x.line, "No test named '%s'.", x.name)
		}
	}
	children(x, func(n any, _ role) { c.expr(n.(expr), s) })
}
