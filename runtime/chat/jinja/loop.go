package jinja

// loopContext is the variable loop.
type loopContext struct {
	r            *run
	next         iterator
	source       any
	index0       int
	known        int // length, -1 while it is not known
	after        any
	peeked, done bool
	current      any
	before       any
	changed      *Tuple
	depth0       int
	recurse      func(v any, depth int) any
}

func newLoop(r *run, source any, next iterator) *loopContext {
	return &loopContext{r: r, source: source, next: next, index0: -1, known: -1, current: missing{}, before: missing{}}
}

func (l *loopContext) advance() (any, bool) {
	var v any
	ok := true
	if l.peeked {
		v, ok, l.peeked = l.after, !l.done, false
	} else {
		v, ok = l.next()
	}
	if !ok {
		return nil, false
	}
	l.index0++
	l.before, l.current = l.current, v
	return v, true
}

// peek is the next item, which stays the next one.
func (l *loopContext) peek() (any, bool) {
	if !l.peeked {
		var ok bool
		l.after, ok = l.next()
		l.done, l.peeked = !ok, true
	}
	return l.after, !l.done
}

func (l *loopContext) length() int {
	if l.known < 0 {
		if n, ok := length(l.source); ok {
			l.known = n
		} else {
			rest := l.r.items(&generator{next: l.next})
			l.next = overItems(rest)
			l.known = len(rest) + l.index0 + 1
			if l.peeked && !l.done {
				l.known++
			}
		}
	}
	return l.known
}

func (l *loopContext) attribute(name string) (any, bool) {
	switch name {
	case "index0":
		return int64(l.index0), true
	case "index":
		return int64(l.index0 + 1), true
	case "length":
		return int64(l.length()), true
	case "revindex0":
		return int64(l.length() - l.index0 - 1), true
	case "revindex":
		return int64(l.length() - l.index0), true
	case "first":
		return l.index0 == 0, true
	case "last":
		_, more := l.peek()
		return !more, true
	case "depth0":
		return int64(l.depth0), true
	case "depth":
		return int64(l.depth0 + 1), true
	case "previtem":
		if l.index0 == 0 {
			return &undefined{message: "there is no previous item"}, true
		}
		return l.before, true
	case "nextitem":
		if v, ok := l.peek(); ok {
			return v, true
		}
		return &undefined{message: "there is no next item"}, true
	case "cycle":
		return &native{name: name, call: func(_ *run, a *args) any {
			if a.noNames("cycle"); len(a.pos) == 0 {
				fail("no items for cycling given")
			}
			return a.pos[l.index0%len(a.pos)]
		}}, true
	case "changed":
		return &native{name: name, call: func(r *run, a *args) any {
			a.noNames("changed")
			v := &Tuple{a.pos}
			if l.changed != nil && r.equal(l.changed, v) {
				return false
			}
			l.changed = v
			return true
		}}, true
	}
	return nil, false
}

func (n *forNode) exec(r *run) signal {
	r.line = n.line
	v := n.iter.eval(r)
	if !n.recursive {
		return n.rounds(r, v, 0, nil)
	}
	outside := r.frame
	var recurse func(v any, depth int) any
	recurse = func(v any, depth int) any {
		r.enter()
		before := r.frame
		t := r.capture(func() {
			r.frame = newFrame(n.function, outside)
			n.rounds(r, v, depth, recurse)
		})
		r.frame = before
		r.meter.leave()
		return r.safe(t)
	}
	r.print(recurse(v, 0))
	return normal
}

// rounds runs the loop over v.
func (n *forNode) rounds(r *run, v any, depth int, recurse func(any, int) any) signal {
	next := over(v)
	if n.test != nil {
		next = n.filtered(r, next)
		v = &generator{next: next}
	}
	var l *loopContext
	if n.loop >= 0 {
		l = newLoop(r, v, next)
		l.depth0, l.recurse = depth, recurse
		next = l.advance
	}
	empty := true
	jumped := normal
	for {
		x, ok := next()
		if !ok {
			break
		}
		r.step(1)
		r.assign(n.target, x)
		if l != nil {
			r.frame.slots[n.loop] = l
		}
		r.load(n.enter)
		s := r.body(n.body)
		if s == breaks {
			break
		}
		if s == normal { // after a continue the loop counts as empty so far, as in jinja2
			empty = false
		}
	}
	r.leave(n.leaves)
	if n.other != nil && empty {
		r.load(n.enterOther)
		jumped = r.body(n.other)
		r.leave(n.leavesOthers)
	}
	return jumped
}

// filtered are the items for which the loop's condition holds. It has variables of its own.
func (n *forNode) filtered(r *run, next iterator) iterator {
	up := r.frame
	if n.recursive {
		up = up.up
	}
	var own *frame
	return func() (any, bool) {
		before := r.frame
		defer func() { r.frame = before }()
		if own == nil {
			own = newFrame(n.testFn, up)
			r.frame = own
			r.load(n.enterTest)
		}
		r.frame = own
		for {
			x, ok := next()
			if !ok {
				return nil, false
			}
			r.step(1)
			r.assign(n.testTarget, x)
			if truth(n.test.eval(r)) {
				return x, true
			}
		}
	}
}
