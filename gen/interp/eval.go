package interp

import "github.com/kvgen/kvgen/gen/spec"

// lane is the value of an expression at one index: f for a Float, i for an Int or a Bool (0 or 1).
type lane struct {
	f float32
	i int32
}

// lanes is the value of an expression at every index of the block.
type lanes []lane

// machine runs the expressions of one block.
type machine struct {
	block   int
	names   map[string]lanes // fields, codes, locals, x
	nearest lanes            // the argument of the last call of nearest
}

// each builds a value lane by lane.
func (m *machine) each(f func(i int) lane) lanes {
	v := make(lanes, m.block)
	for i := range v {
		v[i] = f(i)
	}
	return v
}

// spread is a scalar as a value.
func (m *machine) spread(v lane) lanes { return m.each(func(int) lane { return v }) }

func floats(x []float32) lanes {
	v := make(lanes, len(x))
	for i := range v {
		v[i].f = x[i]
	}
	return v
}

func truth(b bool) int32 {
	if b {
		return 1
	}
	return 0
}

// eval walks one expression.
func (m *machine) eval(e spec.Expr) lanes {
	switch e := e.(type) {
	case *spec.Num:
		return m.spread(lane{e.F, int32(e.I)})
	case *spec.PerIndex:
		return m.each(func(i int) lane { return lane{i: int32(e.I[i])} })
	case *spec.Ref:
		v, ok := m.names[e.Name]
		if !ok {
			fail(e, "%s has no value here", e.Name)
		}
		return v
	case *spec.Unary:
		return m.unary(e)
	case *spec.Binary:
		return m.binary(e)
	case *spec.Cond:
		cond, yes, no := m.eval(e.If), m.eval(e.Then), m.eval(e.Else)
		return m.each(func(i int) lane {
			if cond[i].i != 0 {
				return yes[i]
			}
			return no[i]
		})
	case *spec.Lookup:
		index := m.eval(e.Index)
		return m.each(func(i int) lane {
			k := int(index[i].i)
			if k < 0 || k >= len(e.Book.Levels) {
				fail(e, "index %d in a codebook of %d levels", k, len(e.Book.Levels))
			}
			return lane{f: e.Book.Levels[k]}
		})
	case *spec.Call:
		return m.call(e)
	}
	fail(e, "unknown expression %T", e)
	return nil
}

func (m *machine) unary(e *spec.Unary) lanes {
	x := m.eval(e.X)
	kind, _ := e.X.Type()
	return m.each(func(i int) lane {
		switch {
		case e.Op == "!":
			return lane{i: 1 - x[i].i}
		case kind == spec.Float:
			return lane{f: -x[i].f}
		}
		return lane{i: -x[i].i}
	})
}

func (m *machine) binary(e *spec.Binary) lanes {
	x, y := m.eval(e.X), m.eval(e.Y)
	kind, _ := e.X.Type()
	return m.each(func(i int) lane {
		var v lane
		var ok bool
		if kind == spec.Float {
			v, ok = onFloats(e.Op, x[i].f, y[i].f)
		} else {
			v, ok = onInts(e.Op, x[i].i, y[i].i)
		}
		if !ok {
			fail(e, "no operator %s for this kind", e.Op)
		}
		return v
	})
}

func onFloats(op string, a, b float32) (lane, bool) {
	switch op {
	case "+":
		return lane{f: a + b}, true
	case "-":
		return lane{f: a - b}, true
	case "*":
		return lane{f: float32(a * b)}, true
	case "/":
		return lane{f: a / b}, true
	}
	holds, ok := compare(op, a, b)
	return lane{i: truth(holds)}, ok
}

func onInts(op string, a, b int32) (lane, bool) {
	switch op {
	case "+":
		return lane{i: a + b}, true
	case "-":
		return lane{i: a - b}, true
	case "*":
		return lane{i: a * b}, true
	case "/", "%":
		if b == 0 { // only in a lane that a condition discards
			return lane{}, true
		}
		if op == "/" {
			return lane{i: a / b}, true
		}
		return lane{i: a % b}, true
	case "&&":
		return lane{i: a & b}, true
	case "||":
		return lane{i: a | b}, true
	}
	holds, ok := compare(op, a, b)
	return lane{i: truth(holds)}, ok
}

func compare[T int32 | float32](op string, a, b T) (holds, ok bool) {
	switch op {
	case "<":
		return a < b, true
	case "<=":
		return a <= b, true
	case ">":
		return a > b, true
	case ">=":
		return a >= b, true
	case "==":
		return a == b, true
	case "!=":
		return a != b, true
	}
	return false, false
}
