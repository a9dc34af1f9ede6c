package spec

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// function is a built-in function and how its arguments are read.
type function struct {
	name string
	form func(s *scope, e *hclsyntax.FunctionCallExpr, depth int) Expr
}

// functions lists the built-in functions by the form of their arguments; the meaning of each is at
// Call.
func functions() []function {
	return []function{
		{"sum", (*scope).reduce},
		{"min", (*scope).minMax},
		{"max", (*scope).minMax},
		{"absmax", (*scope).reduce},
		{"extremum", (*scope).reduce},
		{"clamp", (*scope).lanes},
		{"abs", (*scope).lanes},
		{"sqrt", (*scope).floatLanes},
		{"inv", (*scope).floatLanes},
		{"floor", (*scope).floatLanes},
		{"f16", (*scope).floatLanes},
		{"bf16", (*scope).floatLanes},
		{"e8m0", (*scope).floatLanes},
		{"trunc", (*scope).toInt},
		{"rint", (*scope).toInt},
		{"round", (*scope).toInt},
		{"float", (*scope).float},
		{"as_f16", (*scope).asF16},
		{"nearest", (*scope).nearest},
		{"inverse", (*scope).inverse},
		{"domain", (*scope).domain},
	}
}

// call resolves a built-in function, or a transform by its name.
func (s *scope) call(e *hclsyntax.FunctionCallExpr, depth int) Expr {
	if e.ExpandFinal {
		s.fail(ruleExpression, e.Range())
		return nil
	}
	for _, f := range functions() {
		if f.name == e.Name {
			return f.form(s, e, depth)
		}
	}
	if t := s.transforms[e.Name]; t != nil {
		return s.transformCall(e, "transform", t, e.Args, depth)
	}
	if e.Name == "bits" || e.Name == "sbits" {
		s.fail(ruleBareBits, e.NameRange, e.Name)
		return nil
	}
	var allowed []string
	for _, f := range functions() {
		allowed = append(allowed, f.name)
	}
	s.fail(ruleFunction, e.NameRange, e.Name, list(append(allowed, sortedNames(s.transforms)...)))
	return nil
}

// args resolves exactly want arguments as numbers.
func (s *scope) args(e *hclsyntax.FunctionCallExpr, want string, n, depth int) []Expr {
	if len(e.Args) != n {
		s.fail(ruleArguments, e.Range(), e.Name, want, len(e.Args))
		return nil
	}
	var xs []Expr
	for _, a := range e.Args {
		xs = append(xs, s.number(a, depth))
	}
	if slices.Contains(xs, nil) {
		return nil
	}
	return xs
}

// reduce resolves f(x) over the block and f(x, n) over runs of n values.
func (s *scope) reduce(e *hclsyntax.FunctionCallExpr, depth int) Expr {
	if len(e.Args) != 1 && len(e.Args) != 2 {
		s.fail(ruleArguments, e.Range(), e.Name, "a vector and perhaps a run length", len(e.Args))
		return nil
	}
	x := s.number(e.Args[0], depth)
	if x == nil {
		return nil
	}
	x = toFloat(x)
	if _, shape := x.Type(); shape != Vector {
		s.fail(ruleReduce, e.Range(), e.Name)
		return nil
	}
	if len(e.Args) == 1 {
		return &Call{Node: s.node(Float, Scalar, s.whole(), e.Range()), Fn: e.Name, Args: []Expr{x}}
	}
	n, ok := s.constant(e.Args[1])
	if !ok {
		return nil
	}
	if n < 1 || s.block%n != 0 {
		s.fail(ruleRun, e.Args[1].Range(), n, s.block)
		return nil
	}
	return &Call{Node: s.node(Float, Vector, n, e.Range()), Fn: e.Name, Args: []Expr{x}, Group: n}
}

// minMax resolves min(x) and min(x, n) as reductions and min(a, b) lane by lane. A float vector
// followed by an integer constant is a reduction over runs: write min(x, 16.0) for the smaller of
// two values. Runs of a few values are refused, since what was meant is most likely that.
func (s *scope) minMax(e *hclsyntax.FunctionCallExpr, depth int) Expr {
	if len(e.Args) != 2 {
		return s.reduce(e, depth)
	}
	xs := s.args(e, "1 or 2 numbers", 2, depth)
	if xs == nil {
		return nil
	}
	kind, shape := xs[0].Type()
	if n, ok := xs[1].(*Num); ok && n.Kind == Int && kind == Float && shape == Vector {
		if n.I < minRun || s.block%n.I != 0 {
			s.fail(ruleClip, e.Range(), e.Name, n.I, minRun, s.block, map[string]string{"min": "smaller", "max": "larger"}[e.Name])
			return nil
		}
		return s.reduce(e, depth)
	}
	return lanewise(e, xs)
}

func (s *scope) lanes(e *hclsyntax.FunctionCallExpr, depth int) Expr {
	want, n := "1 number", 1
	if e.Name == "clamp" {
		want, n = "3 numbers (value, low, high)", 3
	}
	xs := s.args(e, want, n, depth)
	if xs == nil {
		return nil
	}
	return lanewise(e, xs)
}

func (s *scope) floatLanes(e *hclsyntax.FunctionCallExpr, depth int) Expr {
	xs := s.args(e, "1 number", 1, depth)
	if xs == nil {
		return nil
	}
	return lanewise(e, []Expr{toFloat(xs[0])})
}

// lanewise makes a call of e's name on arguments of one kind.
func lanewise(e *hclsyntax.FunctionCallExpr, xs []Expr) Expr {
	if slices.ContainsFunc(xs, func(x Expr) bool { return kindOf(x) == Float }) {
		for i, x := range xs {
			xs[i] = toFloat(x)
		}
	}
	return &Call{Node: join(kindOf(xs[0]), e.Range(), xs...), Fn: e.Name, Args: xs}
}

func (s *scope) toInt(e *hclsyntax.FunctionCallExpr, depth int) Expr {
	xs := s.args(e, "1 float", 1, depth)
	if xs == nil {
		return nil
	}
	if kindOf(xs[0]) != Float {
		s.fail(ruleKind, e.Args[0].Range(), "a float", kindName(Int))
		return nil
	}
	return &Call{Node: join(Int, e.Range(), xs...), Fn: e.Name, Args: xs}
}

func (s *scope) float(e *hclsyntax.FunctionCallExpr, depth int) Expr {
	xs := s.args(e, "1 number", 1, depth)
	if xs == nil {
		return nil
	}
	return toFloat(xs[0])
}

// asF16 resolves as_f16(integer of 16 bits).
func (s *scope) asF16(e *hclsyntax.FunctionCallExpr, depth int) Expr {
	xs := s.args(e, "1 integer", 1, depth)
	if xs == nil {
		return nil
	}
	if kindOf(xs[0]) != Int {
		s.fail(ruleKind, e.Args[0].Range(), "an integer", kindName(Float))
		return nil
	}
	if b := xs[0].Bounds(); !b.Within(0, 1<<16-1) {
		s.fail(ruleLookup, e.Args[0].Range(), b, 1<<16-1)
		return nil
	}
	return &Call{Node: join(Float, e.Range(), xs...), Fn: e.Name, Args: xs}
}

// inverse resolves inverse(transform, x).
func (s *scope) inverse(e *hclsyntax.FunctionCallExpr, depth int) Expr {
	if len(e.Args) != 2 {
		s.fail(ruleArguments, e.Range(), e.Name, "a transform and a vector", len(e.Args))
		return nil
	}
	t := s.transformName(e.Args[0])
	if t == nil {
		return nil
	}
	return s.transformCall(e, "inverse", t, e.Args[1:], depth)
}

// domain resolves domain(x): the transform that the type declares as its domain.
func (s *scope) domain(e *hclsyntax.FunctionCallExpr, depth int) Expr {
	if s.typ == nil || s.typ.Domain == nil {
		s.fail(ruleNoDomain, e.NameRange)
		return nil
	}
	return s.transformCall(e, "transform", s.typ.Domain, e.Args, depth)
}

func (s *scope) transformCall(e *hclsyntax.FunctionCallExpr, fn string, t *Transform, args []hclsyntax.Expression, depth int) Expr {
	if len(args) != 1 {
		s.fail(ruleArguments, e.Range(), e.Name, "1 vector", len(args))
		return nil
	}
	x := s.number(args[0], depth)
	if x == nil {
		return nil
	}
	x = toFloat(x)
	if _, shape := x.Type(); shape != Vector {
		s.fail(ruleReduce, e.Range(), e.Name)
		return nil
	}
	if !s.fits(t, e.Range()) {
		return nil
	}
	return &Call{Node: s.node(Float, Vector, 1, e.Range()), Fn: fn, Args: []Expr{x}, Transform: t}
}

// fits checks that blocks are whole runs of t.
func (s *scope) fits(t *Transform, rng hcl.Range) bool {
	if s.block%t.Size != 0 {
		s.fail(ruleTransformSize, rng, t.Name, t.Size, s.block)
		return false
	}
	return true
}
