// Package optest compares what a machine makes of each operation of package ir with the meaning of
// the operation: every form of it is assembled alone, run on random vectors, and evaluated.
package optest

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/kvgen/kvgen/gen/ir"
)

// The memory of a form: results, arguments, and what its memory operands reach.
const (
	results   = 0
	arguments = 512
	operand   = 1024 + 16
	operand2  = 1536
	size      = 2048
)

// Form is an operation with types, an immediate and a constant, in a function of its own.
type Form struct {
	Op    ir.Op
	Build func(name string) *ir.Func

	entries int // of the table that is its constant
}

// Forms lists the forms of all operations.
func Forms() []Form {
	r := rand.New(rand.NewPCG(1, 2))
	var all []Form
	for _, op := range ir.Ops() {
		if build := scalars[op]; build != nil {
			all = append(all, Form{Op: op, Build: function(build)})
			continue
		}
		widths := []int{32}
		if slices.Contains(narrow, op) {
			widths = append(widths, 16)
		}
		for _, width := range widths {
			for _, in := range instructions(op, width, r) {
				for _, apart := range []bool{false, true} {
					build := function(func(b *ir.Builder, p *ir.Value) { in.build(b, p, apart) })
					all = append(all, Form{Op: op, Build: build, entries: len(in.c) / 4})
				}
			}
		}
	}
	return all
}

// narrow are the operations that kernels use on vectors of 16 bytes as well.
var narrow = []ir.Op{ir.OpLoad, ir.OpStore, ir.OpConst, ir.OpZero, ir.OpBroadcast, ir.OpAdd, ir.OpSub, ir.OpMul, ir.OpXor, ir.OpToF32, ir.OpMerge, ir.OpStoreLow}

// function makes a function of one address.
func function(build func(b *ir.Builder, p *ir.Value)) func(name string) *ir.Func {
	return func(name string) *ir.Func {
		b := ir.Build(name, []ir.Param{{Name: "p", Type: ir.Type{Elem: ir.Addr, Lanes: 1}, Go: "*byte"}}, name+" is an operation alone.")
		build(b, b.Param(0))
		return b.F
	}
}

// vector is the type of so many bytes.
func vector(e ir.Elem, bytes int) ir.Type {
	return ir.Type{Elem: e, Lanes: bytes / ir.Type{Elem: e, Lanes: 1}.Bytes()}
}

// instruction is an operation on vectors, before it has values.
type instruction struct {
	op     ir.Op
	args   []ir.Type
	result ir.Type
	imm    int
	c      []byte
}

// instructions lists what the declaration of an operation allows: every element, number of
// arguments and immediate, a constant in place of the last argument, tables of several lengths.
func instructions(op ir.Op, width int, r *rand.Rand) (all []instruction) {
	for _, elem := range elements(op) {
		for _, many := range times(op) {
			in := instruction{op: op}
			for i := range many {
				a := op.Args[min(i, len(op.Args)-1)]
				bytes := width
				if a.Halved {
					bytes /= 2
				}
				in.args = append(in.args, vector(pick(a.Elems, elem), bytes))
			}
			if op.Makes != nil {
				in.result = vector(pick(op.Makes, elem), width)
			}
			switch op {
			case ir.OpSum4, ir.OpStrideF16, ir.OpFoldS8:
				in.result = vector(in.result.Elem, 16)
			case ir.OpTranspose:
				if many != in.args[0].Lanes {
					continue
				}
			}
			for _, imm := range immediates(in) {
				in.imm = imm
				for _, c := range constants(in, r) {
					in.c = c
					all = append(all, in)
				}
				if last := len(op.Args) - 1; last >= 0 && op.Args[last].Constant {
					short := in
					short.args = short.args[:last]
					short.c = random(in.args[last].Bytes(), r)
					all = append(all, short)
				}
			}
		}
	}
	return all
}

// elements are those of the first operand that has a choice.
func elements(op ir.Op) []ir.Elem {
	for _, a := range op.Args {
		if len(a.Elems) > 1 {
			return a.Elems
		}
	}
	if len(op.Args) == 0 {
		return slices.DeleteFunc(slices.Clone(op.Makes), func(e ir.Elem) bool { return e == ir.Word })
	}
	return op.Args[0].Elems
}

func pick(allowed []ir.Elem, e ir.Elem) ir.Elem {
	if slices.Contains(allowed, e) {
		return e
	}
	return allowed[0]
}

func times(op ir.Op) []int {
	if n := len(op.Args); n > 0 && op.Args[n-1].Many != nil {
		return op.Args[n-1].Many
	}
	return []int{len(op.Args)}
}

func immediates(in instruction) []int {
	switch {
	case in.op.Imm != nil:
		return slices.DeleteFunc(slices.Clone(in.op.Imm), func(n int) bool { return n > in.most() })
	case in.op.Count == ir.Shift && in.args[0].Elem == ir.I16:
		return []int{1, 8, 15}
	case in.op.Count == ir.Shift:
		return []int{1, 4, 16, 31}
	case in.op.Count == ir.Bytes:
		return []int{16, 18, 34}
	}
	return []int{0}
}

// most is the largest immediate of a vector of its size.
func (in instruction) most() int {
	width := in.result.Bytes()
	if len(in.args) > 0 {
		width = in.args[0].Bytes()
	}
	switch in.op {
	case ir.OpSwap, ir.OpMerge, ir.OpLoadLow:
		return map[ir.Op]int{ir.OpSwap: width / 8, ir.OpMerge: width / 8, ir.OpLoadLow: width / 4}[in.op]
	}
	return math.MaxInt
}

func constants(in instruction, r *rand.Rand) [][]byte {
	n := in.result.Bytes()
	switch in.op.Const {
	case ir.NoConst:
		return [][]byte{nil}
	case ir.Vector:
		c := random(n, r)
		if in.op == ir.OpShiftB {
			for l := range c {
				c[l] = byte(r.IntN(15) - 7)
			}
		}
		if in.op == ir.OpShrVar || in.op == ir.OpShlVar {
			c = words(n/4, func(int) uint32 { return r.Uint32N(40) })
		}
		return [][]byte{c}
	case ir.Bytes16:
		return [][]byte{random(16, r)}
	case ir.Words:
		var all [][]byte
		for _, k := range []int{1, 3, 8, 13, 16, 32, 50, 64} {
			all = append(all, random(4*k, r))
		}
		return all
	case ir.Order:
		return [][]byte{words(n/4, func(int) uint32 { return r.Uint32N(uint32(in.args[0].Lanes)) }), words(n/4, func(l int) uint32 { return uint32(l) / 2 })}
	case ir.Index16:
		c := random(n, r)
		for l := range c {
			if c[l] &= 15; r.IntN(4) == 0 {
				c[l] = 0x80
			}
		}
		return [][]byte{c}
	case ir.Distances:
		return [][]byte{words(n/4, func(int) uint32 { return r.Uint32N(300) })}
	}
	panic(fmt.Sprintf("%v: a constant of no kind that is known", in.op))
}

func words(n int, w func(l int) uint32) (c []byte) {
	for l := range n {
		c = binary.LittleEndian.AppendUint32(c, w(l))
	}
	return c
}

func random(n int, r *rand.Rand) []byte {
	c := make([]byte, n)
	for i := range c {
		c[i] = byte(r.Uint32())
	}
	return c
}

// build loads the arguments, appends the instruction and stores what it makes and what it changes.
// apart is the second way: in a loop, where constants are in registers, and with arguments that
// others read as well, so that no load is a part of the instruction.
func (in instruction) build(b *ir.Builder, p *ir.Value, apart bool) {
	body := func() {
		i := &ir.Instr{Op: in.op, Imm: in.imm, Const: in.c}
		for k, t := range in.args {
			x := b.Load(t, ir.At(p, arguments+32*k), "x")
			if in.op.Args[min(k, len(in.op.Args)-1)].Opaque {
				x = b.Factor(x)
			}
			i.Args = append(i.Args, x)
		}
		if in.op.Mem != ir.NoMemory {
			i.Mem = ir.At(p, operand)
		}
		if in.op.Mem == ir.ReadsTwo {
			i.Mem2 = ir.At(p, operand2)
		}
		at := results
		if in.op.Makes != nil {
			b.Store(b.Append(i, in.result), ir.At(p, at))
			at += 32
		} else {
			b.Append(i, in.result)
		}
		for k, v := range i.Args {
			a := in.op.Args[min(k, len(in.op.Args)-1)]
			if a.InPlace || apart && !a.Spent && !a.Opaque {
				b.Store(v, ir.At(p, at+32*k))
			}
		}
	}
	if !apart {
		body()
		return
	}
	count := b.ZeroWord("count")
	b.AddImm(count, 1)
	b.Loop(count, 1, body)
}
