package lower

import "github.com/kvgen/kvgen/gen/spec"

// Product is a type's value written as Scale*Levels[code] + Min, for targets that compute with levels and apply scales later.
type Product struct {
	Scale, Min spec.Expr // nil: 1, 0
	Code       *spec.Code
	Levels     []float32 // by code; a signed code c is at index c & (1<<Bits - 1)
	Run        int       // values over which Scale and Min are the same

	Bytes  []int8  // Levels/Factor, rounded where Exact is false
	Factor float32 // 1 where Exact
	Exact  bool    // every level is a whole number that int8 holds
}

// Split rewrites a type's value. Where it is no such product, why says so.
func Split(t *spec.Type) (p Product, why string) {
	why = reason(func() {
		a := split(t)
		p = Product{Scale: a.Scale, Min: a.Min, Code: a.Code, Levels: a.Levels, Run: a.Run}
		p.Bytes, p.Factor, p.Exact = a.int8Levels()
	})
	return p, why
}
