package spec

import (
	"cmp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// typeAttrs are the attributes of a type that have a meaning of their own; any other attribute is a
// code or a table.
var typeAttrs = map[string]bool{
	"name": true, "summary": true, "id": true, "use": true, "compatible_with": true, "block": true, "pad": true,
	"guard": true, "layout": true, "unused": true, "domain": true, "codebook": true, "thresholds": true, "value": true,
}

// typ reads a type block under the given name; params are those of its family, or nil.
func (p *parser) typ(d decl, name string, params map[string]int) {
	t := &Type{Name: name, ID: -1, File: d.file, Range: d.rng}
	s := &scope{
		parser: p, params: params, typ: t,
		fields: map[string]*Field{}, codes: map[string]*Code{}, tables: map[string]*Codebook{}, vars: map[string]*variable{}, used: map[string]bool{},
	}
	before := p.failed
	if n := len(d.body.Attributes); n > maxAttrs {
		p.fail(ruleAttributes, d.rng, n, maxAttrs)
		return
	}
	for _, required := range []string{"block", "layout", "value"} {
		if d.attr(required) == nil {
			p.fail(ruleMissing, d.rng, name, required)
		}
	}
	p.typeName(name, d)
	encode := s.encodeBlock(d)
	s.labels(d)
	// Everything else is per i, and i needs a block.
	if e := d.attr("block"); e == nil || !s.blockSize(e) {
		return
	}
	if !s.storage(d) {
		return // what is missing would be reported again by everything that uses it
	}
	if e := d.attr("value"); e != nil {
		s.value(e)
	}
	if encode != nil {
		s.encodeBody(encode)
	}
	if p.failed > before {
		return
	}
	for _, check := range typeChecks {
		check(s)
	}
	if p.failed == before {
		s.checkFit()
	}
	if p.failed == before {
		t.Identity = identity(t)
		p.set.Types = append(p.set.Types, t)
	}
}

// attr is the expression of an attribute, nil if the block lacks it.
func (d decl) attr(name string) hclsyntax.Expression {
	if a := d.body.Attributes[name]; a != nil {
		return a.Expr
	}
	return nil
}

// storage reads what a block holds: fields, codes, unused bits, and the codebook and domain that
// they refer to. It reports whether the names of fields have a meaning; those of codes always have.
func (s *scope) storage(d decl) bool {
	before := s.failed
	laidOut := d.attr("layout") != nil && s.layout(d.attr("layout"))
	if e := d.attr("domain"); e != nil {
		s.typ.Domain = s.domainName(e)
	}
	s.codebook(d.attr("codebook"), d.attr("thresholds"))
	ok := s.failed == before
	for _, a := range attributes(d.body) {
		switch {
		case typeAttrs[a.Name]:
		case s.isTable(a.Expr):
			s.table(a)
		case laidOut:
			s.codeAttr(a)
		}
	}
	if e := d.attr("unused"); e != nil {
		s.unused(e)
	}
	return ok
}

// codeAttr reads an attribute that is a code.
func (s *scope) codeAttr(a *hclsyntax.Attribute) {
	switch {
	case !mentionsBits(a.Expr): // more likely a misspelt attribute than a code
		s.fail(ruleAttribute, a.NameRange, "a type", a.Name, list(sortedNames(typeAttrs))+", codes made of bits(), tables made of points() or lists")
	case !s.freshName(a.Name, a.NameRange, "a code"):
	case s.fields[a.Name] != nil:
		s.fail(ruleNameTaken, a.NameRange, a.Name, "a field")
	default:
		c := s.code(a.Name, a.Expr)
		if c == nil { // what uses it is not at fault
			c = &Code{Name: a.Name, Bits: 1, Group: 1, Range: a.NameRange}
		}
		s.codes[a.Name] = c
		s.typ.Codes = append(s.typ.Codes, c)
	}
}

// mentionsBits reports whether e calls bits() or sbits() anywhere.
func mentionsBits(e hclsyntax.Expression) bool {
	found := false
	hclsyntax.VisitAll(e, func(n hclsyntax.Node) hcl.Diagnostics {
		call, ok := n.(*hclsyntax.FunctionCallExpr)
		found = found || ok && (call.Name == "bits" || call.Name == "sbits")
		return nil
	})
	return found
}

// typeName checks that name is fit and new.
func (p *parser) typeName(name string, d decl) {
	if !isName(name) {
		p.fail(ruleName, d.rng, name)
		return
	}
	low := strings.ToLower(name)
	if first, taken := p.typeNames[low]; taken {
		p.fail(ruleDuplicate, d.rng, "type", name, first.Filename, first.Start.Line)
		return
	}
	p.typeNames[low] = d.rng
}

// takeID returns the type that holds t's number: t itself, unless another type had it first.
func (p *parser) takeID(t *Type) *Type {
	if p.ids[t.ID] == nil && t.ID >= 0 {
		p.ids[t.ID] = t
	}
	return cmp.Or(p.ids[t.ID], t)
}

// blockSize reads block. One value per block is for plain floats, see checkPlain.
func (s *scope) blockSize(e hclsyntax.Expression) bool {
	n, ok := s.constant(e)
	if !ok {
		return false
	}
	if n != 1 && (n < minBlock || n > maxBlock) {
		s.fail(ruleBlock, e.Range(), n, minBlock, maxBlock)
		return false
	}
	s.block, s.typ.Block = n, n
	return true
}

// labels reads the attributes that say who may use a type and how it is called.
func (s *scope) labels(d decl) {
	t := s.typ
	if e := d.attr("name"); e != nil && s.params == nil {
		s.fail(ruleFamilyOnly, e.Range())
	}
	if e := d.attr("summary"); e != nil {
		t.Summary = s.label(e)
	}
	if e := d.attr("compatible_with"); e != nil {
		t.Compatible = s.label(e)
	}
	if e := d.attr("id"); e != nil {
		if n, ok := s.constant(e); ok && (n < 0 || n > 0xffff) {
			s.fail(ruleID, e.Range(), n)
		} else if ok {
			t.ID = n
			if first := s.takeID(t); first != t {
				s.fail(ruleIDTaken, e.Range(), n, first.Name, first.Range.Filename, first.Range.Start.Line)
			}
		}
	}
	if e := d.attr("pad"); e != nil {
		switch text := s.text(e); text {
		case "true", "false":
			t.Pad = text == "true"
		default:
			s.fail(rulePad, e.Range())
		}
	}
	if e := d.attr("guard"); e != nil {
		t.Guard = s.guard(e)
	}
	if e := d.attr("use"); e != nil {
		s.use(e)
	}
}

// use reads [kv, weight].
func (s *scope) use(e hclsyntax.Expression) {
	tuple, ok := e.(*hclsyntax.TupleConsExpr)
	if !ok || len(tuple.Exprs) == 0 {
		s.fail(ruleUse, e.Range())
		return
	}
	for _, x := range tuple.Exprs {
		switch name, _ := rootName(x); name {
		case "kv":
			s.typ.KV = true
		case "weight":
			s.typ.Weight = true
		default:
			s.fail(ruleUse, x.Range())
		}
	}
}

// label reads one line of text, in which a family may interpolate its parameters.
func (s *scope) label(e hclsyntax.Expression) string {
	text, ok := s.template(e)
	if ok && (len(text) > maxText || strings.ContainsFunc(text, func(c rune) bool { return c < ' ' })) {
		s.fail(ruleText, e.Range(), maxText)
	}
	return text
}

// domainName resolves the transform that domain names, perhaps one of several by a family's
// parameter.
func (s *scope) domainName(e hclsyntax.Expression) *Transform {
	t := s.transformName(s.choose(e))
	if t == nil || !s.fits(t, e.Range()) {
		return nil
	}
	return t
}

// choose returns the branch that conditionals on constants select.
func (s *scope) choose(e hclsyntax.Expression) hclsyntax.Expression {
	for range maxDepth {
		switch x := e.(type) {
		case *hclsyntax.ParenthesesExpr:
			e = x.Expression
			continue
		case *hclsyntax.ConditionalExpr:
			outer := s.noIndex
			s.noIndex = true
			ok := s.indexOnly(x.Condition, 0)
			var c index
			if ok {
				c, ok = s.eval(x.Condition, 0)
			}
			s.noIndex = outer
			if !ok || !c.bool {
				return e
			}
			e = x.FalseResult
			if c.n != 0 {
				e = x.TrueResult
			}
			continue
		}
		break
	}
	return e
}

// unexpected reports the attributes of body that are not in allowed, and all blocks.
func (p *parser) unexpected(body *hclsyntax.Body, what string, allowed ...string) {
	for _, a := range attributes(body) {
		if !slices.Contains(allowed, a.Name) {
			p.fail(ruleAttribute, a.NameRange, what, a.Name, list(allowed))
		}
	}
	for _, b := range body.Blocks {
		p.fail(ruleAttribute, b.TypeRange, what, b.Type, list(allowed))
	}
}
