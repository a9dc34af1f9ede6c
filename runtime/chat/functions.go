package chat

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nikolalohinski/gonja/v2/exec"
)

const maxRange = 10000

// functions are the names that every template finds.
func (m *meter) functions() map[string]any {
	return map[string]any{
		"range":     m.rangeOf,
		"namespace": m.namespace,
		"raise_exception": func(p *exec.VarArgs) (*exec.Value, error) {
			return nil, m.fail(fmt.Errorf("chat: the template refuses the conversation: %s", p.First().String()))
		},
	}
}

// rangeOf is Python's range, of at most maxRange numbers.
func (m *meter) rangeOf(p *exec.VarArgs) (*exec.Value, error) {
	if err := m.arguments(p); err != nil {
		return nil, err
	}
	bounds := []int{0, 0, 1}
	for i, v := range p.Args {
		if i > 2 || !v.IsInteger() {
			return nil, errors.New("range takes one to three integers")
		}
		bounds[i] = v.Integer()
	}
	start, stop, step := bounds[0], bounds[1], bounds[2]
	if len(p.Args) == 1 {
		start, stop = 0, start
	}
	if len(p.Args) == 0 || step == 0 {
		return nil, errors.New("range takes one to three integers, the step not 0")
	}
	list := []any{}
	for i := start; step > 0 && i < stop || step < 0 && i > stop; i += step {
		if len(list) == maxRange {
			return nil, m.fail(fmt.Errorf("chat: the template asks for a range of more than %d numbers", maxRange))
		}
		list = append(list, i)
	}
	return exec.AsValue(list), nil
}

// namespace is an object whose attributes a template may set from inside a loop.
func (m *meter) namespace(p *exec.VarArgs) (*exec.Value, error) {
	ns := map[string]any{}
	for k, v := range p.KwArgs {
		ns[k] = v.Interface()
	}
	return exec.AsValue(ns), m.arguments(p)
}

// ownFilters are filters whose result could dwarf their arguments, written so that they look before they build.
func (m *meter) ownFilters() map[string]exec.FilterFunction {
	return map[string]exec.FilterFunction{
		"tojson": func(_ *exec.Evaluator, in *exec.Value, p *exec.VarArgs) *exec.Value {
			s, err := toJSON(in.ToGoSimpleType(false))
			if err != nil {
				return exec.AsValue(err)
			}
			return exec.AsSafeValue(s)
		},
		"replace": func(_ *exec.Evaluator, in *exec.Value, p *exec.VarArgs) *exec.Value {
			s, err := m.replace(in.String(), nil, p)
			if err != nil {
				return exec.AsValue(err)
			}
			return exec.AsValue(s)
		},
		"join": func(_ *exec.Evaluator, in *exec.Value, p *exec.VarArgs) *exec.Value {
			separator := ""
			if len(p.Args) > 0 {
				separator = p.First().String()
			}
			s, err := m.join(separator, in)
			if err != nil {
				return exec.AsValue(err)
			}
			return exec.AsValue(s)
		},
	}
}

// ownStrings are the same for methods of strings.
func (m *meter) ownStrings() map[string]exec.Method[string] {
	return map[string]exec.Method[string]{
		"replace": m.replace,
		"join": func(self string, _ *exec.Value, p *exec.VarArgs) (any, error) {
			return m.join(self, p.First())
		},
	}
}

func (m *meter) replace(s string, _ *exec.Value, p *exec.VarArgs) (any, error) {
	if len(p.Args) < 2 || len(p.Args) > 3 {
		return nil, errors.New("replace takes a text, its replacement and perhaps a count")
	}
	from, to, count := p.Args[0].String(), p.Args[1].String(), -1
	if len(p.Args) == 3 {
		count = p.Args[2].Integer()
	}
	if grow := len(to) - len(from); grow > 0 {
		if err := m.length(len(s) + strings.Count(s, from)*grow); err != nil {
			return nil, err
		}
	}
	return strings.Replace(s, from, to, count), nil
}

func (m *meter) join(separator string, list *exec.Value) (any, error) {
	if !list.IsIterable() || list.IsString() {
		return list.String(), nil
	}
	if err := m.length(list.Len() * len(separator)); err != nil {
		return nil, err
	}
	var parts []string
	list.Iterate(func(_, _ int, item, _ *exec.Value) bool {
		parts = append(parts, item.String())
		return true
	}, func() {})
	return strings.Join(parts, separator), nil
}

// strftime is strftime_now of templates that put the date into the system prompt: C's directives, English names.
func strftime(now time.Time) func(*exec.VarArgs) (*exec.Value, error) {
	directive := map[byte]string{
		'Y': "2006", 'm': "01", 'd': "02", 'H': "15", 'M': "04", 'S': "05", 'y': "06", 'B': "January", 'b': "Jan",
		'A': "Monday", 'a': "Mon", 'I': "03", 'p': "PM", 'j': "002",
	}
	return func(p *exec.VarArgs) (*exec.Value, error) {
		var b strings.Builder
		format := p.First().String()
		for i := 0; i < len(format); i++ {
			if format[i] != '%' || i+1 == len(format) {
				b.WriteByte(format[i])
				continue
			}
			i++
			layout, ok := directive[format[i]]
			switch {
			case ok:
				b.WriteString(now.Format(layout))
			case format[i] == '%':
				b.WriteByte('%')
			default:
				return nil, fmt.Errorf("strftime_now does not know %%%c", format[i])
			}
		}
		return exec.AsValue(b.String()), nil
	}
}
