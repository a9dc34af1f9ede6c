package ir

import "encoding/binary"

// Between lanes of 32 bits, whose number is a power of two.

// OpSwap is lane l^Imm of Args[0] in lane l.
var OpSwap = declare(Operation{Name: "swap", Args: []Arg{vec(I32, F32)}, Makes: []Elem{I32, F32}, Imm: []int{1, 2, 4}, Lanes: Across,
	mean: func(e *evaluation, in *Instr) {
		x := e.lanes(in.Args[0])
		e.fill32(in, func(l int) uint32 { return word(x, l^in.Imm) })
	}})

// OpMerge is lane l of Args[1] where l&Imm is not 0, else of Args[0].
var OpMerge = declare(Operation{Name: "merge", Args: []Arg{vec(I32, F32), vec(I32, F32)}, Makes: []Elem{I32, F32}, Imm: []int{1, 2, 4}, More: sameTypes,
	mean: func(e *evaluation, in *Instr) {
		x, y := e.lanes(in.Args[0]), e.lanes(in.Args[1])
		e.fill32(in, func(l int) uint32 {
			if l&in.Imm != 0 {
				return word(y, l)
			}
			return word(x, l)
		})
	}})

// OpOrder is lane Const[l] of Args[0] in lane l.
var OpOrder = declare(Operation{Name: "order", Args: []Arg{vec(I32, F32)}, Makes: []Elem{I32, F32}, Const: Order, Size: OtherSize, Lanes: Across,
	mean: func(e *evaluation, in *Instr) {
		x := e.lanes(in.Args[0])
		e.fill32(in, func(l int) uint32 { return word(x, int(word(in.Const, l))) })
	}})

// OpZip is lanes of Args[0] and Args[1] in turn, from half Imm of all lanes.
var OpZip = declare(Operation{Name: "zip", Args: []Arg{vec(I32, F32), vec(I32, F32)}, Makes: []Elem{I32, F32}, Imm: []int{0, 1}, Lanes: Across, More: sameTypes,
	mean: func(e *evaluation, in *Instr) {
		args := [2][]byte{e.lanes(in.Args[0]), e.lanes(in.Args[1])}
		e.fill32(in, func(l int) uint32 { return word(args[l%2], in.Imm*in.Dst.Type.Lanes/2+l/2) })
	}})

// OpSum4 is the sums of all lanes of Args[0], [1], [2], [3]: in each 4 lanes those 2 apart first,
// then all of 4, then these of all lanes.
var OpSum4 = declare(Operation{Name: "sum4", Args: []Arg{vec(I32, F32).times(4)}, Makes: []Elem{I32, F32}, Size: OtherSize, Lanes: Across, NaN: true,
	More: func(in *Instr) string {
		if in.Dst.Type.Lanes != 4 || in.Dst.Type.Elem != in.Args[0].Type.Elem {
			return "sum4 makes 4 lanes of the arguments' type"
		}
		return sameTypes(in)
	},
	mean: func(e *evaluation, in *Instr) {
		if in.Dst.Type.Elem == F32 {
			e.fillF32(in, func(k int) float32 {
				x := e.lanes(in.Args[k])
				return fold(in.Args[k].Type.Lanes, func(l int) float32 { return number(x, l) })
			})
			return
		}
		e.fill32(in, func(k int) uint32 {
			x := e.lanes(in.Args[k])
			return fold(in.Args[k].Type.Lanes, func(l int) uint32 { return word(x, l) })
		})
	}})

func fold[T uint32 | float32](lanes int, x func(l int) T) (sum T) {
	for l := 0; l < lanes; l += 4 {
		four := (x(l) + x(l+2)) + (x(l+1) + x(l+3))
		if sum += four; l == 0 {
			sum = four
		}
	}
	return sum
}

// OpSumFours is the sums of each 4 lanes of all arguments, in order.
var OpSumFours = declare(Operation{Name: "sumfours", Args: []Arg{vec(I32).times(4)}, Makes: []Elem{I32}, Lanes: Across,
	mean: func(e *evaluation, in *Instr) {
		e.fill32(in, func(k int) uint32 {
			from := 4 * k
			n := in.Args[0].Type.Lanes
			x := e.lanes(in.Args[from/n])[4*(from%n):]
			return fold(4, func(l int) uint32 { return word(x, l) })
		})
	}})

// OpAddPairs is, in each 4 lanes, the sums of 2 neighbours of Args[0] and then of Args[1].
var OpAddPairs = declare(Operation{Name: "addpairs", Args: []Arg{vec(I32, F32), vec(I32, F32)}, Makes: []Elem{I32, F32}, Lanes: Per16, NaN: true, More: sameTypes,
	mean: func(e *evaluation, in *Instr) {
		args := [2][]byte{e.lanes(in.Args[0]), e.lanes(in.Args[1])}
		from := func(l int) ([]byte, int) { return args[l%4/2], l&^3 + l%2*2 }
		if in.Dst.Type.Elem == F32 {
			e.fillF32(in, func(l int) float32 {
				x, at := from(l)
				return number(x, at) + number(x, at+1)
			})
			return
		}
		e.fill32(in, func(l int) uint32 {
			x, at := from(l)
			return word(x, at) + word(x, at+1)
		})
	}})

// OpTranspose has as many vectors as lanes; lane l of Args[k] and lane k of Args[l] change places.
var OpTranspose = declare(Operation{Name: "transpose", Args: []Arg{vec(I32, F32).inPlace().times(4, 8, 16)}, Lanes: Across,
	More: func(in *Instr) string {
		if len(in.Args) != in.Args[0].Type.Lanes {
			return "as many vectors as lanes"
		}
		return sameTypes(in)
	},
	mean: func(e *evaluation, in *Instr) {
		for k := range in.Args {
			for l := range k {
				x, y := e.lanes(in.Args[k])[4*l:], e.lanes(in.Args[l])[4*k:]
				a, b := word(x, 0), word(y, 0)
				binary.LittleEndian.PutUint32(x, b)
				binary.LittleEndian.PutUint32(y, a)
			}
		}
	}})

// sameTypes holds where all arguments are of one type.
func sameTypes(in *Instr) string {
	for _, v := range in.Args {
		if v.Type != in.Args[0].Type {
			return "arguments differ in type"
		}
	}
	return ""
}
