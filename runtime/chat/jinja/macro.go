package jinja

// macro is a macro or the body of a call block, with the variables around it.
type macro struct {
	node *macroNode
	up   *frame
}

func (n *macroNode) exec(r *run) signal {
	r.line = n.line
	m := &macro{n, r.frame}
	if n.call == nil {
		*r.at(n.variable) = m
		r.export(n.export)
		return normal
	}
	r.print(n.call.run(r, m))
	return normal
}

// call binds the arguments as jinja2's Macro does and gives back what the body writes.
func (m *macro) call(r *run, a *args) any {
	n := m.node
	r.enter()
	before, line := r.frame, r.line
	f := newFrame(n.function, m.up)
	count := min(len(a.pos), len(n.params))
	for i, p := range n.params {
		if i < count {
			f.slots[p.slot] = a.pos[i]
		} else if v, ok := a.take(p.name); ok {
			f.slots[p.slot] = v
		}
	}
	if n.caller >= 0 {
		v, ok := a.take("caller")
		if !ok || v == nil {
			v = &undefined{message: "No caller defined"}
		}
		f.slots[n.caller] = v
	}
	if n.kwargs >= 0 {
		d := &Dict{}
		for i, name := range a.names {
			d.Set(name, a.values[i])
		}
		f.slots[n.kwargs] = d
	} else if len(a.names) > 0 {
		fail("macro '%s' takes no keyword argument '%s'", n.name, a.names[0])
	}
	if n.varargs >= 0 {
		f.slots[n.varargs] = &Tuple{a.pos[count:]}
	} else if len(a.pos) > len(n.params) {
		fail("macro '%s' takes not more than %d argument(s)", n.name, len(n.params))
	}
	r.frame = f
	t := r.capture(func() {
		r.load(n.enter)
		for i, p := range n.params {
			if f.slots[p.slot] != (missing{}) {
				continue
			}
			if d := i - len(n.params) + len(n.defaults); d >= 0 {
				f.slots[p.slot] = n.defaults[d].eval(r)
			} else {
				f.slots[p.slot] = &undefined{message: "parameter " + quote(p.name) + " was not provided"}
			}
		}
		r.body(n.body)
	})
	r.frame, r.line = before, line
	r.meter.leave()
	return r.safe(t)
}

func (m *macro) attribute(name string) (any, bool) {
	n := m.node
	switch name {
	case "name":
		if n.name == "" {
			return nil, true
		}
		return n.name, true
	case "arguments":
		t := &Tuple{}
		for _, p := range n.params {
			t.Items = append(t.Items, p.name)
		}
		return t, true
	case "catch_kwargs":
		return n.kwargs >= 0, true
	case "catch_varargs":
		return n.varargs >= 0, true
	case "caller":
		return n.caller >= 0, true
	case "explicit_caller":
		return n.explicitCaller, true
	}
	return nil, false
}
