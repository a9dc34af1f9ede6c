package ir

import "math"

// Bits.

// OpAnd, OpOr and OpXor act on all bits.
var (
	OpAnd = declare(Operation{Name: "and", Args: []Arg{vec(vectors...), vec(vectors...).orConstant()}, Makes: vectors,
		mean: bytewise(func(x, y byte) byte { return x & y })})
	OpOr = declare(Operation{Name: "or", Args: []Arg{vec(vectors...), vec(vectors...).orConstant()}, Makes: vectors,
		mean: bytewise(func(x, y byte) byte { return x | y })})
	OpXor = declare(Operation{Name: "xor", Args: []Arg{vec(vectors...), vec(vectors...).orConstant()}, Makes: vectors,
		mean: bytewise(func(x, y byte) byte { return x ^ y })})
)

// OpShr and OpShl shift words of 32 bits by Imm, zeros shifted in; OpShl those of 16 bits where
// that is their type. OpSar shifts the sign in.
var (
	OpShr = declare(Operation{Name: "shr", Args: []Arg{vec(I8, I32)}, Makes: []Elem{I8, I32}, Count: Shift,
		mean: func(e *evaluation, in *Instr) {
			x := e.lanes(in.Args[0])
			e.fill32(in, func(l int) uint32 { return word(x, l) >> in.Imm })
		}})
	OpShl = declare(Operation{Name: "shl", Args: []Arg{vec(I8, I16, I32)}, Makes: []Elem{I8, I16, I32}, Count: Shift,
		mean: func(e *evaluation, in *Instr) {
			x := e.lanes(in.Args[0])
			if in.Dst.Type.Elem == I16 {
				e.fill16(in, func(l int) uint16 { return half(x, l) << in.Imm })
				return
			}
			e.fill32(in, func(l int) uint32 { return word(x, l) << in.Imm })
		}})
	OpSar = declare(Operation{Name: "sar", Args: []Arg{vec(I16, I32)}, Makes: []Elem{I16, I32}, Count: Shift,
		mean: func(e *evaluation, in *Instr) {
			x := e.lanes(in.Args[0])
			if in.Dst.Type.Elem == I16 {
				e.fill16(in, func(l int) uint16 { return uint16(int16(half(x, l)) >> in.Imm) })
				return
			}
			e.fill32(in, func(l int) uint32 { return uint32(int32(word(x, l)) >> in.Imm) })
		}})
)

// OpShrVar and OpShlVar shift words by those of Const, zeros shifted in.
var (
	OpShrVar = declare(Operation{Name: "shrvar", Args: []Arg{vec(I8, I32)}, Makes: []Elem{I8, I32}, Const: Vector,
		mean: func(e *evaluation, in *Instr) {
			x := e.lanes(in.Args[0])
			e.fill32(in, func(l int) uint32 { return word(x, l) >> word(in.Const, l) })
		}})
	OpShlVar = declare(Operation{Name: "shlvar", Args: []Arg{vec(I8, I32)}, Makes: []Elem{I8, I32}, Const: Vector,
		mean: func(e *evaluation, in *Instr) {
			x := e.lanes(in.Args[0])
			e.fill32(in, func(l int) uint32 { return word(x, l) << word(in.Const, l) })
		}})
)

// Bytes.

// OpShuffle is bytes of Args[0] picked by Const inside each 16 bytes; 0x80 gives 0.
var OpShuffle = declare(Operation{Name: "shuffle", Args: []Arg{vec(I8)}, Makes: []Elem{I8}, Const: Index16, Lanes: Per16,
	mean: func(e *evaluation, in *Instr) {
		x := e.lanes(in.Args[0])
		e.fill8(in, func(l int) byte {
			if in.Const[l] == 0x80 {
				return 0
			}
			return x[l&^15+int(in.Const[l])]
		})
	}})

// OpTable16 is the byte of Const that the low 4 bits of Args[0] pick; bit 7 is not set.
var OpTable16 = declare(Operation{Name: "table16", Args: []Arg{vec(I8).within(0, 127)}, Makes: []Elem{I8}, Const: Bytes16,
	mean: func(e *evaluation, in *Instr) {
		x := e.lanes(in.Args[0])
		e.fill8(in, func(l int) byte { return in.Const[x[l]&15] })
	}})

// OpSelectBit is bit Imm of Args[0] ? Args[1] : Args[2].
var OpSelectBit = declare(Operation{Name: "selectbit", Args: []Arg{vec(I8), vec(I8), vec(I8)}, Makes: []Elem{I8}, Imm: []int{0, 1, 2, 3, 4, 5, 6, 7},
	mean: func(e *evaluation, in *Instr) {
		bit, x, y := e.lanes(in.Args[0]), e.lanes(in.Args[1]), e.lanes(in.Args[2])
		e.fill8(in, func(l int) byte {
			if bit[l]>>in.Imm&1 != 0 {
				return x[l]
			}
			return y[l]
		})
	}})

// Arithmetic of bytes, which wraps: OpAddB and OpEqB (-1 or 0) with Const, OpAbsB is |Args[0]|,
// OpSumB is Args[0] + Args[1], OpSignB Args[0] times the sign of Args[1], OpAverage
// (Args[0] + Args[1] + 1) / 2, unsigned.
// OpShiftB shifts each byte by that of Const, zeros shifted in: to the left, below 0 to the right.
var (
	OpSumB = declare(Operation{Name: "sumb", Args: []Arg{vec(I8), vec(I8)}, Makes: []Elem{I8},
		mean: bytewise(func(x, y byte) byte { return x + y })})
	OpAddB = declare(Operation{Name: "addb", Args: []Arg{vec(I8)}, Makes: []Elem{I8}, Const: Vector,
		mean: bytewise(func(x, y byte) byte { return x + y })})
	OpEqB = declare(Operation{Name: "eqb", Args: []Arg{vec(I8)}, Makes: []Elem{I8}, Const: Vector,
		mean: bytewise(func(x, y byte) byte { return byte(mask(x == y)) })})
	OpAbsB = declare(Operation{Name: "absb", Args: []Arg{vec(I8)}, Makes: []Elem{I8},
		mean: func(e *evaluation, in *Instr) {
			x := e.lanes(in.Args[0])
			e.fill8(in, func(l int) byte { return byte(max(int8(x[l]), -int8(x[l]))) })
		}})
	OpSignB = declare(Operation{Name: "signb", Args: []Arg{vec(I8), vec(I8)}, Makes: []Elem{I8},
		mean: bytewise(func(x, y byte) byte {
			switch s := int8(y); {
			case s < 0:
				return -x
			case s == 0:
				return 0
			}
			return x
		})})
	OpAverage = declare(Operation{Name: "average", Args: []Arg{vec(I8), vec(I8)}, Makes: []Elem{I8},
		mean: bytewise(func(x, y byte) byte { return byte((int(x) + int(y) + 1) / 2) })})
	OpShiftB = declare(Operation{Name: "shiftb", Args: []Arg{vec(I8)}, Makes: []Elem{I8}, Const: Vector,
		mean: bytewise(func(x, n byte) byte {
			if int8(n) < 0 {
				return x >> -int8(n)
			}
			return x << n
		})})
)

// OpZipWords is 2 bytes of Args[0], 2 of Args[1] and so on, from half Imm of each 16 bytes.
var OpZipWords = declare(Operation{Name: "zipwords", Args: []Arg{vec(I8), vec(I8)}, Makes: []Elem{I8}, Imm: []int{0, 1}, Lanes: Per16,
	mean: func(e *evaluation, in *Instr) {
		args := [2][]byte{e.lanes(in.Args[0]), e.lanes(in.Args[1])}
		e.fill8(in, func(l int) byte {
			word := l % 16 / 2
			return args[word%2][l&^15+8*in.Imm+word/2*2+l%2]
		})
	}})

// Products of bytes. Sums of two neighbouring products fit 16 bits: machines without a sum of four
// saturate there.

// OpDotU8S8 is sums of 4 products, Args[0] unsigned and Args[1] signed.
var OpDotU8S8 = declare(Operation{Name: "dotu8s8", Args: []Arg{vec(I8), vec(I8)}, Makes: []Elem{I32},
	mean: func(e *evaluation, in *Instr) {
		x, y := e.lanes(in.Args[0]), e.lanes(in.Args[1])
		e.fill32(in, func(l int) uint32 { return products(x, y, 4*l, 4) })
	}})

// OpDotAcc is Args[0] += the sums of OpDotU8S8 of Args[1] and Args[2].
var OpDotAcc = declare(Operation{Name: "dotacc", Args: []Arg{vec(I32).inPlace(), vec(I8), vec(I8)},
	mean: func(e *evaluation, in *Instr) {
		x, y := e.lanes(in.Args[1]), e.lanes(in.Args[2])
		e.add32(in, func(l int) uint32 { return products(x, y, 4*l, 4) })
	}})

// OpPairsU8S8 is sums of 2 products, Args[0] unsigned and Args[1] signed.
var OpPairsU8S8 = declare(Operation{Name: "pairsu8s8", Args: []Arg{vec(I8), vec(I8)}, Makes: []Elem{I16},
	mean: func(e *evaluation, in *Instr) {
		x, y := e.lanes(in.Args[0]), e.lanes(in.Args[1])
		e.fill16(in, func(l int) uint16 { return uint16(products(x, y, 2*l, 2)) })
	}})

// OpFactor is its argument as the first factor of OpDotS8 and OpDotS8Acc. It has a name so that a
// machine that multiplies unsigned by signed bytes keeps in it what it takes of the levels, once.
var OpFactor = declare(Operation{Name: "factor", Args: []Arg{vec(I8)}, Makes: []Elem{I8}, Opaque: true,
	mean: func(e *evaluation, in *Instr) { copy(e.result(in), e.lanes(in.Args[0])) }})

// OpDotS8 is sums of 4 products of signed bytes, Args[0] an OpFactor and Args[1] no lane -128.
// OpDotS8Acc is Args[0] += those of Args[1] and Args[2].
var (
	OpDotS8 = declare(Operation{Name: "dots8", Args: []Arg{vec(I8).opaque(), vec(I8).within(-127, 127)}, Makes: []Elem{I32},
		mean: func(e *evaluation, in *Instr) {
			x, y := e.lanes(in.Args[0]), e.lanes(in.Args[1])
			e.fill32(in, func(l int) uint32 { return signedProducts(x, y, 4*l, 4) })
		}})
	OpDotS8Acc = declare(Operation{Name: "dots8acc", Args: []Arg{vec(I32).inPlace(), vec(I8).opaque(), vec(I8).within(-127, 127)},
		mean: func(e *evaluation, in *Instr) {
			x, y := e.lanes(in.Args[1]), e.lanes(in.Args[2])
			e.add32(in, func(l int) uint32 { return signedProducts(x, y, 4*l, 4) })
		}})
)

// OpFoldS8 is sums of 4 products of OpDotS8, those of both halves of its arguments added: a vector
// of half their size. OpFoldS8Acc is Args[0] += those of Args[1] and Args[2].
var (
	OpFoldS8 = declare(Operation{Name: "folds8", Args: []Arg{vec(I8).opaque(), vec(I8).within(-127, 127)}, Makes: []Elem{I32}, Size: OtherSize, Lanes: Across,
		More: func(in *Instr) string {
			if in.Args[0].Type.Bytes() != VectorBytes || in.Dst.Type.Bytes() != half16 {
				return "folds8 makes half a vector of whole ones"
			}
			return ""
		},
		mean: func(e *evaluation, in *Instr) {
			x, y := e.lanes(in.Args[0]), e.lanes(in.Args[1])
			e.fill32(in, func(l int) uint32 { return foldedProducts(x, y, l) })
		}})
	OpFoldS8Acc = declare(Operation{Name: "folds8acc", Args: []Arg{vec(I32).inPlace().halved(), vec(I8).opaque(), vec(I8).within(-127, 127)}, Lanes: Across,
		More: func(in *Instr) string {
			if in.Args[1].Type.Bytes() != VectorBytes {
				return "folds8acc takes whole vectors"
			}
			return ""
		},
		mean: func(e *evaluation, in *Instr) {
			x, y := e.lanes(in.Args[1]), e.lanes(in.Args[2])
			e.add32(in, func(l int) uint32 { return foldedProducts(x, y, l) })
		}})
)

// foldedProducts is lane l of both halves.
func foldedProducts(x, y []byte, l int) uint32 {
	return signedProducts(x, y, 4*l, 4) + signedProducts(x, y, half16+4*l, 4)
}

func signedProducts(x, y []byte, first, n int) (sum uint32) {
	for k := first; k < first+n; k++ {
		sum += uint32(int(int8(x[k])) * int(int8(y[k])))
	}
	return sum
}

// products is the sum of n products, x unsigned, from byte first on.
func products(x, y []byte, first, n int) uint32 {
	sum := 0
	for k := first; k < first+n; k += 2 {
		two := int(x[k])*int(int8(y[k])) + int(x[k+1])*int(int8(y[k+1]))
		if two != int(int16(two)) {
			panic(fault("the products of bytes %d and %d sum to %d, which 16 bits do not hold", k, k+1, two))
		}
		sum += two
	}
	return uint32(sum)
}

// Integers of 16 bits.

// OpWidenPairs is sums of 2 neighbours.
var OpWidenPairs = declare(Operation{Name: "widenpairs", Args: []Arg{vec(I16)}, Makes: []Elem{I32},
	mean: func(e *evaluation, in *Instr) {
		x := e.lanes(in.Args[0])
		e.fill32(in, func(l int) uint32 { return uint32(int16(half(x, 2*l))) + uint32(int16(half(x, 2*l+1))) })
	}})

// OpPairsAcc is Args[0] += sums of 2 products of neighbours of Args[1] and Args[2].
var OpPairsAcc = declare(Operation{Name: "pairsacc", Args: []Arg{vec(I32).inPlace(), vec(I16), vec(I16)},
	mean: func(e *evaluation, in *Instr) {
		x, y := e.lanes(in.Args[1]), e.lanes(in.Args[2])
		e.add32(in, func(l int) (sum uint32) {
			for k := 2 * l; k < 2*l+2; k++ {
				sum += uint32(int(int16(half(x, k))) * int(int16(half(y, k))))
			}
			return sum
		})
	}})

// Integers of 32 bits, which wrap.

// OpAddI, OpSubI, OpMulI, OpMinI and OpMaxI take two values, or a value and a constant.
var (
	OpAddI = declare(integers("addi", func(x, y int32) int32 { return x + y }))
	OpSubI = declare(integers("subi", func(x, y int32) int32 { return x - y }))
	OpMulI = declare(integers("muli", func(x, y int32) int32 { return x * y }))
	OpMinI = declare(integers("mini", func(x, y int32) int32 { return min(x, y) }))
	OpMaxI = declare(integers("maxi", func(x, y int32) int32 { return max(x, y) }))
)

// OpDivI is Args[0] / Args[1] toward zero, 0 where Args[1] is 0.
var OpDivI = declare(Operation{Name: "divi", Args: []Arg{vec(I32), vec(I32)}, Makes: []Elem{I32},
	mean: integers("", func(x, y int32) int32 {
		if y == 0 {
			return 0
		}
		return x / y
	}).mean})

// OpAbsI is |Args[0]|.
var OpAbsI = declare(Operation{Name: "absi", Args: []Arg{vec(I32)}, Makes: []Elem{I32},
	mean: func(e *evaluation, in *Instr) {
		x := e.lanes(in.Args[0])
		e.fill32(in, func(l int) uint32 { return uint32(max(int32(word(x, l)), -int32(word(x, l)))) })
	}})

// OpCompareI is a mask of Args[0] Imm Args[1].
var OpCompareI = declare(Operation{Name: "comparei", Args: []Arg{vec(I32), vec(I32).orConstant()}, Makes: []Elem{I32}, Imm: []int{Equal, Greater},
	mean: func(e *evaluation, in *Instr) {
		x, y := e.lanes(in.Args[0]), e.second(in)
		e.fill32(in, func(l int) uint32 {
			a, b := int32(word(x, l)), int32(word(y, l))
			return mask(in.Imm == Equal && a == b || in.Imm == Greater && a > b)
		})
	}})

// Narrower lanes: the arguments' in order.

// OpPack4 is the lanes of Args[0..3] as bytes; OpPackS2 and OpPackS4 saturate to signed lanes.
var (
	OpPack4 = declare(Operation{Name: "pack4", Args: []Arg{vec(I32).within(0, math.MaxUint8).times(4)}, Makes: []Elem{I8}, Lanes: Across,
		mean: func(e *evaluation, in *Instr) {
			e.fill8(in, func(l int) byte { return byte(e.packed(in, l)) })
		}})
	OpPackS2 = declare(Operation{Name: "packs2", Args: []Arg{vec(I32).times(2)}, Makes: []Elem{I16}, Lanes: Across,
		mean: func(e *evaluation, in *Instr) {
			e.fill16(in, func(l int) uint16 { return uint16(min(max(e.packed(in, l), math.MinInt16), math.MaxInt16)) })
		}})
	OpPackS4 = declare(Operation{Name: "packs4", Args: []Arg{vec(I32).times(4)}, Makes: []Elem{I8}, Lanes: Across,
		mean: func(e *evaluation, in *Instr) {
			e.fill8(in, func(l int) byte { return byte(min(max(e.packed(in, l), math.MinInt8), math.MaxInt8)) })
		}})
)

// packed is lane l of all arguments, one after the other.
func (e *evaluation) packed(in *Instr, l int) int32 {
	n := in.Args[0].Type.Lanes
	return int32(word(e.lanes(in.Args[l/n]), l%n))
}

// bytewise is an operation on bytes of the arguments, or of the argument and the constant.
func bytewise(f func(x, y byte) byte) func(*evaluation, *Instr) {
	return func(e *evaluation, in *Instr) {
		x, y := e.lanes(in.Args[0]), e.second(in)
		e.fill8(in, func(l int) byte { return f(x[l], y[l]) })
	}
}

// integers declares an operation on words.
func integers(name string, f func(x, y int32) int32) Operation {
	return Operation{Name: name, Args: []Arg{vec(I32), vec(I32).orConstant()}, Makes: []Elem{I32},
		mean: func(e *evaluation, in *Instr) {
			x, y := e.lanes(in.Args[0]), e.second(in)
			e.fill32(in, func(l int) uint32 { return uint32(f(int32(word(x, l)), int32(word(y, l)))) })
		}}
}
