package lower

import (
	"math"

	"github.com/kvgen/kvgen/gen/spec"
)

// evalLevel is the level that code stands for: e, which depends on nothing else, in the
// arithmetic of the spec.
func evalLevel(e spec.Expr, code int) float32 {
	if k, _ := e.Type(); k == spec.Int {
		return float32(levelInt(e, code))
	}
	switch e := e.(type) {
	case *spec.Num:
		return e.F
	case *spec.Lookup:
		i := levelInt(e.Index, code)
		if i < 0 || i >= len(e.Book.Levels) {
			return 0 // a code that no encoder writes
		}
		return e.Book.Levels[i]
	case *spec.Unary:
		return -evalLevel(e.X, code)
	case *spec.Cond:
		return evalLevel(branch(e, code), code)
	case *spec.Call:
		return levelCall(e, code)
	case *spec.Binary:
		x, y := evalLevel(e.X, code), evalLevel(e.Y, code)
		switch e.Op {
		case "+":
			return x + y
		case "-":
			return x - y
		case "*":
			return x * y
		case "/":
			return x / y
		}
	}
	giveUp("the level is no arithmetic of a code")
	return 0
}

// branch is the side of a conditional that code selects.
func branch(e *spec.Cond, code int) spec.Expr {
	if levelBool(e.If, code) {
		return e.Then
	}
	return e.Else
}

func levelCall(e *spec.Call, code int) float32 {
	arg := func(k int) float32 { return evalLevel(e.Args[k], code) }
	switch {
	case e.Fn == "float":
		return arg(0)
	case e.Fn == "abs":
		return float32(math.Abs(float64(arg(0))))
	case e.Fn == "min" && len(e.Args) == 2:
		return lesser(arg(0), arg(1))
	case e.Fn == "max" && len(e.Args) == 2:
		return greater(arg(0), arg(1))
	case e.Fn == "clamp":
		return lesser(greater(arg(0), arg(1)), arg(2))
	}
	giveUp("the level is %s of a code", e.Fn)
	return 0
}

// lesser and greater are min and max of the spec: of a NaN and of zeros they give the second.
func lesser[T int | float32](a, b T) T {
	if a < b {
		return a
	}
	return b
}

func greater[T int | float32](a, b T) T {
	if a > b {
		return a
	}
	return b
}

// levelIntCall is levelCall for integers.
func levelIntCall(e *spec.Call, code int) int {
	arg := func(k int) int { return levelInt(e.Args[k], code) }
	switch {
	case e.Fn == "abs":
		return max(arg(0), -arg(0))
	case e.Fn == "min" && len(e.Args) == 2:
		return lesser(arg(0), arg(1))
	case e.Fn == "max" && len(e.Args) == 2:
		return greater(arg(0), arg(1))
	case e.Fn == "clamp":
		return lesser(greater(arg(0), arg(1)), arg(2))
	}
	giveUp("the level is %s of a code", e.Fn)
	return 0
}

// levelInt is evalLevel for integers, which are proven to stay in an int32. Quotients and
// remainders by 0 are 0.
func levelInt(e spec.Expr, code int) int {
	switch e := e.(type) {
	case *spec.Num:
		return e.I
	case *spec.Ref:
		return code
	case *spec.Unary:
		return -levelInt(e.X, code)
	case *spec.Cond:
		return levelInt(branch(e, code), code)
	case *spec.Call:
		return levelIntCall(e, code)
	case *spec.Binary:
		x, y := levelInt(e.X, code), levelInt(e.Y, code)
		switch {
		case e.Op == "+":
			return x + y
		case e.Op == "-":
			return x - y
		case e.Op == "*":
			return x * y
		case y == 0:
			return 0
		case e.Op == "/":
			return x / y
		case e.Op == "%":
			return x % y
		}
	}
	giveUp("the level is no arithmetic of a code")
	return 0
}

// levelBool is evalLevel for conditions.
func levelBool(e spec.Expr, code int) bool {
	switch e := e.(type) {
	case *spec.Num:
		return e.I != 0
	case *spec.Unary:
		return !levelBool(e.X, code)
	case *spec.Binary:
		if e.Op == "&&" || e.Op == "||" {
			x, y := levelBool(e.X, code), levelBool(e.Y, code)
			return x && y || e.Op == "||" && (x || y)
		}
		if k, _ := e.X.Type(); k == spec.Int {
			return holds(e.Op, levelInt(e.X, code), levelInt(e.Y, code))
		}
		return holds(e.Op, evalLevel(e.X, code), evalLevel(e.Y, code))
	}
	giveUp("the level is no arithmetic of a code")
	return false
}

// holds compares by one of the operators of the spec.
func holds[T int | float32](op string, x, y T) bool {
	switch op {
	case "==":
		return x == y
	case "!=":
		return x != y
	case "<":
		return x < y
	case "<=":
		return x <= y
	case ">":
		return x > y
	}
	return x >= y
}
