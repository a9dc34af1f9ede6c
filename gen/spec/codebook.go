package spec

import (
	"fmt"
	"math"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/kvgen/kvgen/gen/codebook"
)

// codebook reads codebook and thresholds; either expression may be nil.
func (s *scope) codebook(levels, thresholds hclsyntax.Expression) {
	if levels == nil {
		if thresholds != nil {
			s.fail(ruleNoCodebook, thresholds.Range())
		}
		return
	}
	levels = s.choose(levels)
	var b *Codebook
	switch e := levels.(type) {
	case *hclsyntax.TupleConsExpr:
		b = s.literalBook(e)
	case *hclsyntax.FunctionCallExpr:
		b = s.computedBook(e)
	default:
		s.fail(ruleCodebook, levels.Range())
	}
	if b == nil {
		return
	}
	b.Range = levels.Range()
	b.Int8 = wholeBytes(b.Levels)
	if thresholds != nil {
		b.Thresholds = s.floats(thresholds)
		if b.Thresholds == nil {
			return
		}
		if len(b.Thresholds) != len(b.Levels)-1 || !ascending(b.Thresholds) || !ascending(b.Levels) {
			s.fail(ruleThresholds, thresholds.Range(), len(b.Thresholds), len(b.Levels)-1)
			return
		}
	} else if ascending(b.Levels) {
		b.Thresholds = midpoints(b.Levels)
	}
	s.typ.Codebook = b
}

func wholeBytes(levels []float32) bool {
	return !slices.ContainsFunc(levels, func(v float32) bool { return v != float32(int8(clamp8(v))) })
}

func clamp8(v float32) float32 { return min(127, max(-128, v)) }

func ascending(v []float32) bool {
	for i := 1; i < len(v); i++ {
		if !(v[i-1] < v[i]) {
			return false
		}
	}
	return true
}

// midpoints are exact in f64 and rounded once.
func midpoints(levels []float32) []float32 {
	t := make([]float32, len(levels)-1)
	for i := range t {
		t[i] = float32((float64(levels[i]) + float64(levels[i+1])) / 2)
	}
	return t
}

func (s *scope) literalBook(e *hclsyntax.TupleConsExpr) *Codebook {
	levels := s.floats(e)
	if levels == nil {
		return nil
	}
	return &Codebook{Dim: 1, Levels: levels, Source: "literal", Scale: 1}
}

// floats reads a list of 2 to maxLevels constants.
func (s *scope) floats(e hclsyntax.Expression) []float32 {
	tuple, ok := e.(*hclsyntax.TupleConsExpr)
	if !ok || len(tuple.Exprs) > maxLevels || len(tuple.Exprs) == 0 {
		s.fail(ruleList, e.Range(), maxLevels)
		return nil
	}
	var values []float32
	for _, x := range tuple.Exprs {
		v := s.number(x, 0)
		if v == nil {
			return nil
		}
		n, ok := toFloat(v).(*Num)
		if !ok {
			s.fail(ruleConstant, x.Range())
			return nil
		}
		values = append(values, n.F)
	}
	return values
}

// computedBook reads lloyd_max(levels, source) and int8(lloyd_max(levels, source)).
func (s *scope) computedBook(e *hclsyntax.FunctionCallExpr) *Codebook {
	inner, whole := e, false
	if e.Name == "int8" && len(e.Args) == 1 {
		if call, ok := e.Args[0].(*hclsyntax.FunctionCallExpr); ok {
			inner, whole = call, true
		}
	}
	if inner.Name != "lloyd_max" || len(inner.Args) != 2 {
		s.fail(ruleCodebook, e.Range())
		return nil
	}
	n, ok := s.constant(inner.Args[0])
	if !ok {
		return nil
	}
	if n < 2 || n > maxLevels {
		s.fail(ruleLevels, inner.Args[0].Range(), n, maxLevels)
		return nil
	}
	source, name, ok := s.source(inner.Args[1])
	if !ok {
		return nil
	}
	label := fmt.Sprintf("lloyd_max(%d, %s)", n, name)
	if whole {
		label = "int8(" + label + ")"
	}
	b := s.books[label]
	if b == nil {
		var err error
		if b, err = s.solve(n, source, whole, e.Range()); err != nil {
			s.fail(ruleSolver, e.Range(), err)
		}
		if b == nil {
			return nil
		}
		b.Source = label
		s.books[label] = b
	}
	own := *b // its position is the type's own
	return &own
}

// What a solver costs in evaluations, so that maxSteps bounds the time of a set of files.
const lloydSteps, int8Steps = 1000, 10_000

// solve computes a codebook of n levels; nil without an error when the budget of the files is
// spent.
func (s *scope) solve(n int, source codebook.Source, whole bool, rng hcl.Range) (*Codebook, error) {
	s.steps = max(0, s.steps-n*lloydSteps)
	if whole {
		s.steps = max(0, s.steps-n*int8Steps)
	}
	if !s.step(rng) {
		return nil, nil
	}
	table, err := codebook.LloydMax(n, source)
	scale := 1.0
	if err == nil && whole {
		table, scale, err = codebook.Int8(table, source)
	}
	if err != nil {
		return nil, err
	}
	b := &Codebook{Dim: 1, Scale: float32(scale), Distortion: codebook.AtScale(table, source, 1/scale)}
	for _, v := range table {
		b.Levels = append(b.Levels, float32(v))
	}
	return b, nil
}

// source reads gaussian, laplace, sphere(n) or extremum(n).
func (s *scope) source(e hclsyntax.Expression) (codebook.Source, string, bool) {
	if name, _ := rootName(e); name == "gaussian" {
		return codebook.Gaussian(), name, true
	} else if name == "laplace" {
		return codebook.Laplace(), name, true
	}
	call, ok := e.(*hclsyntax.FunctionCallExpr)
	if ok && len(call.Args) == 1 {
		switch call.Name {
		case "sphere":
			return s.sized(call, 8, ruleSphere, codebook.Sphere)
		case "extremum":
			return s.sized(call, 2, ruleExtremum, codebook.Extremum)
		}
	}
	s.fail(ruleSource, e.Range())
	return codebook.Source{}, "", false
}

// sized makes the source of a call by one number, which is least or more.
func (s *scope) sized(call *hclsyntax.FunctionCallExpr, least int, r rule, of func(int) codebook.Source) (codebook.Source, string, bool) {
	n, ok := s.constant(call.Args[0])
	if ok && (n < least || n > math.MaxInt16) {
		s.fail(r, call.Args[0].Range(), n)
		ok = false
	}
	if !ok {
		return codebook.Source{}, "", false
	}
	return of(n), fmt.Sprintf("%s(%d)", call.Name, n), true
}
