package jinja

import (
	"strings"
	"time"
)

// Template is a parsed template. It is immutable, and renders many conversations at once.
type Template struct {
	body     []stmt
	function *function
	enter    []load
	blocks   map[string]*blockNode
	self     int // place of the variable self, -1 when it is not used
}

// Parse reads a template. Its error is an *Error.
func Parse(source string) (t *Template, err error) {
	line := 0
	defer recovered(&err, &line)
	if len(source) > maxSource {
		failLimit("the template has %d bytes, the limit is %d", len(source), maxSource)
	}
	p := &parser{tokens: lex(strings.ToValidUTF8(source, "\ufffd"))}
	t = &Template{}
	t.body = p.body()
	resolve(t)
	return t, nil
}

// recovered turns the panic of fail into an error. Other panics are defects of this package and go
// on.
func recovered(err *error, line *int) {
	switch e := recover().(type) {
	case nil:
	case *Error:
		if e.Line == 0 {
			e.Line = *line
		}
		*err = e
	default:
		panic(e)
	}
}

// Render returns what the template makes of its variables. now is the time that strftime_now shows.
// The error is an *Error.
func (t *Template) Render(vars *Dict, now time.Time) (string, error) {
	text, _, err := t.render(vars, now)
	return text, err
}

func (t *Template) render(vars *Dict, now time.Time) (text string, m *meter, err error) {
	r := &run{template: t, now: now, globals: globals(), vars: map[string]any{}}
	defer recovered(&err, &r.line)
	r.meter = newMeter(bytesOf(vars, 0))
	for i, k := range vars.keys {
		if name, ok := k.(string); ok {
			r.vars[name] = vars.values[i]
		}
	}
	r.frame = newFrame(t.function, nil)
	if t.self >= 0 {
		r.frame.slots[t.self] = &selfReference{}
	}
	r.out = &buffer{meter: r.meter}
	r.load(t.enter)
	r.body(t.body)
	return r.out.String(), r.meter, nil
}

// bytesOf is about what a value holds.
func bytesOf(v any, depth int) int64 {
	deep(depth)
	n := int64(itemSize)
	switch v := v.(type) {
	case string:
		n += int64(len(v))
	case *List:
		for _, x := range v.Items {
			n += bytesOf(x, depth+1)
		}
	case *Tuple:
		for _, x := range v.Items {
			n += bytesOf(x, depth+1)
		}
	case *Dict:
		for i, k := range v.keys {
			n += bytesOf(k, depth+1) + bytesOf(v.values[i], depth+1)
		}
	}
	return n
}

// run is one rendering.
type run struct {
	*meter
	template *Template
	now      time.Time
	globals  map[string]any
	// of the template: given ones, and what it assigned outside of loops, macros and blocks
	vars   map[string]any
	frame  *frame
	out    *buffer
	escape bool // an autoescape block is on
	line   int
}

// frame holds the variables of a function that runs.
type frame struct {
	slots []any
	up    *frame // of the function around it
}

func newFrame(f *function, up *frame) *frame {
	s := &frame{make([]any, len(f.slots)), up}
	for i := range s.slots {
		s.slots[i] = missing{}
	}
	return s
}

func (r *run) at(v variable) *any {
	f := r.frame
	for range v.up {
		f = f.up
	}
	return &f.slots[v.slot]
}

// load gives the variables of a block their first values.
func (r *run) load(loads []load) {
	for _, l := range loads {
		var v any = missing{}
		switch l.from {
		case isResolved:
			v = r.resolve(l.name)
		case isAlias:
			v = *r.at(l.variable)
		}
		r.frame.slots[l.slot] = v
	}
}

func (r *run) leave(slots []int) {
	for _, s := range slots {
		r.frame.slots[s] = missing{}
	}
}

func (r *run) resolve(name string) any {
	if v, ok := r.vars[name]; ok {
		return v
	}
	if v, ok := r.globals[name]; ok {
		return v
	}
	return missing{}
}

// buffer collects output within the limit of one value.
type buffer struct {
	strings.Builder
	*meter
}

func (b *buffer) write(s string) {
	if n := int64(b.Len() + len(s)); n > b.value {
		b.grow(n) // fails
	}
	b.grow(int64(len(s)))
	b.WriteString(s)
}

// capture is what f writes.
func (r *run) capture(f func()) string {
	before := r.out
	r.out = &buffer{meter: r.meter}
	f()
	s := r.out.String()
	r.out = before
	return s
}
