package jinja

import "strings"

func (r *run) body(body []stmt) signal {
	for _, n := range body {
		if s := n.exec(r); s != normal {
			return s
		}
	}
	return normal
}

func (n *dataNode) exec(r *run) signal {
	r.out.write(n.text)
	return normal
}

func (n *printNode) exec(r *run) signal {
	r.line = n.line
	v := n.x.eval(r)
	if n.escape == escapes || n.escape == dynamic && r.escape {
		r.out.write(r.escaped(v))
	} else {
		r.out.write(r.str(v))
	}
	return normal
}

func (n *ifNode) exec(r *run) signal {
	r.line = n.line
	for i, test := range n.tests {
		if truth(test.eval(r)) {
			return r.body(n.bodies[i])
		}
	}
	return r.body(n.other)
}

// namespaces checks that attributes are set of namespaces only.
func (r *run) namespaces(all []*nsExpr) {
	for _, x := range all {
		if _, ok := (*r.at(x.variable)).(*namespace); !ok {
			fail("cannot assign attribute on non-namespace object")
		}
	}
}

func (r *run) assign(target expr, v any) {
	switch t := target.(type) {
	case *nameExpr:
		*r.at(t.variable) = v
	case *nsExpr:
		checkAttribute(t.attr)
		(*r.at(t.variable)).(*namespace).attrs.Set(t.attr, v)
	case *tupleExpr:
		next, ok := iterate(v)
		if !ok {
			fail("cannot unpack non-iterable %s object", typeName(v))
		}
		values := make([]any, 0, len(t.items))
		for {
			x, ok := next()
			if !ok {
				break
			}
			if len(values) == len(t.items) {
				fail("too many values to unpack (expected %d)", len(t.items))
			}
			values = append(values, x)
		}
		if len(values) < len(t.items) {
			fail("not enough values to unpack (expected %d, got %d)", len(t.items), len(values))
		}
		for i, item := range t.items {
			r.assign(item, values[i])
		}
	}
}

// checkAttribute keeps attributes away that chat templates may not set.
func checkAttribute(name string) {
	if strings.HasPrefix(name, "_") {
		fail("Chat templates cannot store underscore-prefixed attributes on a namespace, but got %s", quote(name))
	}
}

func (r *run) export(all []export) {
	for _, e := range all {
		r.vars[e.name] = *r.at(e.variable)
	}
}

func (n *setNode) exec(r *run) signal {
	r.line = n.line
	r.namespaces(n.spaces)
	r.assign(n.target, n.value.eval(r))
	r.export(n.export)
	return normal
}

func (n *setBlockNode) exec(r *run) signal {
	r.line = n.line
	r.load(n.enter)
	var s signal
	t := r.capture(func() { s = r.body(n.body) })
	if s != normal {
		return s
	}
	var v any = t
	if n.filter != nil {
		v = n.filter.apply(r, r.safe(t))
	}
	if r.escape {
		v = markup(r.str(v))
	}
	r.namespaces(n.spaces)
	r.assign(n.target, v)
	r.export(n.export)
	r.leaveAfter(n.leaves, n.target)
	return normal
}

// leaveAfter empties the places of a block but for what its set assigned.
func (r *run) leaveAfter(slots []int, target expr) {
	for _, s := range slots {
		if t, ok := target.(*nameExpr); ok && t.up == 0 && t.slot == s {
			continue
		}
		r.frame.slots[s] = missing{}
	}
}

// safe is a text of the template itself, which an autoescape block does not escape.
func (r *run) safe(s string) any {
	if r.escape {
		return markup(s)
	}
	return s
}

func (n *filterBlockNode) exec(r *run) signal {
	r.line = n.line
	r.load(n.enter)
	var s signal
	t := r.capture(func() { s = r.body(n.body) })
	if s != normal {
		return s
	}
	r.print(n.filter.apply(r, r.safe(t)))
	r.leave(n.leaves)
	return normal
}

func (r *run) print(v any) {
	if r.escape {
		r.out.write(r.escaped(v))
	} else {
		r.out.write(r.str(v))
	}
}

func (n *withNode) exec(r *run) signal {
	r.line = n.line
	r.load(n.enter)
	for i, t := range n.targets {
		r.assign(t, n.values[i].eval(r))
	}
	s := r.body(n.body)
	r.leave(n.leaves)
	return s
}

func (n *scopeNode) exec(r *run) signal {
	r.line = n.line
	r.load(n.enter)
	before := r.escape
	r.escape = truth(n.escape.eval(r))
	s := r.body(n.body)
	r.escape = before
	r.leave(n.leaves)
	return s
}

func (n *jumpNode) exec(*run) signal { return n.to }

func (n *loaderNode) exec(r *run) signal {
	r.line = n.line
	n.source.eval(r)
	fail("%s: no loader for this environment specified: a chat template cannot load another one", n.tag)
	return normal
}

func (n *blockNode) exec(r *run) signal {
	r.line = n.line
	if n.required {
		fail("Required block '%s' not found", n.name)
	}
	vars := r.vars
	if n.scoped {
		derived := make(map[string]any, len(vars)+len(n.names))
		for k, v := range vars {
			derived[k] = v
		}
		for i, name := range n.names {
			if v := *r.at(n.variables[i]); v != (missing{}) {
				derived[name] = v
			}
		}
		r.vars = derived
	}
	n.run(r)
	r.vars = vars
	return normal
}

// run writes a block's body.
func (n *blockNode) run(r *run) {
	r.enter()
	before := r.frame
	r.frame = newFrame(n.function, nil)
	if n.selfSlot >= 0 {
		r.frame.slots[n.selfSlot] = &selfReference{}
	}
	if n.superSlot >= 0 {
		r.frame.slots[n.superSlot] = &undefined{message: "there is no parent block called " + quote(n.name) + "."}
	}
	r.load(n.enter)
	r.body(n.body)
	r.frame = before
	r.meter.leave()
}

// selfReference is the variable self, whose attributes are the template's blocks.
type selfReference struct{}

func (r *run) blockOf(name string) any {
	b := r.template.blocks[name]
	if b == nil {
		return nil
	}
	return &native{name: name, call: func(r *run, a *args) any {
		a.positional(name, 0, 0)
		return r.safe(r.capture(func() { b.run(r) }))
	}}
}
