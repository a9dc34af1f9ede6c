package jinja

import "fmt"

func (x *constExpr) eval(r *run) any { r.step(1); return x.value }

func (x *nameExpr) eval(r *run) any {
	r.step(1)
	v := *r.at(x.variable)
	if v == (missing{}) {
		return &undefined{message: "'" + x.name + "' is undefined"}
	}
	return v
}

func (x *nsExpr) eval(*run) any { return nil } // a target only

func (r *run) evalAll(all []expr) []any {
	r.grow(int64(itemSize * len(all)))
	out := make([]any, len(all))
	for i, x := range all {
		out[i] = x.eval(r)
	}
	return out
}

func (x *tupleExpr) eval(r *run) any { return &Tuple{r.evalAll(x.items)} }
func (x *listExpr) eval(r *run) any  { return &List{r.evalAll(x.items)} }

func (x *dictExpr) eval(r *run) any {
	r.grow(int64(3 * itemSize * len(x.keys)))
	d := &Dict{}
	for i := range x.keys {
		k := x.keys[i].eval(r)
		d.Set(k, x.values[i].eval(r))
	}
	return d
}

func (x *condExpr) eval(r *run) any {
	if truth(x.test.eval(r)) {
		return x.then.eval(r)
	}
	if x.other == nil {
		return &undefined{message: fmt.Sprintf(
			"the inline if-expression on line %d evaluated to false and no else section was defined.", x.line)}
	}
	return x.other.eval(r)
}

func (x *logicExpr) eval(r *run) any {
	v := x.left.eval(r)
	if truth(v) == x.or {
		return v
	}
	return x.right.eval(r)
}

func (x *notExpr) eval(r *run) any { return !truth(x.x.eval(r)) }

func (x *compareExpr) eval(r *run) any {
	left := x.first.eval(r)
	for i, op := range x.ops {
		right := x.rest[i].eval(r)
		if !r.compare(op, left, right) {
			return false
		}
		left = right
	}
	return true
}

func (x *concatExpr) eval(r *run) any {
	parts := make([]string, len(x.parts))
	n, safe := 0, false
	values := make([]any, len(parts))
	for i, p := range x.parts {
		values[i] = p.eval(r)
		_, is := values[i].(markup)
		safe = safe || is
	}
	for i, v := range values {
		if x.escape == escapes && safe {
			parts[i] = r.escaped(v)
		} else {
			parts[i] = r.str(v)
		}
		n += len(parts[i])
	}
	s := r.joined(parts, "", n)
	if x.escape == escapes && safe {
		return markup(s)
	}
	return s
}

func (x *attrExpr) eval(r *run) any {
	r.step(1)
	return r.getattr(x.x.eval(r), x.name)
}

func (x *itemExpr) eval(r *run) any {
	r.step(1)
	v := x.x.eval(r)
	return r.getitem(v, x.key.eval(r))
}

func (x *sliceExpr) eval(r *run) any {
	r.step(1)
	v := x.x.eval(r)
	part := func(p expr) any {
		if p == nil {
			return nil
		}
		return p.eval(r)
	}
	start, stop, step := part(x.start), part(x.stop), part(x.step)
	if x.folded && !sliceable(v, start, stop, step) {
		return &undefined{message: typeName(v) + " object has no such part"}
	}
	return r.slice(v, start, stop, step)
}

// sliceable reports whether v can be cut at all.
func sliceable(v any, bounds ...any) bool {
	switch v.(type) {
	case *undefined:
		return true
	case *List, *Tuple, group, string, markup, *numbers:
	default:
		return false
	}
	for _, b := range bounds {
		if _, ok := integer(b); b != nil && !ok {
			return false
		}
	}
	return true
}

func (x *callExpr) eval(r *run) any { return x.run(r, nil) }

// run calls with the body of a call block, if there is one.
func (x *callExpr) run(r *run, caller *macro) any {
	r.step(1)
	f := x.f.eval(r)
	a := x.arguments.eval(r)
	if caller != nil {
		a.names, a.values = append(a.names, "caller"), append(a.values, caller)
	}
	r.line = x.line
	return r.call(f, a)
}

func (r *run) call(f any, a *args) any {
	switch f := f.(type) {
	case *native:
		return f.call(r, a)
	case *macro:
		return f.call(r, a)
	case *undefined:
		f.fail()
	case *joiner:
		a.positional("joiner", 0, 0)
		return f.next()
	case *loopContext:
		v := a.bind("loop", 1, "iterable")[0]
		if f.recurse == nil {
			fail("The loop must have the 'recursive' marker to be called recursively.")
		}
		return f.recurse(v, f.depth0+1)
	}
	fail("'%s' object is not callable", typeName(f))
	return nil
}

// filter is a filter or a test: what x and arguments give.
type filter func(r *run, x any, a *args) any

func (x *filterExpr) eval(r *run) any { return x.apply(r, x.x.eval(r)) }

func (x *filterExpr) apply(r *run, v any) any {
	r.read(v)
	if inner, ok := x.x.(*filterExpr); ok && inner.inBlock() {
		v = inner.apply(r, v)
	}
	a := x.arguments.eval(r)
	if x.f == nil {
		failAt(x.line, "No filter named '%s' found.", x.name)
	}
	return x.f(r, v, a)
}

// read counts a step, and more for a long text, which is looked through.
func (r *run) read(v any) {
	s, _ := text(v)
	r.step(1 + len(s)>>4)
}

// inBlock reports whether the first of the filters in a row takes the text of a block.
func (x *filterExpr) inBlock() bool {
	if x.x == nil {
		return true
	}
	inner, ok := x.x.(*filterExpr)
	return ok && inner.inBlock()
}

func (x *testExpr) eval(r *run) any {
	v := x.x.eval(r)
	r.read(v)
	a := x.arguments.eval(r)
	if x.f == nil {
		failAt(x.line, "No test named '%s' found.", x.name)
	}
	return truth(x.f(r, v, a))
}
