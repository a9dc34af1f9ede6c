package jinja

import (
	"maps"
	"slices"
	"strconv"
)

// function is what has variables of its own: the template, a macro, a block, a recursive loop, the
// test of a loop. Blocks of tags inside it share its places.
type function struct {
	parent *function
	slots  map[string]int
}

func newFunction(parent *function) *function { return &function{parent, map[string]int{}} }

func (f *function) slot(ident string) int {
	n, ok := f.slots[ident]
	if !ok {
		n = len(f.slots)
		f.slots[ident] = n
	}
	return n
}

// ref is a variable by its level and name, which is how jinja2's compiler calls it, and the
// function it is of.
type ref struct {
	ident string
	fn    *function
}

// from says what a variable is at the beginning of its block.
type from int

const (
	isParameter from = iota
	isResolved       // looked up among the variables of the template and the globals
	isAlias          // what the variable of that name outside is
	isUndefined
)

type origin struct {
	from  from
	name  string
	alias ref
}

// load gives a variable its first value.
type load struct {
	slot int
	from from
	name string
	variable
}

// symbols are the names that a block of tags uses. As in jinja2, a name belongs to the block that
// assigns it anywhere in its own tags, and a block starts with a copy of what is outside.
type symbols struct {
	level  int
	parent *symbols
	fn     *function
	refs   map[string]ref
	loads  map[string]origin
	stores map[string]bool
	work   *int // entries copied so far
}

func newSymbols(parent *symbols, fn *function) *symbols {
	s := &symbols{parent: parent, fn: fn, refs: map[string]ref{}, loads: map[string]origin{}, stores: map[string]bool{}}
	if parent != nil {
		s.level = parent.level + 1
		s.work = parent.work
	}
	return s
}

func (s *symbols) copy() *symbols {
	if *s.work += 1 + len(s.refs) + len(s.loads) + len(s.stores); *s.work > maxCopies {
		failLimit("the template assigns too many names in too many branches: more than %d in all", maxCopies)
	}
	c := *s
	c.refs, c.loads, c.stores = maps.Clone(s.refs), maps.Clone(s.loads), maps.Clone(s.stores)
	return &c
}

func (s *symbols) define(name string, o origin) ref {
	r := ref{strconv.Itoa(s.level) + name, s.fn}
	s.refs[name] = r
	s.loads[r.ident] = o
	return r
}

func (s *symbols) find(name string) (ref, bool) {
	for ; s != nil; s = s.parent {
		if r, ok := s.refs[name]; ok {
			return r, true
		}
	}
	return ref{}, false
}

func (s *symbols) outside(name string) (ref, bool) { return s.parent.find(name) }

func (s *symbols) load(name string) {
	if _, ok := s.find(name); !ok {
		s.define(name, origin{from: isResolved, name: name})
	}
}

func (s *symbols) store(name string) {
	s.stores[name] = true
	if _, ok := s.refs[name]; ok {
		return
	}
	if r, ok := s.outside(name); ok {
		s.define(name, origin{from: isAlias, alias: r})
		return
	}
	s.define(name, origin{from: isUndefined})
}

func (s *symbols) parameter(name string) int {
	s.stores[name] = true
	return s.fn.slot(s.define(name, origin{from: isParameter}).ident)
}

// branches takes over what the branches of an if use. What only some of them assign keeps its value
// from before.
func (s *symbols) branches(all ...*symbols) {
	stored := map[string]bool{}
	for _, b := range all {
		for name := range b.stores {
			stored[name] = stored[name] || !s.stores[name]
		}
	}
	for _, b := range all {
		maps.Copy(s.refs, b.refs)
		maps.Copy(s.loads, b.loads)
		maps.Copy(s.stores, b.stores)
	}
	for name, is := range stored {
		if !is {
			continue
		}
		r, _ := s.find(name)
		if outer, ok := s.outside(name); ok {
			s.loads[r.ident] = origin{from: isAlias, alias: outer}
		} else {
			s.loads[r.ident] = origin{from: isResolved, name: name}
		}
	}
}

// variable is the place of r seen from a function inside r's.
func (r ref) variable(fn *function) variable {
	v := variable{slot: r.fn.slot(r.ident)}
	for ; fn != r.fn; fn = fn.parent {
		v.up++
	}
	return v
}

// enter lists the first values of the block's variables, and the places that are empty again after
// it.
func (s *symbols) enter() (loads []load, leaves []int) {
	for _, ident := range slices.Sorted(maps.Keys(s.loads)) {
		o := s.loads[ident]
		l := load{slot: s.fn.slot(ident), from: o.from, name: o.name}
		leaves = append(leaves, l.slot)
		switch o.from {
		case isParameter:
			continue
		case isAlias:
			l.variable = o.alias.variable(s.fn)
		}
		loads = append(loads, l)
	}
	return loads, leaves
}
