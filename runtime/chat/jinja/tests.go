package jinja

// tests are what may follow "is".
var tests map[string]filter

func init() { // some look into the tables of filters and tests
	tests = map[string]filter{
		"defined":   unary("defined", func(_ *run, x any) bool { return !isUndefinedValue(x) }),
		"undefined": unary("undefined", func(_ *run, x any) bool { return isUndefinedValue(x) }),
		"none":      unary("none", func(_ *run, x any) bool { return x == nil }),
		"boolean":   unary("boolean", func(_ *run, x any) bool { _, ok := x.(bool); return ok }),
		"true":      unary("true", func(_ *run, x any) bool { return x == true }),
		"false":     unary("false", func(_ *run, x any) bool { return x == false }),
		"integer": unary("integer", func(_ *run, x any) bool {
			_, ok := integer(x)
			_, is := x.(bool)
			return ok && !is
		}),
		"float":    unary("float", func(_ *run, x any) bool { _, ok := x.(float64); return ok }),
		"number":   unary("number", func(_ *run, x any) bool { return isNumber(x) }),
		"string":   unary("string", func(_ *run, x any) bool { _, ok := text(x); return ok }),
		"mapping":  unary("mapping", func(_ *run, x any) bool { _, ok := x.(*Dict); return ok }),
		"lower":    unary("lower", func(r *run, x any) bool { return isLower(r.str(x)) }),
		"upper":    unary("upper", func(r *run, x any) bool { return isUpper(r.str(x)) }),
		"escaped":  unary("escaped", func(_ *run, x any) bool { _, ok := x.(markup); return ok }),
		"iterable": unary("iterable", func(_ *run, x any) bool { _, ok := iterate(x); return ok }),
		"sequence": unary("sequence", func(_ *run, x any) bool {
			switch x.(type) {
			case *view, *loopContext:
				return false
			}
			_, ok := length(x)
			return ok
		}),
		"callable": unary("callable", func(_ *run, x any) bool {
			switch x.(type) {
			case *native, *macro, *undefined, *loopContext, *joiner:
				return true
			}
			return false
		}),
		"odd":  unary("odd", func(r *run, x any) bool { return r.equal(r.binary("%", x, int64(2)), int64(1)) }),
		"even": unary("even", func(r *run, x any) bool { return r.equal(r.binary("%", x, int64(2)), int64(0)) }),
		"divisibleby": func(r *run, x any, a *args) any {
			return r.equal(r.binary("%", x, a.bind("divisibleby", 1, "num")[0]), int64(0))
		},
		"sameas": func(_ *run, x any, a *args) any { return identical(x, a.bind("sameas", 1, "other")[0]) },
		"filter": unary("filter", func(_ *run, x any) bool {
			s, ok := text(x)
			return ok && filters[s] != nil || !ok && !hashableOrFail(x)
		}),
		"test": unary("test", func(_ *run, x any) bool { s, ok := text(x); return ok && tests[s] != nil || !ok && !hashableOrFail(x) }),
		"in":   func(r *run, x any, a *args) any { return r.contains(a.bind("in", 1, "seq")[0], x) },
	}
	for op, names := range map[string][]string{
		"==": {"==", "eq", "equalto"}, "!=": {"!=", "ne"}, ">": {">", "gt", "greaterthan"}, ">=": {">=", "ge"},
		"<": {"<", "lt", "lessthan"}, "<=": {"<=", "le"},
	} {
		for _, name := range names {
			tests[name] = func(r *run, x any, a *args) any { return r.compare(op, x, a.positional(name, 1, 1)[0]) }
		}
	}
}

func hashableOrFail(x any) bool { hashed(x); return true }

func isUndefinedValue(v any) bool { _, ok := v.(*undefined); return ok }

func unary(name string, f func(r *run, x any) bool) filter {
	return func(r *run, x any, a *args) any {
		if len(a.pos)+len(a.names) > 0 {
			fail("the test %s takes no arguments", name)
		}
		return f(r, x)
	}
}

// identical is a is b. Small and constant values are the same object in Python too.
func identical(a, b any) bool {
	switch a.(type) {
	case nil, bool, int64, float64, string, markup:
		return a == b && typeName(a) == typeName(b)
	}
	return a == b
}
