package spec

import (
	"maps"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// family expands its text once for each combination of the parameters in its over block, the last
// parameter fastest. A parameter is an integer constant anywhere in the text; name is a template:
// "lm${bits}_${n}".
func (p *parser) family(d decl) {
	members := []map[string]int{{}}
	before := p.failed
	var over *hclsyntax.Body
	for _, b := range d.body.Blocks {
		if b.Type == "over" {
			if over != nil {
				p.fail(ruleOver, b.TypeRange)
				return
			}
			over = b.Body
		}
	}
	if over == nil || len(over.Attributes) == 0 || len(over.Blocks) > 0 {
		p.fail(ruleOver, d.rng)
		return
	}
	for _, a := range attributes(over) {
		var wider []map[string]int
		values := p.parameter(a)
		if len(values)*len(members) > maxMembers {
			p.fail(ruleMembers, a.SrcRange, len(values)*len(members), maxMembers)
			return
		}
		for _, m := range members {
			for _, v := range values {
				m := maps.Clone(m)
				m[a.Name] = v
				wider = append(wider, m)
			}
		}
		members = wider
	}
	name := d.body.Attributes["name"]
	if name == nil {
		p.fail(ruleMissing, d.rng, d.name, "name")
	}
	if p.failed > before {
		return
	}
	for _, m := range members {
		s := &scope{parser: p, params: m, used: map[string]bool{}}
		text, ok := s.template(name.Expr)
		if !ok {
			return
		}
		p.typ(d, text, m)
	}
}

// parameter reads a list of integers.
func (p *parser) parameter(a *hclsyntax.Attribute) []int {
	s := &scope{parser: p, used: map[string]bool{}}
	if !s.freshName(a.Name, a.NameRange, "a family parameter") {
		return nil
	}
	tuple, ok := a.Expr.(*hclsyntax.TupleConsExpr)
	if !ok || len(tuple.Exprs) == 0 || len(tuple.Exprs) > maxList {
		p.fail(ruleParameter, a.Expr.Range(), a.Name, maxList)
		return nil
	}
	var values []int
	for _, e := range tuple.Exprs {
		if n, ok := s.constant(e); ok {
			values = append(values, n)
		}
	}
	return values
}

// template reads a quoted string in which ${...} is an integer constant.
func (s *scope) template(e hclsyntax.Expression) (string, bool) {
	var parts []hclsyntax.Expression
	switch e := e.(type) {
	case *hclsyntax.TemplateExpr:
		parts = e.Parts
	case *hclsyntax.TemplateWrapExpr:
		parts = []hclsyntax.Expression{e.Wrapped}
	default:
		s.fail(ruleTemplate, e.Range())
		return "", false
	}
	var b strings.Builder
	for _, part := range parts {
		if text, ok := part.(*hclsyntax.LiteralValueExpr); ok && text.Val.Type().FriendlyName() == "string" {
			b.WriteString(text.Val.AsString())
			continue
		}
		n, ok := s.constant(part)
		if !ok {
			return "", false
		}
		b.WriteString(strconv.Itoa(n))
	}
	return b.String(), true
}
