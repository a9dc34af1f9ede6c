package spec

import (
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// scope holds what names mean at one point of a declaration.
type scope struct {
	*parser
	params  map[string]int // family parameters
	block   int            // values per block; 0 where i means nothing
	noIndex bool           // i means nothing here: a constant is required
	typ     *Type          // nil in a transform or guard
	fields  map[string]*Field
	codes   map[string]*Code
	tables  map[string]*Codebook
	vars    map[string]*variable // x, what encode has assigned so far, guard variables
	encode  bool                 // names of fields and codes mean what encode assigned
	used    map[string]bool      // names that an expression has read
	read    map[string]bool      // names that value reads
}

// variable is a name with a value of its own.
type variable struct {
	node  Node
	value Expr // what was assigned; nil for an input
}

// text is the source text of e.
func (s *scope) text(e hclsyntax.Expression) string {
	r := e.Range()
	return string(r.SliceBytes(s.src[r.Filename]))
}

// rootName returns the name that e is, unless e has steps such as a.b or a[0].
func rootName(e hclsyntax.Expression) (string, bool) {
	t, ok := e.(*hclsyntax.ScopeTraversalExpr)
	if !ok || len(t.Traversal) != 1 {
		return "", false
	}
	return t.Traversal.RootName(), true
}

var opNames = map[*hclsyntax.Operation]string{
	hclsyntax.OpAdd: "+", hclsyntax.OpSubtract: "-", hclsyntax.OpMultiply: "*", hclsyntax.OpDivide: "/",
	hclsyntax.OpModulo: "%", hclsyntax.OpLessThan: "<", hclsyntax.OpLessThanOrEqual: "<=",
	hclsyntax.OpGreaterThan: ">", hclsyntax.OpGreaterThanOrEqual: ">=", hclsyntax.OpEqual: "==",
	hclsyntax.OpNotEqual: "!=", hclsyntax.OpLogicalAnd: "&&", hclsyntax.OpLogicalOr: "||",
}

func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// list is the "allowed" part of a message: each name once.
func list(names []string) string {
	slices.Sort(names)
	return strings.Join(slices.Compact(names), " ")
}
