package ir

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
)

// half16 is the size of the registers of the machines that Halve serves.
const half16 = VectorBytes / 2

// Halve rewrites f for a machine whose registers have 16 bytes: a vector of VectorBytes becomes
// two. Operations on lanes, or on lanes of the same 16 bytes, are done twice; the others have a
// rule each. Halves that are the same, as those of a broadcast, are one value.
func Halve(f *Func) *Func {
	h := &halver{b: Build(f.Name, f.Params, f.Doc...), parts: map[*Value][]*Value{}, writes: map[*Value]int{}}
	h.countWrites(f.Body)
	h.block(f.Body)
	return h.b.F
}

type halver struct {
	b      *Builder
	parts  map[*Value][]*Value // a value of f as one or two of the result
	writes map[*Value]int      // writes to a value of f; one more where an operation uses it up
	loaded loaded
}

func (h *halver) countWrites(body []Node) {
	for _, n := range body {
		switch n := n.(type) {
		case *Loop:
			h.countWrites(n.Body)
		case *Instr:
			if n.Dst != nil {
				h.writes[n.Dst]++
			}
			for i, v := range n.Args {
				if a := n.Op.arg(i); a.InPlace || a.Spent {
					h.writes[v]++
				}
			}
		}
	}
}

func (h *halver) block(body []Node) {
	h.loaded = loaded{}
	defer func() { h.loaded = loaded{} }()
	for _, n := range body {
		switch n := n.(type) {
		case Note:
			h.b.add(n)
		case *Loop:
			h.b.Loop(h.parts[n.Count][0], n.Step, func() { h.block(n.Body) })
		case *Instr:
			h.instr(n)
		}
	}
}

func isWide(v *Value) bool { return v != nil && v.Type.isVector() && v.Type.Bytes() > half16 }

func (h *halver) instr(in *Instr) {
	h.forget(in)
	rule, special := halfRules[in.Op]
	switch {
	case !isWide(in.Dst) && !slices.ContainsFunc(in.Args, isWide):
		h.emit(in, 0, in.Mem, in.Const, false)
	case special:
		rule(h, in)
	case in.Op.Lanes == Across:
		panic(fmt.Sprintf("ir: %v has no halves", in.Op))
	case h.alike(in):
		h.emit(in, 0, in.Mem, in.halfConst(0), true)
		h.parts[in.Dst] = append(h.parts[in.Dst], h.parts[in.Dst][0])
	default:
		for k := range 2 {
			h.emit(in, k, in.Mem.Plus(k*in.halfBytes()), in.halfConst(k), true)
		}
	}
}

// alike reports whether both halves of the result are the same, for good.
func (h *halver) alike(in *Instr) bool {
	if in.Dst == nil || h.writes[in.Dst] != 1 || in.halfBytes() != 0 || in.Op == OpGather || !bytes.Equal(in.halfConst(0), in.halfConst(1)) {
		return false
	}
	for _, v := range in.Args {
		if h.writes[v] != 1 || isWide(v) && h.part(v, 0) != h.part(v, 1) {
			return false
		}
	}
	return true
}

// halfBytes is how far apart in memory the halves of a vector are.
func (in *Instr) halfBytes() int {
	switch in.Op {
	case OpLoad, OpStore, OpLoadWhere, OpStoreWhere:
		return half16
	case OpLoadF16, OpLoadBF16, OpStoreHalves:
		return half16 / 2
	case OpWidenS8, OpWidenU8:
		return half16 / 4
	case OpScatter, OpScatterHalf, OpScatterByte:
		return half16 / 4 * in.Imm
	}
	return 0
}

// halfConst is half k of a constant that has lanes, or the whole of another.
func (in *Instr) halfConst(k int) []byte {
	switch in.Op.Const {
	case Bytes16, Words, AnyWords:
		return in.Const
	}
	n := len(in.Const) / 2
	return in.Const[k*n:][:n]
}

// halfType is the type of half a vector, or that of what is no larger than a register.
func halfType(v *Value) Type {
	if isWide(v) {
		return Type{v.Type.Elem, v.Type.Lanes / 2}
	}
	return v.Type
}

// part is half k of a value, or the value where it has only one.
func (h *halver) part(v *Value, k int) *Value {
	p := h.parts[v]
	return p[min(k, len(p)-1)]
}

func (h *halver) mem(m Mem) Mem {
	if m.Base != nil {
		m.Base = h.part(m.Base, 0)
	}
	if m.Index != nil {
		m.Index = h.part(m.Index, 0)
	}
	return m
}

// emit appends half k of an instruction.
func (h *halver) emit(in *Instr, k int, m Mem, c []byte, wide bool) *Value {
	n := Instr{Op: in.Op, Imm: in.Imm, Mem: h.mem(m), Mem2: h.mem(in.Mem2), Note: in.Note}
	if in.Const != nil {
		n.Const = c
	}
	for _, v := range in.Args {
		n.Args = append(n.Args, h.part(v, k))
	}
	return h.append(n, in.Dst, k)
}

// append adds an instruction that writes half k of dst.
func (h *halver) append(n Instr, dst *Value, k int) *Value {
	if dst == nil {
		h.b.effect(n.Op, n)
		return nil
	}
	if v := h.loaded.find(&n); v != nil && h.writes[dst] == 1 && v.Type == halfType(dst) {
		h.parts[dst] = append(h.parts[dst], v)
		return v
	}
	v := h.b.result(n.Op, halfType(dst), dst.Name, n)
	if p := h.parts[dst]; k < len(p) { // an accumulator
		h.b.Into(p[k], v)
		return p[k]
	}
	h.parts[dst] = append(h.parts[dst], v)
	if h.writes[dst] == 1 {
		h.loaded.add(&n, v)
	}
	return v
}

// set makes v half k of dst: the same value where neither is written again.
func (h *halver) set(dst *Value, k int, v *Value, from *Value) {
	if h.writes[dst] == 1 && h.writes[from] == 1 {
		h.parts[dst] = append(h.parts[dst], v)
		return
	}
	h.append(Instr{Op: OpOr, Args: []*Value{v, v}}, dst, k)
}

// halfRules are those of the operations that see lanes beyond 16 bytes, and of loads that put
// different bytes into the halves.
var halfRules = map[Op]func(h *halver, in *Instr){
	OpLoadLow: func(h *halver, in *Instr) {
		lanes := half16 / 4
		for k := range 2 {
			switch n := min(in.Imm-k*lanes, lanes); {
			case n <= 0:
				h.append(Instr{Op: OpZero}, in.Dst, k)
			case n == lanes:
				h.append(Instr{Op: OpLoad, Mem: h.mem(in.Mem.Plus(k * half16))}, in.Dst, k)
			default:
				h.append(Instr{Op: OpLoadLow, Imm: n, Mem: h.mem(in.Mem)}, in.Dst, k)
			}
		}
	},
	OpPairBroadcast: twoPlaces(OpBroadcast, 0),
	OpLoadPair:      twoPlaces(OpLoadDup, half16),
	OpLoadDup: func(h *halver, in *Instr) {
		if in.Imm == VectorBytes {
			one := *in
			one.Imm, one.Mem2 = half16, in.Mem.Plus(half16)
			twoPlaces(OpLoadDup, half16)(h, &one)
			return
		}
		v := h.emit(in, 0, in.Mem, nil, true)
		if h.writes[in.Dst] == 1 {
			h.parts[in.Dst] = append(h.parts[in.Dst], v)
			return
		}
		h.emit(in, 1, in.Mem, nil, true)
	},
	OpStoreLow: func(h *halver, in *Instr) { h.emit(in, 0, in.Mem, nil, false) },
	OpFirst: func(h *halver, in *Instr) {
		h.emit(in, 0, in.Mem, nil, true)
		rest := h.b.Copy(h.part(in.Args[0], 0), "rest")
		h.b.AddImm(rest, -half16/4)
		h.append(Instr{Op: OpFirst, Args: []*Value{rest}}, in.Dst, 1)
	},
	OpAddSquares: func(h *halver, in *Instr) {
		for k := range 2 {
			h.append(Instr{Op: OpAddSquares, Args: []*Value{h.part(in.Args[0], k), h.part(in.Args[1], in.Imm)}, Imm: k}, nil, k)
		}
	},
	OpHSum: func(h *halver, in *Instr) {
		x := in.Args[0]
		h.b.HSum(h.b.Add(h.part(x, 0), h.part(x, 1)), h.mem(in.Mem))
	},
	OpSwap: func(h *halver, in *Instr) {
		x := in.Args[0]
		for k := range 2 {
			if in.Imm == half16/4 {
				h.set(in.Dst, k, h.part(x, 1-k), x)
				continue
			}
			h.emit(in, k, in.Mem, nil, true)
		}
	},
	OpMerge: func(h *halver, in *Instr) {
		for k := range 2 {
			if in.Imm == half16/4 {
				h.set(in.Dst, k, h.part(in.Args[k], k), in.Args[k])
				continue
			}
			h.emit(in, k, in.Mem, nil, true)
		}
	},
	OpOrder: func(h *halver, in *Instr) {
		for k := range max(1, in.Dst.Type.Bytes()/half16) {
			h.order(in, k)
		}
	},
	OpZip: func(h *halver, in *Instr) {
		for k := range 2 {
			h.append(Instr{Op: OpZip, Imm: k, Args: []*Value{h.part(in.Args[0], in.Imm), h.part(in.Args[1], in.Imm)}}, in.Dst, k)
		}
	},
	OpSum4: func(h *halver, in *Instr) {
		var sums [2]*Value
		for k := range sums {
			var args []*Value
			for _, v := range in.Args {
				args = append(args, h.part(v, k))
			}
			sums[k] = h.b.result(OpSum4, in.Dst.Type, "", Instr{Args: args})
		}
		add := OpAddI
		if in.Dst.Type.Elem == F32 {
			add = OpAdd
		}
		h.append(Instr{Op: add, Args: sums[:]}, in.Dst, 0)
	},
	OpSumFours: func(h *halver, in *Instr) {
		for k := range 2 {
			var args []*Value
			for _, v := range in.Args[2*k:][:2] {
				args = append(args, h.part(v, 0), h.part(v, 1))
			}
			h.append(Instr{Op: OpSum4, Args: args}, in.Dst, k)
		}
	},
	OpTranspose: func(h *halver, in *Instr) { // four squares; those off the diagonal change places
		n := len(in.Args) / 2
		for row := range 2 {
			for k := range 2 {
				var args []*Value
				for _, v := range in.Args[row*n:][:n] {
					args = append(args, h.part(v, k))
				}
				h.b.effect(OpTranspose, Instr{Args: args})
			}
		}
		for i := range n {
			above, below := h.parts[in.Args[i]], h.parts[in.Args[n+i]]
			h.parts[in.Args[i]], h.parts[in.Args[n+i]] = []*Value{above[0], below[0]}, []*Value{above[1], below[1]}
		}
	},
	OpFoldS8: func(h *halver, in *Instr) {
		x, y := in.Args[0], in.Args[1]
		sum := h.append(Instr{Op: OpDotS8, Args: []*Value{h.part(x, 0), h.part(y, 0)}}, in.Dst, 0)
		h.b.DotS8Acc(sum, h.part(x, 1), h.part(y, 1))
	},
	OpFoldS8Acc: func(h *halver, in *Instr) {
		for k := range 2 {
			h.b.DotS8Acc(h.part(in.Args[0], 0), h.part(in.Args[1], k), h.part(in.Args[2], k))
		}
	},
	OpPack4:  packed,
	OpPackS2: packed,
	OpPackS4: packed,
	OpStoreHalves: func(h *halver, in *Instr) {
		for k := range 2 {
			h.emit(in, k, in.Mem.Plus(k*in.halfBytes()), nil, false)
		}
	},
	OpScatter: func(h *halver, in *Instr) {
		for k := range 2 {
			h.emit(in, k, in.Mem.Plus(k*in.halfBytes()), nil, false)
		}
	},
}

// twoPlaces loads each half from an address of its own.
func twoPlaces(op Op, imm int) func(h *halver, in *Instr) {
	return func(h *halver, in *Instr) {
		for k, m := range []Mem{in.Mem, in.Mem2} {
			h.append(Instr{Op: op, Imm: imm, Mem: h.mem(m)}, in.Dst, k)
		}
	}
}

// packed narrows: a half of the result comes from half of the arguments.
func packed(h *halver, in *Instr) {
	var all []*Value
	for _, v := range in.Args {
		all = append(all, h.part(v, 0), h.part(v, 1))
	}
	for k := range 2 {
		h.append(Instr{Op: in.Op, Args: all[k*len(in.Args):][:len(in.Args)]}, in.Dst, k)
	}
}

// order picks the lanes of half k from both halves of the argument, by a select where it needs
// both.
func (h *halver) order(in *Instr, k int) {
	n, x := halfType(in.Dst).Lanes, in.Args[0]
	index, mask := make([][]byte, 2), []byte(nil)
	used := [2]bool{}
	for l := range n {
		lane := word(in.Const, k*n+l)
		from := lane / (half16 / 4)
		used[from] = true
		for s := range index {
			at := uint32(0)
			if s == int(from) {
				at = lane % (half16 / 4)
			}
			index[s] = binary.LittleEndian.AppendUint32(index[s], at)
		}
		mask = binary.LittleEndian.AppendUint32(mask, -from)
	}
	if used[0] != used[1] {
		s := 0
		if used[1] {
			s = 1
		}
		h.append(Instr{Op: OpOrder, Args: []*Value{h.part(x, s)}, Const: index[s]}, in.Dst, k)
		return
	}
	t := halfType(in.Dst)
	lo := h.b.result(OpOrder, t, "", Instr{Args: []*Value{h.part(x, 0)}, Const: index[0]})
	hi := h.b.result(OpOrder, t, "", Instr{Args: []*Value{h.part(x, 1)}, Const: index[1]})
	upper := h.b.result(OpConst, Type{I32, n}, "upper", Instr{Const: mask})
	h.append(Instr{Op: OpSelect, Args: []*Value{upper, hi, lo}}, in.Dst, k)
}
