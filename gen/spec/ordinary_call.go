package spec

import "math"

// slack is room for the roundings between a reduction and what is compared with it, relative to the
// result.
const slack = 0x1p-19

// call is what is known of a built-in function.
func (o *ordinary) call(x *Call) ratios {
	if isFold(x) {
		return o.fold(x)
	}
	a := o.of(x.Args[0])
	switch x.Fn {
	case "min":
		return lesserOf(a, o.of(x.Args[1]))
	case "max":
		return greaterOf(a, o.of(x.Args[1]))
	case "clamp":
		return lesserOf(greaterOf(a, o.of(x.Args[1])), o.of(x.Args[2]))
	case "abs":
		return a.each(func(r ratio) ratio {
			b := Bounds{Lo: r.lo, Hi: r.hi}.abs()
			return ratio{r.unit, max(b.Lo, r.mlo), min(b.Hi, r.mhi), r.mlo, r.mhi}
		})
	case "inv":
		return a.inverse(true)
	case "f16":
		return a.loose(0x1p-11)
	case "bf16":
		return a.loose(0x1p-8)
	case "e8m0": // the largest power of two that is not above
		return a.each(func(r ratio) ratio { return ratio{r.unit, r.mlo / 2, r.mhi, r.mlo / 2, r.mhi} })
	case "float":
		return a
	case "floor", "trunc", "rint", "round":
		return wholeOf(x.Fn, a)
	}
	return nil
}

func isFold(c *Call) bool {
	switch c.Fn {
	case "absmax", "extremum":
		return true
	case "min", "max":
		return isReduce(c)
	}
	return false
}

// fold is a reduction as its own unit.
func (o *ordinary) fold(x *Call) ratios {
	text := Text(x.Args[0], sameText)
	u, ok := o.unit(text, x.Group, false)
	switch {
	case ok && (x.Fn == "absmax" || x.Fn == "max" && x.Args[0].Bounds().Lo >= 0):
		return ratios{interval(u, 1, 1)}
	case ok && x.Fn == "extremum":
		return ratios{{u, -1, 1, 1, 1}}
	case x.Fn == "min" || x.Fn == "max": // between the least and the largest
		if n, ok := o.of(x.Args[0]).number(); ok {
			return ratios{interval(unit{}, n.lo, n.hi)}
		}
	}
	return nil
}

// lesserOf and greaterOf keep what one side bounds where nothing is known of the other.
func lesserOf(a, b ratios) ratios {
	out := pairs(a, b, func(a, b ratio) ratio { return interval(a.unit, min(a.lo, b.lo), min(a.hi, b.hi)) })
	x, okX := a.number()
	y, okY := b.number()
	if okX || okY {
		out = append(out, interval(unit{}, min(x.lo, y.lo), min(x.hi, y.hi)))
	}
	return out
}

func greaterOf(a, b ratios) ratios {
	out := pairs(a, b, func(a, b ratio) ratio { return interval(a.unit, max(a.lo, b.lo), max(a.hi, b.hi)) })
	x, okX := a.number()
	y, okY := b.number()
	if okX || okY {
		out = append(out, interval(unit{}, max(x.lo, y.lo), max(x.hi, y.hi)))
	}
	return out
}

// loose makes room for a rounding of that relative size.
func (r ratios) loose(by float64) ratios {
	return r.each(func(r ratio) ratio {
		return ratio{r.unit, r.lo - math.Abs(r.lo)*by, r.hi + math.Abs(r.hi)*by, r.mlo * (1 - by), r.mhi * (1 + by)}
	})
}

// wholeOf is a number rounded to a whole one.
func wholeOf(fn string, a ratios) ratios {
	n, ok := a.number()
	if !ok {
		return nil
	}
	of := map[string]func(float64) float64{"floor": math.Floor, "trunc": math.Trunc, "rint": math.RoundToEven, "round": math.Round}[fn]
	room := slack * min(max(math.Abs(n.lo), math.Abs(n.hi)), 1<<20)
	if math.IsInf(n.lo, 0) || math.IsInf(n.hi, 0) {
		room = slack
	}
	return ratios{interval(unit{}, of(n.lo-room), of(n.hi+room))}
}
