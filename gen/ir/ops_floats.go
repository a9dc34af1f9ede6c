package ir

import (
	"encoding/binary"
	"math"
)

// Floats round once per operation, to nearest, ties to even.

// Arithmetic of two values, or of a value and a constant. OpMinF is Args[0] < Args[1] ? Args[0] :
// Args[1], OpMaxF the same with >.
var (
	OpAdd  = declare(arithmetic("add", func(x, y float32) float32 { return x + y }))
	OpSub  = declare(arithmetic("sub", func(x, y float32) float32 { return x - y }))
	OpMul  = declare(arithmetic("mul", func(x, y float32) float32 { return x * y }))
	OpDiv  = declare(arithmetic("div", func(x, y float32) float32 { return x / y }))
	OpMinF = declare(choice("minf", func(x, y float32) bool { return x < y }))
	OpMaxF = declare(choice("maxf", func(x, y float32) bool { return x > y }))
)

// OpSqrt is the square root, OpFloor the integer below.
var (
	OpSqrt = declare(Operation{Name: "sqrt", Args: []Arg{vec(F32)}, Makes: []Elem{F32}, NaN: true,
		mean: func(e *evaluation, in *Instr) {
			x := e.lanes(in.Args[0])
			e.fillF32(in, func(l int) float32 { return float32(math.Sqrt(float64(number(x, l)))) })
		}})
	OpFloor = declare(Operation{Name: "floor", Args: []Arg{vec(F32)}, Makes: []Elem{F32}, NaN: true,
		mean: func(e *evaluation, in *Instr) {
			x := e.lanes(in.Args[0])
			e.fillF32(in, func(l int) float32 { return float32(math.Floor(float64(number(x, l)))) })
		}})
)

// OpFMA is Args[0] += Args[1]*Args[2], one rounding.
var OpFMA = declare(Operation{Name: "fma", Args: []Arg{vec(F32).inPlace(), vec(F32), vec(F32)}, NaN: true,
	mean: func(e *evaluation, in *Instr) {
		acc, x, y := e.lanes(in.Args[0]), e.lanes(in.Args[1]), e.lanes(in.Args[2])
		e.put(in.Args[0], func(l int) uint32 { return math.Float32bits(fma(number(x, l), number(y, l), number(acc, l))) })
	}})

// OpAccumulate is Args[0] += Args[1].
var OpAccumulate = declare(Operation{Name: "accumulate", Args: []Arg{vec(I16, I32, F32).inPlace(), vec(I16, I32, F32)}, NaN: true, More: sameTypes,
	mean: func(e *evaluation, in *Instr) {
		acc, x := e.lanes(in.Args[0]), e.lanes(in.Args[1])
		switch in.Args[0].Type.Elem {
		case I16:
			for l := range in.Args[0].Type.Lanes {
				binary.LittleEndian.PutUint16(acc[2*l:], half(acc, l)+half(x, l))
			}
		case I32:
			e.add32(in, func(l int) uint32 { return word(x, l) })
		case F32:
			e.put(in.Args[0], func(l int) uint32 { return math.Float32bits(number(acc, l) + number(x, l)) })
		}
	}})

// OpRaise is Args[0] = Args[1] > Args[0] ? Args[1] : Args[0].
var OpRaise = declare(Operation{Name: "raise", Args: []Arg{vec(F32).inPlace(), vec(F32)},
	mean: func(e *evaluation, in *Instr) {
		acc, x := e.lanes(in.Args[0]), e.lanes(in.Args[1])
		e.put(in.Args[0], func(l int) uint32 {
			if number(x, l) > number(acc, l) {
				return word(x, l)
			}
			return word(acc, l)
		})
	}})

// OpAddSquares is Args[0] += the squares of half Imm of the lanes of Args[1].
var OpAddSquares = declare(Operation{Name: "addsquares", Args: []Arg{vec(F64).inPlace(), vec(F32)}, Imm: []int{0, 1}, Lanes: Across, NaN: true,
	mean: func(e *evaluation, in *Instr) {
		acc, x := e.lanes(in.Args[0]), e.lanes(in.Args[1])
		for l := range in.Args[0].Type.Lanes {
			f := float64(number(x, in.Imm*in.Args[0].Type.Lanes+l))
			// exact: a square of 24 bits has 48
			sum := math.Float64frombits(binary.LittleEndian.Uint64(acc[8*l:])) + f*f
			binary.LittleEndian.PutUint64(acc[8*l:], math.Float64bits(sum))
		}
	}})

// OpCompareF is a mask of Args[0] Imm Args[1].
var OpCompareF = declare(Operation{Name: "comparef", Args: []Arg{vec(F32), vec(F32).orConstant()}, Makes: []Elem{I32},
	Imm: []int{Equal, NotEqual, Less, LessEqual, Greater, GreaterEqual, NotLess},
	mean: func(e *evaluation, in *Instr) {
		x, y := e.lanes(in.Args[0]), e.second(in)
		e.fill32(in, func(l int) uint32 { return mask(holds(in.Imm, number(x, l), number(y, l))) })
	}})

// Relation is how OpCompareF and OpCompareI compare. Only NotEqual and NotLess hold for a NaN.
type Relation = int

const (
	Equal Relation = iota
	NotEqual
	Less
	LessEqual
	Greater
	GreaterEqual
	NotLess
)

func holds(r Relation, x, y float32) bool {
	return [...]bool{x == y, x != y, x < y, x <= y, x > y, x >= y, !(x < y)}[r]
}

// OpSelect is the mask Args[0] ? Args[1] : Args[2].
var OpSelect = declare(Operation{Name: "select", Args: []Arg{vec(I32).mask(), vec(I32, F32), vec(I32, F32)}, Makes: []Elem{I32, F32},
	More: func(in *Instr) string {
		if in.Args[1].Type != in.Args[2].Type || in.Dst.Type != in.Args[1].Type {
			return "select keeps the type of what it chooses between"
		}
		return ""
	},
	mean: func(e *evaluation, in *Instr) {
		set, x, y := e.lanes(in.Args[0]), e.lanes(in.Args[1]), e.lanes(in.Args[2])
		e.fill32(in, func(l int) uint32 {
			if word(set, l)>>31 != 0 {
				return word(x, l)
			}
			return word(y, l)
		})
	}})

// Conversions.

// OpToF32 is i32 lanes as f32.
var OpToF32 = declare(Operation{Name: "tof32", Args: []Arg{vec(I32)}, Makes: []Elem{F32},
	mean: func(e *evaluation, in *Instr) {
		x := e.lanes(in.Args[0])
		e.fillF32(in, func(l int) float32 { return float32(int32(word(x, l))) })
	}})

// OpTruncI is Args[0] toward zero, OpRintI to nearest, ties to even; NaN and what does not fit give
// -2^31.
var (
	OpTruncI = declare(Operation{Name: "trunci", Args: []Arg{vec(F32)}, Makes: []Elem{I32}, mean: toInt(math.Trunc)})
	OpRintI  = declare(Operation{Name: "rinti", Args: []Arg{vec(F32)}, Makes: []Elem{I32}, mean: toInt(math.RoundToEven)})
)

func toInt(round func(float64) float64) func(*evaluation, *Instr) {
	return func(e *evaluation, in *Instr) {
		x := e.lanes(in.Args[0])
		e.fill32(in, func(l int) uint32 {
			if v := round(float64(number(x, l))); v >= math.MinInt32 && v <= math.MaxInt32 {
				return uint32(int32(v))
			}
			return 1 << 31
		})
	}
}

// OpToF16 is the nearest f16, as an integer, OpRoundF16 the same as f32; a NaN gives sign|0x7E00.
var (
	OpToF16 = declare(Operation{Name: "tof16", Args: []Arg{vec(F32)}, Makes: []Elem{I32},
		mean: func(e *evaluation, in *Instr) {
			x := e.lanes(in.Args[0])
			e.fill32(in, func(l int) uint32 { return uint32(toF16(number(x, l))) })
		}})
	OpRoundF16 = declare(Operation{Name: "roundf16", Args: []Arg{vec(F32)}, Makes: []Elem{F32},
		mean: func(e *evaluation, in *Instr) {
			x := e.lanes(in.Args[0])
			e.fillF32(in, func(l int) float32 { return fromF16(toF16(number(x, l))) })
		}})
)

// OpToBF16 is the nearest bf16, as an integer; a NaN keeps its upper bits and is made quiet.
var OpToBF16 = declare(Operation{Name: "tobf16", Args: []Arg{vec(F32)}, Makes: []Elem{I32},
	mean: func(e *evaluation, in *Instr) {
		x := e.lanes(in.Args[0])
		e.fill32(in, func(l int) uint32 {
			w := word(x, l)
			if number(x, l) != number(x, l) {
				return w>>16 | 0x40
			}
			return (w + 0x7FFF + w>>16&1) >> 16
		})
	}})

// OpTableF32 is Const[Args[0]].
var OpTableF32 = declare(Operation{Name: "tablef32", Args: []Arg{vec(I32)}, Makes: []Elem{F32}, Const: Words,
	mean: func(e *evaluation, in *Instr) {
		x := e.lanes(in.Args[0])
		e.fill32(in, func(l int) uint32 {
			if i := word(x, l); i < uint32(len(in.Const)/4) {
				return word(in.Const, int(i))
			}
			panic(fault("entry %d of a table of %d", int32(word(x, l)), len(in.Const)/4))
		})
	}})

func arithmetic(name string, f func(x, y float32) float32) Operation {
	return Operation{Name: name, Args: []Arg{vec(F32), vec(F32).orConstant()}, Makes: []Elem{F32}, NaN: true,
		mean: func(e *evaluation, in *Instr) {
			x, y := e.lanes(in.Args[0]), e.second(in)
			e.fillF32(in, func(l int) float32 { return f(number(x, l), number(y, l)) })
		}}
}

// choice declares an operation that is its first operand where first says so, else the second.
func choice(name string, first func(x, y float32) bool) Operation {
	return Operation{Name: name, Args: []Arg{vec(F32), vec(F32).orConstant()}, Makes: []Elem{F32},
		mean: func(e *evaluation, in *Instr) {
			x, y := e.lanes(in.Args[0]), e.second(in)
			e.fill32(in, func(l int) uint32 {
				if first(number(x, l), number(y, l)) {
					return word(x, l)
				}
				return word(y, l)
			})
		}}
}
