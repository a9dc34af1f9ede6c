package spec

import (
	"maps"
	"slices"
)

// Walk calls f for x and everything below it, outermost first.
func Walk(x Expr, f func(Expr)) {
	f(x)
	for _, child := range Children(x) {
		Walk(child, f)
	}
}

// Reduces reports whether the call makes one number of many: a sum over the block, say.
func (c *Call) Reduces() bool {
	switch c.Fn {
	case "sum", "absmax", "extremum":
		return true
	case "min", "max":
		return len(c.Args) == 1 || c.Group != 0
	}
	return false
}

// Whole reports whether one value of the type depends on others of its block: it is read through a
// transform or a reduction.
func (t *Type) Whole() (found bool) {
	Walk(t.Value, func(x Expr) {
		if c, ok := x.(*Call); ok {
			found = found || c.Fn == "transform" || c.Fn == "inverse" || c.Reduces()
		}
	})
	return found
}

// Children returns the operands of x in the order written.
func Children(x Expr) []Expr {
	switch x := x.(type) {
	case *Unary:
		return []Expr{x.X}
	case *Binary:
		return []Expr{x.X, x.Y}
	case *Cond:
		return []Expr{x.If, x.Then, x.Else}
	case *Lookup:
		return []Expr{x.Index}
	case *Call:
		return x.Args
	}
	return nil
}

// Names returns the names that x reads.
func Names(x Expr) map[string]bool {
	found := map[string]bool{}
	Walk(x, func(x Expr) {
		if r, ok := x.(*Ref); ok {
			found[r.Name] = true
		}
	})
	return found
}

// Stored returns the names that reach a block when it is encoded: fields, codes and every local
// that they depend on.
func (t *Type) Stored() map[string]bool {
	need := map[string]bool{}
	for _, f := range t.Fields {
		need[f.Name] = true
	}
	for _, c := range t.Codes {
		need[c.Name] = true
	}
	for _, a := range slices.Backward(t.Encode) {
		if need[a.Name] {
			maps.Copy(need, Names(a.X))
		}
	}
	return need
}
