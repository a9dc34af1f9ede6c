package spec

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// fieldKinds are the constructors of layout, with the bytes of one element.
var fieldKinds = []struct {
	name string
	kind FieldKind
	size int
}{
	{"u8", U8, 1}, {"f16", F16, 2}, {"bf16", BF16, 2}, {"f32", F32, 4}, {"e8m0", E8M0, 1},
}

// layout reads [f16("d"), u8("qs", 16)]. A field of no elements is how a family leaves one out: its
// name exists, so that a branch that is not taken may use it, and it takes no bytes. False means
// that fields are missing after an error, so nothing can be said about codes.
func (s *scope) layout(e hclsyntax.Expression) bool {
	before := s.failed
	tuple, ok := e.(*hclsyntax.TupleConsExpr)
	if !ok || len(tuple.Exprs) == 0 || len(tuple.Exprs) > maxFields {
		s.fail(ruleLayout, e.Range(), maxFields)
		return false
	}
	for _, x := range tuple.Exprs {
		f := s.field(x)
		if f == nil {
			continue
		}
		if s.fields[f.Name] != nil {
			s.fail(ruleNameTaken, f.Range, f.Name, "a field")
			continue
		}
		s.fields[f.Name] = f
		f.Offset = s.typ.Bytes
		if f.Count > 0 {
			s.typ.Fields = append(s.typ.Fields, f)
			s.typ.Bytes += f.Bytes
		}
	}
	if s.typ.Bytes > maxBytes || s.typ.Bytes == 0 {
		s.fail(ruleBlockBytes, e.Range(), s.typ.Bytes, maxBytes)
	}
	return s.failed == before
}

// field reads one constructor. Only u8 takes a count; a scale per run of values is one field each,
// or bits of a u8.
func (s *scope) field(e hclsyntax.Expression) *Field {
	call, ok := e.(*hclsyntax.FunctionCallExpr)
	if !ok {
		s.fail(ruleField, e.Range())
		return nil
	}
	f := &Field{Count: 1, Range: call.Range()}
	size := 0
	for _, k := range fieldKinds {
		if k.name == call.Name {
			f.Kind, size = k.kind, k.size
		}
	}
	counted := f.Kind == U8 && len(call.Args) == 2
	if size == 0 || len(call.Args) != 1 && !counted {
		s.fail(ruleField, e.Range())
		return nil
	}
	name, ok := stringLiteral(call.Args[0])
	if !ok || !s.freshName(name, call.Args[0].Range(), "a field") {
		if !ok {
			s.fail(ruleField, e.Range())
		}
		return nil
	}
	f.Name = name
	if counted {
		if f.Count, ok = s.constant(call.Args[1]); !ok {
			return nil
		}
		if f.Count < 0 || f.Count > maxBytes {
			s.fail(ruleFieldCount, call.Args[1].Range(), f.Count, maxBytes)
			return nil
		}
	}
	f.Bytes = f.Count * size
	return f
}

// reserved names mean something of their own in a type.
var reserved = map[string]bool{"i": true, "x": true, "block": true, "codebook": true, "thresholds": true, "true": true, "false": true, "null": true}

// freshName checks the name of a new field, code, local or parameter.
func (s *scope) freshName(name string, rng hcl.Range, what string) bool {
	_, isParam := s.params[name]
	switch {
	case !isName(name):
		s.fail(ruleName, rng, name)
	case reserved[name]:
		s.fail(ruleReserved, rng, name, what)
	case isParam:
		s.fail(ruleNameTaken, rng, name, "a family parameter")
	case s.tables[name] != nil:
		s.fail(ruleNameTaken, rng, name, "a table")
	default:
		return true
	}
	return false
}

// stringLiteral returns the text of a quoted string without interpolation.
func stringLiteral(e hclsyntax.Expression) (string, bool) {
	t, ok := e.(*hclsyntax.TemplateExpr)
	if !ok || !t.IsStringLiteral() {
		return "", ok && len(t.Parts) == 0
	}
	return t.Parts[0].(*hclsyntax.LiteralValueExpr).Val.AsString(), true
}
