package jinja

import (
	"math"
	"math/big"
)

const powerBits = 300

// precisePower is x**y of finite numbers, x above 0, rounded once. math.Pow is off by some units in
// the last place, and C's, which Python calls, is not.
func precisePower(x, y float64) float64 {
	near := math.Pow(x, y)
	if near == 0 || math.IsInf(near, 0) || math.IsNaN(near) || x == 1 || y == 0 {
		return near
	}
	l := newBig(math.Log(x))
	for range 3 { // each doubles the digits that are right, and more
		e := exponential(l)
		d := new(big.Float).Sub(newBig(x), e)
		d.Quo(d, new(big.Float).Add(newBig(x), e))
		l.Add(l, d.Add(d, d))
	}
	f, _ := exponential(l.Mul(l, newBig(y))).Float64()
	return f
}

func newBig(x float64) *big.Float { return new(big.Float).SetPrec(powerBits).SetFloat64(x) }

// exponential is e**x by its series, for x halved until it is small.
func exponential(x *big.Float) *big.Float {
	halvings := max(0, x.MantExp(nil)+16)
	r := new(big.Float).SetMantExp(x, -halvings)
	sum, term := newBig(1), newBig(1)
	for n := 1; n < 30; n++ {
		term.Mul(term, r)
		term.Quo(term, newBig(float64(n)))
		sum.Add(sum, term)
	}
	for range halvings {
		sum.Mul(sum, sum)
	}
	return sum
}
