package interp

import (
	"math"

	"github.com/kvgen/kvgen/gen/spec"
	"github.com/kvgen/kvgen/kernels/ref"
)

// call evaluates a built-in function or a transform.
func (m *machine) call(e *spec.Call) lanes {
	var args []lanes
	for _, a := range e.Args {
		args = append(args, m.eval(a))
	}
	kind, _ := e.Args[0].Type()
	switch e.Fn {
	case "transform", "inverse":
		y := make([]float32, m.block)
		for i := range y {
			y[i] = args[0][i].f
		}
		if e.Fn == "transform" {
			Forward(e.Transform, y)
		} else {
			Inverse(e.Transform, y)
		}
		return floats(y)
	case "nearest":
		m.nearest = args[0]
		return m.each(func(i int) lane { return lane{i: nearest(e.Book, args[0][i].f)} })
	case "clamp":
		raised := m.each(func(i int) lane { return choose("max", kind, args[0][i], args[1][i]) })
		return m.each(func(i int) lane { return choose("min", kind, raised[i], args[2][i]) })
	case "min", "max":
		if len(args) == 2 && e.Group == 0 {
			return m.each(func(i int) lane { return choose(e.Fn, kind, args[0][i], args[1][i]) })
		}
		return m.reduce(e, kind, args[0])
	case "sum", "absmax", "extremum":
		return m.reduce(e, kind, args[0])
	}
	return m.each(func(i int) lane { return unaryCall(e, kind, args[0][i]) })
}

// unaryCall applies a function of one argument to one lane.
func unaryCall(e *spec.Call, kind spec.Kind, x lane) lane {
	switch e.Fn {
	case "abs":
		if kind == spec.Float {
			return lane{f: float32(math.Abs(float64(x.f)))}
		}
		return lane{i: max(x.i, -x.i)}
	case "sqrt":
		// correctly rounded: a double has more than twice the digits
		return lane{f: float32(math.Sqrt(float64(x.f)))}
	case "inv":
		if x.f != 0 {
			return lane{f: 1 / x.f}
		}
		return lane{}
	case "floor":
		return lane{f: float32(math.Floor(float64(x.f)))}
	case "f16":
		return lane{f: ref.FromF16(ref.F16(x.f))}
	case "bf16":
		return lane{f: ref.FromBF16(ref.BF16(x.f))}
	case "e8m0":
		return lane{f: fromE8M0(e8m0(x.f))}
	case "trunc":
		return lane{i: toInt(math.Trunc(float64(x.f)))}
	case "rint":
		return lane{i: toInt(math.RoundToEven(float64(x.f)))}
	case "round":
		return lane{i: toInt(math.Round(float64(x.f)))}
	case "as_f16":
		return lane{f: ref.FromF16(uint16(x.i))}
	case "float":
		return lane{f: float32(x.i)}
	}
	fail(e, "unknown function %s", e.Fn)
	return lane{}
}

// toInt converts a whole number; NaN and what an int32 cannot hold give -2^31.
func toInt(x float64) int32 {
	if x >= math.MinInt32 && x <= math.MaxInt32 {
		return int32(x)
	}
	return math.MinInt32
}

// choose is a<b?a:b for min and a>b?a:b for max: b when the two cannot be compared.
func choose(fn string, kind spec.Kind, a, b lane) lane {
	less, more := a.f < b.f, a.f > b.f
	if kind != spec.Float {
		less, more = a.i < b.i, a.i > b.i
	}
	if fn == "min" && less || fn == "max" && more {
		return a
	}
	return b
}

// nearest counts the thresholds t with !(v < t).
func nearest(book *spec.Codebook, v float32) (code int32) {
	for _, t := range book.Thresholds {
		if !(v < t) {
			code++
		}
	}
	return code
}

// reduce folds x over the block, or over each run of e.Group lanes, from the first lane up.
func (m *machine) reduce(e *spec.Call, kind spec.Kind, x lanes) lanes {
	run := e.Group
	if run == 0 {
		run = m.block
	}
	v := make(lanes, m.block)
	for first := 0; first < m.block; first += run {
		var result lane
		if kind == spec.Float {
			result.f = foldFloats(e, x[first:first+run])
		} else {
			result.i = foldInts(e, x[first:first+run])
		}
		for i := first; i < first+run; i++ {
			v[i] = result
		}
	}
	return v
}

func foldFloats(e *spec.Call, x lanes) (acc float32) {
	switch e.Fn {
	case "min":
		acc = math.MaxFloat32
	case "max":
		acc = -math.MaxFloat32
	}
	var most float32 // magnitude of the extremum
	for _, v := range x {
		magnitude := float32(math.Abs(float64(v.f)))
		switch {
		case e.Fn == "sum":
			acc += v.f
		case e.Fn == "min" && v.f < acc, e.Fn == "max" && v.f > acc:
			acc = v.f
		case e.Fn == "absmax" && magnitude > acc:
			acc = magnitude
		case e.Fn == "extremum" && magnitude > most:
			most, acc = magnitude, v.f
		}
	}
	return acc
}

func foldInts(e *spec.Call, x lanes) (acc int32) {
	switch e.Fn {
	case "min":
		acc = math.MaxInt32
	case "max":
		acc = math.MinInt32
	}
	var most int32
	for _, v := range x {
		magnitude := max(v.i, -v.i)
		switch {
		case e.Fn == "sum":
			acc += v.i
		case e.Fn == "min" && v.i < acc, e.Fn == "max" && v.i > acc:
			acc = v.i
		case e.Fn == "absmax" && magnitude > acc:
			acc = magnitude
		case e.Fn == "extremum" && magnitude > most:
			most, acc = magnitude, v.i
		}
	}
	return acc
}
