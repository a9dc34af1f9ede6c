package lower

import (
	"math"

	"github.com/kvgen/kvgen/gen/spec"
)

// affine is Value rewritten as Scale*Level + Min: Level changes with every value and takes one of a
// few values that a code selects, or is one of a point; Scale and Min change once per run.
type affine struct {
	Scale, Min spec.Expr // nil: 1, 0
	Level      spec.Expr // the node of Value that stands for the level
	Code       *spec.Code
	Levels     []float32 // by code; a signed code c is at index c & (1<<Bits - 1)
	points     *points   // instead of Code: Levels are then in no order
	Run        int       // values over which Scale and Min are the same
}

// split rewrites a type's value. It gives up where value is no such product.
func split(t *spec.Type) affine {
	scale, level, min := linear(t.Value)
	if level == nil {
		giveUp("value does not depend on a code")
	}
	a := affine{Scale: scale, Min: min, Level: level, Run: t.Block}
	for _, e := range []spec.Expr{scale, min} {
		if e != nil {
			a.Run = gcd(a.Run, e.Run())
		}
	}
	if a.points, a.Levels = pointsOf(level); a.points != nil {
		return a
	}
	if why := reason(func() { a.Code = codeOf(level) }); why != "" {
		if a.points, a.Levels = wholeOf(level); a.points == nil {
			giveUp("%s", why)
		}
		return a
	}
	a.Levels = levelsOf(level, a.Code)
	if !a.faithful() {
		a.takeOffset()
	}
	return a
}

// levelsOf is e, which depends on c alone, for every code.
func levelsOf(e spec.Expr, c *spec.Code) []float32 {
	levels := make([]float32, 1<<c.Bits)
	for k := range levels {
		v := k
		if c.Signed && k >= len(levels)/2 {
			v = k - len(levels)
		}
		levels[k] = evalLevel(e, v)
	}
	return levels
}

// takeOffset moves a constant from the levels to what is added, where it alone keeps them from
// being whole numbers of a byte: d*(code + 0.5) is d*code + d*0.5.
func (a *affine) takeOffset() {
	sum, ok := a.Level.(*spec.Binary)
	if !ok || sum.Op != "+" && sum.Op != "-" {
		return
	}
	level, constant := sum.X, sum.Y
	if sum.Op == "+" && isConst(level) {
		level, constant = constant, level
	}
	if !isConst(constant) || isConst(level) {
		return
	}
	b := *a
	b.Level, b.Levels = level, levelsOf(level, a.Code)
	if _, _, exact := b.int8Levels(); !exact {
		return
	}
	off := evalLevel(constant, 0)
	if sum.Op == "-" {
		off = -off
	}
	b.Min = addOffset(a.Scale, a.Min, off, a.Run)
	*a = b
}

// faithful reports whether int8 holds the levels, times a factor, as well as f32 does, or whether
// they are a table of floats, which may be rounded to it. What is computed from a code may not:
// half a step of a byte can be half a step of the code.
func (a affine) faithful() bool {
	levels, factor, exact := a.int8Levels()
	if exact || readsFloats(a.Level) {
		return true
	}
	most, off := 0.0, 0.0
	for c, v := range a.Levels {
		most = max(most, math.Abs(float64(v)))
		off = max(off, math.Abs(float64(v)-float64(factor)*float64(levels[c])))
	}
	return off <= most*0x1p-22
}

func (a affine) mustBeFaithful() {
	if !a.faithful() {
		giveUp("levels that are no multiples of one number, which bytes would round")
	}
}

// readsFloats reports whether e looks up a table of floats.
func readsFloats(e spec.Expr) (found bool) {
	spec.Walk(e, func(e spec.Expr) {
		l, ok := e.(*spec.Lookup)
		found = found || ok && !l.Book.Int8
	})
	return found
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// slow reports whether e holds no code that changes faster than every 8 values.
func slow(e spec.Expr) bool {
	_, shape := e.Type()
	return shape == spec.Const || shape == spec.Scalar || e.Run()%8 == 0
}

// linear finds scale, level and min of e; level is nil when e is slow, and then min is e.
func linear(e spec.Expr) (scale, level, min spec.Expr) {
	if slow(e) {
		return nil, nil, e
	}
	switch e := e.(type) {
	case *spec.Binary:
		xs, xl, xm := linear(e.X)
		ys, yl, ym := linear(e.Y)
		switch {
		case (e.Op == "*" || e.Op == "+") && xl != nil && yl != nil && xs == nil && xm == nil && ys == nil && ym == nil:
			return nil, e, nil // points and their signs, or a shift of each
		case e.Op == "+" && yl == nil && xl != nil && xs == nil && xm == nil && ym.Run()%16 != 0 && readsPoints(xl):
			return nil, e, nil // a shift of so few values belongs to their levels
		case e.Op == "*" && xl == nil:
			return times(e, xm, ys), yl, timesNil(e, xm, ym)
		case e.Op == "*" && yl == nil:
			return times(e, ym, xs), xl, timesNil(e, ym, xm)
		case (e.Op == "+" || e.Op == "-") && yl == nil && xs == nil && xm == nil && isConst(ym):
			return nil, e, nil // a constant offset belongs to the level
		case e.Op == "+" && yl == nil:
			return xs, xl, plus(e, xm, ym)
		case e.Op == "+" && xl == nil:
			return ys, yl, plus(e, ym, xm)
		case e.Op == "-" && yl == nil:
			return xs, xl, minus(e, xm, ym)
		}
		giveUp("value is not scale * level + min")
	case *spec.Call:
		// float(code - zero) is float(code) - float(zero) where f32 holds all three.
		if d, ok := e.Args[0].(*spec.Binary); ok && e.Fn == "float" && (d.Op == "+" || d.Op == "-") && (movesSlowly(d.X) || movesSlowly(d.Y)) && spec.ExactFloat(d) {
			return linear(d)
		}
	}
	return nil, e, nil
}

// movesSlowly reports whether e is the same for a run of values, but not a constant.
func movesSlowly(e spec.Expr) bool { return slow(e) && !isConst(e) }

func isConst(e spec.Expr) bool { _, s := e.Type(); return s == spec.Const }

func combine(like *spec.Binary, op string, x, y spec.Expr) spec.Expr {
	n := like.Node
	n.Shape, n.Kind = spec.Scalar, spec.Float
	n.Same = gcd(x.Run(), y.Run())
	return &spec.Binary{Node: n, Op: op, X: x, Y: y}
}

func times(like *spec.Binary, x, y spec.Expr) spec.Expr {
	if y == nil {
		return x
	}
	return combine(like, "*", x, y)
}

func timesNil(like *spec.Binary, x, y spec.Expr) spec.Expr {
	if y == nil {
		return nil
	}
	return combine(like, "*", x, y)
}

func plus(like *spec.Binary, x, y spec.Expr) spec.Expr {
	if x == nil {
		return y
	}
	return combine(like, "+", x, y)
}

func minus(like *spec.Binary, x, y spec.Expr) spec.Expr {
	if x == nil {
		n := like.Node
		n.Shape, n.Same = spec.Scalar, y.Run()
		return &spec.Unary{Node: n, Op: "-", X: y}
	}
	return combine(like, "-", x, y)
}

// codeOf is the one code that e reads.
func codeOf(e spec.Expr) *spec.Code {
	var found *spec.Code
	spec.Walk(e, func(e spec.Expr) {
		switch e := e.(type) {
		case *spec.Ref:
			if e.Code == nil {
				giveUp("the level depends on %s", e.Name)
			}
			if found != nil && found != e.Code {
				giveUp("the level depends on two codes")
			}
			found = e.Code
		case *spec.PerIndex:
			giveUp("the level depends on i")
		}
	})
	if found == nil || found.Bits > 8 {
		giveUp("the level is not chosen by a code of at most 8 bits")
	}
	return found
}

// int8Levels returns the levels as int8 and the factor that goes to the scale, and
// whether nothing is lost. Tables of floats are rounded, at the factor that suits them.
func (a affine) int8Levels() (levels []int8, factor float32, exact bool) {
	most, exact := float32(0), true
	for _, v := range a.Levels {
		m := float32(math.Abs(float64(v)))
		most = max(most, m)
		exact = exact && v == float32(math.Trunc(float64(v))) && v >= -128 && v <= 127
	}
	factor = 1
	if !exact {
		factor = a.bestFactor(most)
	}
	levels = make([]int8, len(a.Levels))
	for i, v := range a.Levels {
		levels[i] = int8(math.RoundToEven(float64(v / factor)))
	}
	return levels, factor, exact
}

// bestFactor tries factors that take the largest level to 127, 126.9, ... 64 and returns
// the one whose multiples are nearest to the levels.
func (a affine) bestFactor(most float32) float32 {
	best, least := float32(0), math.Inf(1)
	for top := float32(1270); top >= 640; top-- {
		factor := most / (top / 10)
		var sum float64
		for _, v := range a.Levels {
			d := float64(v - factor*float32(math.RoundToEven(float64(v/factor))))
			sum += d * d
		}
		if sum < least {
			best, least = factor, sum
		}
	}
	return best
}

// Exact reports whether the type's levels are whole numbers that int8 holds.
func Exact(t *spec.Type) (exact bool) {
	_ = reason(func() { _, _, exact = split(t).int8Levels() })
	return exact
}
