package jinja

import "slices"

// args are the arguments of one call.
type args struct {
	pos    []any
	names  []string
	values []any
}

func (a *arguments) eval(r *run) *args {
	out := &args{}
	for _, x := range a.pos {
		out.pos = append(out.pos, x.eval(r))
	}
	if a.star != nil {
		out.pos = append(slices.Clone(out.pos), r.items(a.star.eval(r))...)
	}
	for i, x := range a.values {
		out.names = append(out.names, a.names[i])
		out.values = append(out.values, x.eval(r))
	}
	if a.starStar != nil {
		d, ok := a.starStar.eval(r).(*Dict)
		if !ok {
			fail("argument after ** must be a mapping")
		}
		for i, k := range d.keys {
			name, ok := text(k)
			if !ok {
				fail("keywords must be strings")
			}
			if slices.Contains(out.names, name) {
				fail("got multiple values for keyword argument '%s'", name)
			}
			out.names, out.values = append(out.names, name), append(out.values, d.values[i])
		}
	}
	r.step(len(out.pos) + len(out.names))
	return out
}

// take removes a keyword argument.
func (a *args) take(name string) (any, bool) {
	i := slices.Index(a.names, name)
	if i < 0 {
		return nil, false
	}
	v := a.values[i]
	a.names, a.values = slices.Delete(slices.Clone(a.names), i, i+1), slices.Delete(slices.Clone(a.values), i, i+1)
	return v, true
}

// bind gives the arguments the names of a function's parameters, of which the first must be there.
// What is not given is missing.
func (a *args) bind(function string, required int, params ...string) []any {
	out := make([]any, len(params))
	if len(a.pos) > len(params) {
		fail("%s() takes at most %d arguments, %d are given", function, len(params), len(a.pos))
	}
	for i := range out {
		out[i] = missing{}
		if i < len(a.pos) {
			out[i] = a.pos[i]
		}
	}
	for i, name := range a.names {
		at := slices.Index(params, name)
		if at < 0 {
			fail("%s() got an unexpected keyword argument '%s'", function, name)
		}
		if out[at] != (missing{}) {
			fail("%s() got multiple values for argument '%s'", function, name)
		}
		out[at] = a.values[i]
	}
	for i := range required {
		if out[i] == (missing{}) {
			fail("%s() missing a required argument: '%s'", function, params[i])
		}
	}
	return out
}

func (a *args) noNames(function string) {
	if len(a.names) > 0 {
		fail("%s() takes no keyword arguments", function)
	}
}

// positional are the arguments of a function that takes them by place only.
func (a *args) positional(function string, least, most int) []any {
	a.noNames(function)
	if len(a.pos) < least || len(a.pos) > most {
		fail("%s() takes %d to %d arguments, %d are given", function, least, most, len(a.pos))
	}
	out := make([]any, most)
	for i := range out {
		out[i] = missing{}
	}
	copy(out, a.pos)
	return out
}

func given(v any) bool { return v != missing{} }

// or is v, or a default when it is not given.
func or[T any](v any, otherwise T) any {
	if !given(v) {
		return otherwise
	}
	return v
}
