package ir

import "encoding/binary"

// Addresses and words.

// OpParam is parameter Imm.
var OpParam = declare(Operation{Name: "param", Makes: []Elem{Addr, Word}, Count: Parameter,
	mean: func(e *evaluation, in *Instr) { e.scalars[in.Dst] = e.params[in.Imm] }})

// OpSlot is the address of Imm bytes of the kernel's own frame, a multiple of 32.
var OpSlot = declare(Operation{Name: "slot", Makes: []Elem{Addr}, Count: Bytes,
	mean: func(e *evaluation, in *Instr) { e.scalars[in.Dst] = scalar{buf: e.slot(in)} }})

// OpTable is the address of Const, which is kept with the code.
var OpTable = declare(Operation{Name: "table", Makes: []Elem{Addr}, Const: AnyWords,
	mean: func(e *evaluation, in *Instr) {
		e.scalars[in.Dst] = scalar{buf: &buffer{name: in.Dst.Name, data: in.Const, base: 8, constant: true}}
	}})

// OpCopy is its argument, as a value of its own.
var OpCopy = declare(Operation{Name: "copy", Args: []Arg{vec(Addr, Word)}, Makes: []Elem{Addr, Word},
	mean: func(e *evaluation, in *Instr) { e.scalars[in.Dst] = e.scalars[in.Args[0]] }})

// OpAddImm is Args[0] += Imm.
var OpAddImm = declare(Operation{Name: "addimm", Args: []Arg{vec(Addr, Word).inPlace()}, Count: Distance,
	mean: func(e *evaluation, in *Instr) { e.move(in.Args[0], in.Imm) }})

// OpAddInt is Args[0] += Args[1].
var OpAddInt = declare(Operation{Name: "addint", Args: []Arg{vec(Addr, Word).inPlace(), vec(Word)},
	mean: func(e *evaluation, in *Instr) { e.move(in.Args[0], e.scalars[in.Args[1]].n) }})

// OpAlign rounds Args[0] up to a multiple of Imm.
var OpAlign = declare(Operation{Name: "align", Args: []Arg{vec(Addr).inPlace()}, Count: Power,
	mean: func(e *evaluation, in *Instr) {
		s := e.scalars[in.Args[0]]
		e.move(in.Args[0], -(s.buf.base+s.n)&(in.Imm-1))
	}})

// Constants.

// OpConst is Const.
var OpConst = declare(Operation{Name: "const", Makes: vectors, Const: Vector,
	mean: func(e *evaluation, in *Instr) { copy(e.result(in), in.Const) }})

// OpZero is 0.
var OpZero = declare(Operation{Name: "zero", Makes: append([]Elem{Word}, vectors...),
	mean: func(e *evaluation, in *Instr) {
		if in.Dst.Type.Elem == Word {
			e.scalars[in.Dst] = scalar{}
			return
		}
		clear(e.result(in))
	}})

// OpAs is the bits of its argument as another type.
var OpAs = declare(Operation{Name: "as", Args: []Arg{vec(vectors...)}, Makes: vectors,
	mean: func(e *evaluation, in *Instr) { copy(e.result(in), e.lanes(in.Args[0])) }})

// OpFirst is a mask of the lanes below its argument.
var OpFirst = declare(Operation{Name: "first", Args: []Arg{vec(Word).within(-VectorLanes, 1<<30)}, Makes: []Elem{I32}, Size: OtherSize,
	mean: func(e *evaluation, in *Instr) {
		d, n := e.result(in), e.scalars[in.Args[0]].n
		for l := range in.Dst.Type.Lanes {
			binary.LittleEndian.PutUint32(d[4*l:], mask(l < n))
		}
	}})

func mask(set bool) uint32 {
	if set {
		return 1<<32 - 1
	}
	return 0
}
