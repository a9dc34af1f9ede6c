package lower

import (
	"math"
	"slices"

	"github.com/kvgen/kvgen/gen/spec"
)

// Product is a type's value written as Scale*Levels[code] + Min, for targets that compute with
// levels and apply scales later.
type Product struct {
	Scale, Min spec.Expr // nil: 1, 0
	Code       *spec.Code
	Levels     []float32 // by code; a signed code c is at index c & (1<<Bits - 1)
	Run        int       // values over which Scale and Min are the same
	// where no code of the block selects a level, as with points: what the level of a value is, a
	// whole number. Code is then its place among Levels, which ascend from the first Known on.
	Made  spec.Expr
	Known int

	Bytes  []int8  // Levels/Factor, rounded where Exact is false
	Factor float32 // 1 where Exact
	Exact  bool    // every level is a whole number that int8 holds
	// Bytes lose what the type does not allow to be lost: the levels are no table, but computed
	Rounds bool
}

// Split rewrites a type's value. Where it is no such product, why says so.
func Split(t *spec.Type) (p Product, why string) {
	why = reason(func() {
		a := split(t)
		p = Product{Scale: a.Scale, Min: a.Min, Code: a.Code, Levels: a.Levels, Run: a.Run}
		if a.points != nil {
			p.make(a)
		}
		a.Levels = p.Levels
		p.Bytes, p.Factor, p.Exact = a.int8Levels()
		p.Rounds = !a.faithful()
	})
	return p, why
}

// make numbers the levels of points, so that a code of a few bits stands for each. Those that are
// missing to a power of two go on as the others do.
func (p *Product) make(a affine) {
	p.Made, p.Known = a.Level, len(a.Levels)
	first, last := a.Levels[0], a.Levels[p.Known-1]
	even := int(last-first) == p.Known-1
	p.Levels = slices.Clone(a.Levels)
	for p.Code = (&spec.Code{Name: "level", Bits: 1, Group: 1}); 1<<p.Code.Bits < p.Known; p.Code.Bits++ {
	}
	for len(p.Levels) < 1<<p.Code.Bits {
		if even && last < math.MaxInt8 {
			last++
		}
		p.Levels = append(p.Levels, last)
	}
}

// Offset reports whether every code stands for itself plus one whole number.
func (p *Product) Offset() (off int, ok bool) {
	if !p.Exact || p.Code.Signed {
		return 0, false
	}
	return linearLevels(p.Bytes, false)
}

// Steps takes e, a scale or what is added, apart: base is a field, step a whole number that int8
// holds for every code that it reads, and e is their product. ok is false where e is nothing of the
// kind.
func Steps(e spec.Expr) (base, step spec.Expr, ok bool) {
	if n, minus := e.(*spec.Unary); minus && n.Op == "-" {
		base, step, ok = steps(n.X)
		if !ok {
			return nil, nil, false
		}
		kind, shape := step.Type()
		step = &spec.Unary{Node: spec.Node{Kind: kind, Shape: shape, Same: step.Run()}, Op: "-", X: step}
	} else if base, step, ok = steps(e); !ok {
		return nil, nil, false
	}
	why := reason(func() {
		c := codeOf(step)
		for v := range 1 << c.Bits {
			if c.Signed && v >= 1<<(c.Bits-1) {
				v -= 1 << c.Bits
			}
			if n := levelInt(step, v); n < -128 || n > 127 {
				giveUp("a step of %d", n)
			}
		}
	})
	return base, step, why == ""
}

// steps finds field * float(whole number) in either order.
func steps(e spec.Expr) (base, step spec.Expr, ok bool) {
	product, is := e.(*spec.Binary)
	if !is || product.Op != "*" {
		return nil, nil, false
	}
	for _, pair := range [][2]spec.Expr{{product.X, product.Y}, {product.Y, product.X}} {
		ref, field := pair[0].(*spec.Ref)
		call, whole := pair[1].(*spec.Call)
		if field && whole && ref.Field != nil && call.Fn == "float" {
			return ref, call.Args[0], true
		}
	}
	return nil, nil, false
}
