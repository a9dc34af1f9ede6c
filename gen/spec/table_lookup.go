package spec

import (
	"strconv"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// A key is what stands in one pair of brackets: an expression, or a literal, which HCL keeps apart.
type key struct {
	e   hclsyntax.Expression // nil for a literal
	n   int
	rng hcl.Range
}

// keys takes name[a][b] apart.
func (s *scope) keys(e hclsyntax.Expression) (name string, keys []key, ok bool) {
	var steps hcl.Traversal
	switch e := e.(type) {
	case *hclsyntax.ScopeTraversalExpr:
		name, steps, ok = e.Traversal.RootName(), e.Traversal[1:], true
	case *hclsyntax.RelativeTraversalExpr:
		name, keys, ok = s.keys(e.Source)
		steps = e.Traversal
	case *hclsyntax.IndexExpr:
		if name, keys, ok = s.keys(e.Collection); ok {
			keys = append(keys, key{e: e.Key, rng: e.Key.Range()})
		}
	}
	for _, step := range steps {
		rng := step.SourceRange()
		text := string(rng.SliceBytes(s.src[rng.Filename])) // with its brackets
		n, err := strconv.Atoi(text[1 : len(text)-1])
		if _, isIndex := step.(hcl.TraverseIndex); !isIndex || err != nil {
			return "", nil, false
		}
		keys = append(keys, key{n: n, rng: rng})
	}
	return name, keys, ok && len(keys) <= 2
}

// lookup resolves codebook[code], table[code] and table[point][at].
func (s *scope) lookup(e hclsyntax.Expression, depth int) Expr {
	name, keys, ok := s.keys(e)
	b := s.tables[name]
	switch {
	case ok && name == "codebook":
		b = s.book(e.Range())
	case !ok || b == nil:
		s.fail(ruleExpression, e.Range())
		return nil
	default:
		s.used[name] = true
	}
	if b == nil || b.Dim == 0 {
		return nil
	}
	if want := min(b.Dim, 2); len(keys) != want {
		s.fail(ruleTableBare, e.Range(), name, indexes(name, want))
		return nil
	}
	if b.Dim == 1 {
		x := s.within(keys[0], len(b.Levels), depth)
		if x == nil {
			return nil
		}
		return &Lookup{Node: join(Float, e.Range(), x), Book: b, Index: x}
	}
	point, at := s.within(keys[0], len(b.Levels)/b.Dim, depth), s.within(keys[1], b.Dim, depth)
	if point == nil || at == nil {
		return nil
	}
	dim := s.bound(&Num{Node: s.node(Int, Const, s.whole(), e.Range()), I: b.Dim})
	first := s.bound(&Binary{join(Int, e.Range(), point, dim), "*", point, dim})
	index := s.bound(&Binary{join(Int, e.Range(), first, at), "+", first, at})
	return &Lookup{Node: join(Float, e.Range(), index), Book: b, Index: index, Point: point, At: at}
}

// indexes is how a table is looked up.
func indexes(name string, keys int) string {
	if keys == 2 {
		return name + "[point][index]"
	}
	return name + "[index]"
}

// within resolves a key that must be proven to be 0 to n-1.
func (s *scope) within(k key, n, depth int) Expr {
	x := Expr(&Num{Node: s.node(Int, Const, s.whole(), k.rng), I: k.n})
	if k.e == nil {
		x = s.bound(x)
	} else if x = s.number(k.e, depth); x == nil {
		return nil
	}
	if kindOf(x) != Int {
		s.fail(ruleKind, k.rng, "an integer", kindName(Float))
		return nil
	}
	if b := x.Bounds(); !b.Within(0, float64(n-1)) {
		s.fail(ruleLookup, k.rng, b, n-1)
		return nil
	}
	return x
}
