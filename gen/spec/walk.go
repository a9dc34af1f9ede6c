package spec

// Walk calls f for x and everything below it, outermost first.
func Walk(x Expr, f func(Expr)) {
	f(x)
	for _, child := range Children(x) {
		Walk(child, f)
	}
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
