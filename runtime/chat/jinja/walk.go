package jinja

// role says how a name is used.
type role int

const (
	loaded role = iota
	stored
	param
)

// children calls f for the parts of a node, in the order in which jinja2 keeps them.
func children(n any, f func(n any, as role)) {
	each := func(all []expr) {
		for _, x := range all {
			f(x, loaded)
		}
	}
	body := func(all []stmt) {
		for _, s := range all {
			f(s, loaded)
		}
	}
	args := func(a *arguments) {
		each(a.pos)
		each(a.values)
		if a.star != nil {
			f(a.star, loaded)
		}
		if a.starStar != nil {
			f(a.starStar, loaded)
		}
	}
	some := func(all ...expr) {
		for _, x := range all {
			if x != nil {
				f(x, loaded)
			}
		}
	}
	switch n := n.(type) {
	case *tupleExpr:
		each(n.items)
	case *listExpr:
		each(n.items)
	case *dictExpr:
		for i := range n.keys {
			some(n.keys[i], n.values[i])
		}
	case *condExpr:
		some(n.test, n.then, n.other)
	case *logicExpr:
		some(n.left, n.right)
	case *notExpr:
		some(n.x)
	case *unaryExpr:
		some(n.x)
	case *binaryExpr:
		some(n.left, n.right)
	case *concatExpr:
		each(n.parts)
	case *compareExpr:
		some(n.first)
		each(n.rest)
	case *attrExpr:
		some(n.x)
	case *itemExpr:
		some(n.x, n.key)
	case *sliceExpr:
		some(n.x, n.start, n.stop, n.step)
	case *callExpr:
		some(n.f)
		args(&n.arguments)
	case *filterExpr:
		some(n.x)
		args(&n.arguments)
	case *testExpr:
		some(n.x)
		args(&n.arguments)
	case *printNode:
		some(n.x)
	case *ifNode:
		for i := range n.tests {
			some(n.tests[i])
			body(n.bodies[i])
		}
		body(n.other)
	case *forNode:
		f(n.target, stored)
		some(n.iter)
		body(n.body)
		body(n.other)
		some(n.test)
	case *setNode:
		f(n.target, stored)
		some(n.value)
	case *setBlockNode:
		f(n.target, stored)
		if n.filter != nil {
			some(n.filter)
		}
		body(n.body)
	case *macroNode:
		if n.call != nil {
			some(n.call)
		}
		for _, p := range n.params {
			f(p, param)
		}
		each(n.defaults)
		body(n.body)
	case *filterBlockNode:
		body(n.body)
		some(n.filter)
	case *withNode:
		for _, t := range n.targets {
			f(t, param)
		}
		each(n.values)
		body(n.body)
	case *scopeNode:
		some(n.escape)
		body(n.body)
	case *blockNode:
		body(n.body)
	case *loaderNode:
		some(n.source)
	}
}

// undeclared reports which of the names a body loads before it assigns them, wherever in it. Blocks
// are left out.
func undeclared(body []stmt, names ...string) map[string]bool {
	left, found := map[string]bool{}, map[string]bool{}
	for _, n := range names {
		left[n] = true
	}
	var visit func(n any, as role)
	visit = func(n any, as role) {
		switch n := n.(type) {
		case *nameExpr:
			if as == loaded && left[n.name] {
				found[n.name] = true
			} else {
				delete(left, n.name)
			}
		case *blockNode:
		case *tupleExpr:
			for _, x := range n.items {
				visit(x, as)
			}
		default:
			children(n, visit)
		}
	}
	for _, s := range body {
		visit(s, loaded)
	}
	return found
}

// visit adds what a node of a block uses to its symbols. It stops at blocks inside.
func (s *symbols) visit(n any, as role) {
	visit := func(n any, as role) { s.visit(n, as) }
	switch n := n.(type) {
	case *nameExpr:
		switch as {
		case param:
			s.parameter(n.name)
		case stored:
			s.store(n.name)
		default:
			s.load(n.name)
		}
	case *nsExpr:
		s.load(n.name)
	case *tupleExpr:
		for _, x := range n.items {
			s.visit(x, as)
		}
	case *ifNode:
		s.visitIf(n)
	case *macroNode:
		if n.call != nil {
			s.visit(n.call, loaded)
		} else {
			s.store(n.name)
		}
	case *loaderNode:
		s.visit(n.source, loaded)
		for _, name := range n.names {
			s.store(name)
		}
	case *setNode:
		s.visit(n.value, loaded)
		s.visit(n.target, stored)
	case *setBlockNode:
		s.visit(n.target, stored)
	case *forNode:
		s.visit(n.iter, loaded)
	case *filterBlockNode:
		s.visit(n.filter, loaded)
	case *withNode:
		for _, v := range n.values {
			s.visit(v, loaded)
		}
	case *scopeNode, *blockNode:
	default:
		children(n, visit)
	}
}

func (s *symbols) visitIf(n *ifNode) {
	branch := func(on *symbols, body []stmt) *symbols {
		c := on.copy()
		c.visitAll(body)
		return c
	}
	s.visit(n.tests[0], loaded)
	first := branch(s, n.bodies[0])
	others := s.copy()
	for i, test := range n.tests[1:] {
		others.visit(test, loaded)
		others.branches(branch(others, n.bodies[i+1]))
	}
	s.branches(first, others, branch(s, n.other))
}

func (s *symbols) visitAll(body []stmt) {
	for _, n := range body {
		s.visit(n, loaded)
	}
}
