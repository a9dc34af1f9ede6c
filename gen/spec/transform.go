package spec

import (
	"fmt"
	"math"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// transform reads a transform block.
func (p *parser) transform(d decl) {
	p.unexpected(d.body, "a transform", "summary", "kind", "size", "left", "right")
	s := &scope{parser: p, used: map[string]bool{}}
	before := p.failed
	t := &Transform{Name: d.name, File: d.file, Range: d.rng}
	switch first := p.declared(d.name); {
	case !isName(d.name):
		p.fail(ruleName, d.rng, d.name)
	case p.isFunction(d.name):
		p.fail(ruleReserved, d.rng, d.name, "a transform")
	case first != nil:
		p.fail(ruleDuplicate, d.rng, "transform", d.name, first.Range.Filename, first.Range.Start.Line)
	}
	for _, required := range []string{"kind", "size"} {
		if d.body.Attributes[required] == nil {
			p.fail(ruleMissing, d.rng, d.name, required)
		}
	}
	if a := d.body.Attributes["kind"]; a != nil {
		if kind, _ := rootName(a.Expr); kind != "wht" {
			p.fail(ruleTransformKind, a.Expr.Range())
		}
	}
	if a := d.body.Attributes["summary"]; a != nil {
		t.Summary = s.label(a.Expr)
	}
	a := d.body.Attributes["size"]
	if a == nil {
		return
	}
	size, ok := s.constant(a.Expr)
	if !ok {
		return
	}
	if !isTransformSize(size) {
		p.fail(ruleTransformPower, a.Expr.Range(), size, minTransform, maxTransform)
		return
	}
	setSize(t, size)
	t.Left = s.signs(d.body.Attributes["left"], size)
	t.Right = s.signs(d.body.Attributes["right"], size)
	if p.failed == before {
		p.transforms[d.name] = t
		p.set.Transforms = append(p.set.Transforms, t)
	}
}

const minTransform, maxTransform = 16, 512

func isTransformSize(n int) bool { return n >= minTransform && n <= maxTransform && n&(n-1) == 0 }

func setSize(t *Transform, n int) {
	t.Size, t.Norm = n, float32(1/math.Sqrt(float64(n)))
}

// signs reads left or right: signs("pcg64", seed, skip) or signs("golden").
func (s *scope) signs(a *hclsyntax.Attribute, n int) []float32 {
	if a == nil {
		return nil
	}
	call, ok := a.Expr.(*hclsyntax.FunctionCallExpr)
	if !ok || call.Name != "signs" || len(call.Args) == 0 {
		s.fail(ruleSigns, a.Expr.Range())
		return nil
	}
	generator, _ := stringLiteral(call.Args[0])
	switch {
	case generator == "golden" && len(call.Args) == 1:
		return goldenSigns(n)
	case generator == "pcg64" && len(call.Args) == 3:
		seed, ok := s.constant(call.Args[1])
		skip, ok2 := s.constant(call.Args[2])
		if !ok || !ok2 {
			return nil
		}
		if seed < 0 || skip < 0 || skip > maxSkip {
			s.fail(ruleSeed, a.Expr.Range(), maxSkip)
			return nil
		}
		return pcg64Signs(uint64(seed), skip, n)
	}
	s.fail(ruleSigns, a.Expr.Range())
	return nil
}

// rotation reads a rotation block. Its tile is the transform without signs of that size, declared
// or made here.
func (p *parser) rotation(d decl) {
	p.unexpected(d.body, "a rotation", "summary", "tile", "guard")
	s := &scope{parser: p, used: map[string]bool{}}
	before := p.failed
	r := &Rotation{Name: d.name, File: d.file, Range: d.rng}
	if !isName(d.name) {
		p.fail(ruleName, d.rng, d.name)
	}
	for _, other := range p.set.Rotations {
		if other.Name == d.name {
			p.fail(ruleDuplicate, d.rng, "rotation", d.name, other.Range.Filename, other.Range.Start.Line)
		}
	}
	if a := d.body.Attributes["summary"]; a != nil {
		r.Summary = s.label(a.Expr)
	}
	if a := d.body.Attributes["guard"]; a != nil {
		r.Guard = s.guard(a.Expr)
	}
	a := d.body.Attributes["tile"]
	if a == nil {
		p.fail(ruleMissing, d.rng, d.name, "tile")
		return
	}
	if size, ok := s.constant(a.Expr); ok && !isTransformSize(size) {
		p.fail(ruleTransformPower, a.Expr.Range(), size, minTransform, maxTransform)
	} else if ok {
		r.Tile = p.plain(size, d)
		s.satisfiable(r.Guard, size, true, false)
	}
	if p.failed == before {
		p.set.Rotations = append(p.set.Rotations, r)
	}
}

// plain returns the transform of n values without signs. If no file declares one it is added as
// hadamard<n>, with an _ appended while a file uses that name for a transform with signs.
func (p *parser) plain(n int, d decl) *Transform {
	for _, t := range p.set.Transforms {
		if t.Size == n && t.Left == nil && t.Right == nil {
			return t
		}
	}
	t := &Transform{Name: fmt.Sprintf("hadamard%d", n), File: d.file, Range: d.rng}
	for p.declared(t.Name) != nil {
		t.Name += "_"
	}
	setSize(t, n)
	p.addTransform(t)
	return t
}

// declared finds the transform whose name equals name but for case, or nil.
func (p *parser) declared(name string) *Transform {
	for _, t := range p.set.Transforms {
		if strings.EqualFold(t.Name, name) {
			return t
		}
	}
	return nil
}

func (p *parser) addTransform(t *Transform) {
	p.transforms[t.Name] = t
	p.set.Transforms = append(p.set.Transforms, t)
}

// transformName resolves the name of a declared transform.
func (s *scope) transformName(e hclsyntax.Expression) *Transform {
	name, _ := rootName(e)
	t := s.transforms[name]
	if t == nil {
		s.fail(ruleTransformName, e.Range(), list(sortedNames(s.transforms)))
	}
	return t
}

func (p *parser) isFunction(name string) bool {
	for _, f := range functions() {
		if f.name == name {
			return true
		}
	}
	return name == "bits" || name == "sbits"
}
