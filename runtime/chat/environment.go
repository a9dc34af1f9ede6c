package chat

import (
	"slices"

	"github.com/nikolalohinski/gonja/v2/builtins"
	structures "github.com/nikolalohinski/gonja/v2/builtins/control_structures"
	"github.com/nikolalohinski/gonja/v2/exec"
	"github.com/nikolalohinski/gonja/v2/nodes"
	"github.com/nikolalohinski/gonja/v2/parser"
)

// What templates may use: that whose work and result are bounded by the size of its arguments, and does not reach
// outside. Filters and methods that pad, repeat or substitute are missing or written anew in functions.go and strings.go.
var (
	allowedStructures = []string{"if", "for", "set", "macro", "raw", "break", "continue"}
	allowedFilters    = []string{"abs", "capitalize", "count", "d", "default", "dictsort", "e", "escape", "first", "float",
		"int", "items", "last", "length", "list", "lower", "map", "max", "min", "reject", "rejectattr", "reverse", "round",
		"safe", "select", "selectattr", "sort", "string", "title", "trim", "upper"}
	allowedStrings = []string{"capitalize", "endswith", "find", "isalpha", "isdigit", "isspace", "lower",
		"removeprefix", "removesuffix", "splitlines", "startswith", "title", "upper"}
	allowedDicts = []string{"get", "items", "keys", "values"}
)

// environment builds what a template sees, each part metered by m.
func (m *meter) environment() *exec.Environment {
	filters := map[string]exec.FilterFunction{}
	for _, name := range allowedFilters {
		if f, ok := builtins.Filters.Get(name); ok {
			filters[name] = m.filter(f)
		}
	}
	for name, f := range m.ownFilters() {
		filters[name] = m.filter(f)
	}
	list := map[string]parser.ControlStructureParser{"generation": m.structure("generation", generationParser)}
	for _, name := range allowedStructures {
		if p, ok := builtins.ControlStructures.Get(name); ok {
			list[name] = m.structure(name, p)
		}
	}
	str := methods(m, builtins.Methods.Str, allowedStrings)
	for _, own := range []map[string]exec.Method[string]{m.ownStrings(), m.ownSplits()} {
		for name, f := range own {
			str[name] = method(m, f)
		}
	}
	return &exec.Environment{
		Filters:           exec.NewFilterSet(filters),
		ControlStructures: exec.NewControlStructureSet(list),
		Tests:             builtins.Tests,
		Context:           exec.NewContext(m.functions()),
		Methods: exec.Methods{
			Bool:  exec.NewMethodSet(map[string]exec.Method[bool]{}),
			Int:   exec.NewMethodSet(map[string]exec.Method[int]{}),
			Float: exec.NewMethodSet(map[string]exec.Method[float64]{}),
			Str:   exec.NewMethodSet(str),
			Dict:  exec.NewMethodSet(methods(m, builtins.Methods.Dict, allowedDicts)),
			List:  exec.NewMethodSet(map[string]exec.Method[[]any]{}),
		},
	}
}

func (m *meter) filter(f exec.FilterFunction) exec.FilterFunction {
	return func(e *exec.Evaluator, in *exec.Value, params *exec.VarArgs) *exec.Value {
		if in.IsError() {
			return in
		}
		err := m.step()
		for _, v := range append([]*exec.Value{in}, params.Args...) {
			if err == nil {
				err = m.value(v)
			}
		}
		if err != nil {
			return exec.AsValue(err)
		}
		out := f(e, in, params)
		if out.IsError() {
			return out
		}
		if err := m.value(out); err != nil {
			return exec.AsValue(err)
		}
		return out
	}
}

func methods[T any](m *meter, all *exec.MethodSet[T], names []string) map[string]exec.Method[T] {
	list := map[string]exec.Method[T]{}
	for _, name := range names {
		if f, ok := all.Get(name); ok {
			list[name] = method(m, f)
		}
	}
	return list
}

func method[T any](m *meter, f exec.Method[T]) exec.Method[T] {
	return func(self T, v *exec.Value, params *exec.VarArgs) (any, error) {
		if err := m.step(); err != nil {
			return nil, err
		}
		if err := m.value(v); err != nil {
			return nil, err
		}
		out, err := f(self, v, params)
		if err != nil {
			return nil, err
		}
		return out, m.value(out)
	}
}

// structure makes a control structure take steps: one when it runs, one for each round of a loop and each macro call.
func (m *meter) structure(name string, parse parser.ControlStructureParser) parser.ControlStructureParser {
	return func(p, args *parser.Parser) (nodes.ControlStructure, error) {
		g := &guarded{m: m}
		if t := args.Current(); name == "set" && t != nil {
			g.assigned = t.Val // "x" of "x = ..." and "x.y = ...": what grows
		}
		n, err := parse(p, args)
		if err != nil {
			return nil, err
		}
		switch n := n.(type) {
		case *structures.ForControlStructure:
			if n.Recursive {
				return nil, p.Error("recursive loops are not supported", args.Current())
			}
			m.watch(n.BodyWrapper)
		case *structures.MacroControlStructure:
			g.macro = n.Name
			m.watch(n.Wrapper)
		}
		var ok bool
		if g.ControlStructure, ok = n.(exec.ControlStructure); !ok {
			return nil, p.Error("this control structure is not supported", args.Current())
		}
		return g, nil
	}
}

// watch puts a step before the nodes of a body that runs many times.
func (m *meter) watch(body *nodes.Wrapper) {
	body.Nodes = slices.Insert(body.Nodes, 0, nodes.Node(&nodes.ControlStructureBlock{
		Location: body.Location, ControlStructure: &tick{body: body, m: m},
	}))
}
