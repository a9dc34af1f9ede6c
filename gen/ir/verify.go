package ir

import "fmt"

// Verify holds the rules that every pass and target relies on: a value is defined
// before it is used, in a block that encloses the use; addresses, words and vectors
// are not confused; a constant has the size of its lanes.
func Verify(f *Func) error {
	return verify(f, f.Body, map[*Value]bool{})
}

func verify(f *Func, body []Node, outer map[*Value]bool) error {
	defined := map[*Value]bool{}
	for v := range outer {
		defined[v] = true
	}
	fail := func(in *Instr, format string, args ...any) error {
		return fmt.Errorf("ir: %s: %v: %s", f.Name, in.Op, fmt.Sprintf(format, args...))
	}
	for _, n := range body {
		switch n := n.(type) {
		case *Loop:
			if !defined[n.Count] || n.Count.Type.Elem != Word || n.Step < 1 {
				return fmt.Errorf("ir: %s: a loop needs a defined word to count", f.Name)
			}
			if err := verify(f, n.Body, defined); err != nil {
				return err
			}
		case *Instr:
			for _, v := range n.Args {
				if v == nil || !defined[v] {
					return fail(n, "an argument is used before it is defined")
				}
			}
			for _, m := range []Mem{n.Mem, n.Mem2} {
				if m.Base != nil && (!defined[m.Base] || m.Base.Type.Elem != Addr) {
					return fail(n, "the base of a memory operand is no defined address")
				}
				if m.Index != nil && (!defined[m.Index] || m.Index.Type.Elem != Word) {
					return fail(n, "the index of a memory operand is no defined word")
				}
			}
			if want := constBytes(n); want >= 0 && len(n.Const) != want {
				return fail(n, "constant of %d bytes, want %d", len(n.Const), want)
			}
			if err := signature(n); err != nil {
				return fail(n, "%v", err)
			}
			if n.Dst != nil {
				defined[n.Dst] = true
			}
		}
	}
	return nil
}

// constBytes is the size an operation's constant must have, -1 for any.
func constBytes(n *Instr) int {
	if constantArg(n.Op) {
		if n.Const == nil {
			return 0
		}
		return n.Args[0].Type.Bytes()
	}
	switch n.Op {
	case OpConst, OpGather, OpShuffle, OpShrVar, OpShlVar, OpAddB, OpEqB, OpOrder:
		return n.Dst.Type.Bytes()
	case OpTable16:
		return 16
	case OpTableF32, OpTable:
		return -1
	}
	return 0
}

// signature checks the element types of an operation's arguments.
func signature(n *Instr) error {
	if n.Op >= OpTable {
		return laneSignature(n)
	}
	want := func(elems ...Elem) error {
		if len(n.Args) != len(elems) {
			return fmt.Errorf("%d arguments, want %d", len(n.Args), len(elems))
		}
		for i, e := range elems {
			if n.Args[i].Type.Elem != e {
				return fmt.Errorf("argument %d is %v", i, n.Args[i].Type)
			}
		}
		return nil
	}
	switch n.Op {
	case OpAdd, OpSub, OpMul:
		if n.Const != nil {
			return want(F32)
		}
		return want(F32, F32)
	case OpFMA:
		return want(F32, F32, F32)
	case OpDotU8S8, OpPairsU8S8, OpSignB:
		return want(I8, I8)
	case OpDotAcc:
		return want(I32, I8, I8)
	case OpWidenPairs:
		return want(I16)
	case OpAccumulate:
		if len(n.Args) != 2 || n.Args[0].Type != n.Args[1].Type {
			return fmt.Errorf("arguments differ in type")
		}
	case OpPack4:
		return want(I32, I32, I32, I32)
	case OpAddI:
		if n.Const == nil {
			return want(I32, I32)
		}
		return want(I32)
	case OpSar:
		if len(n.Args) != 1 || n.Args[0].Type != n.Dst.Type || n.Dst.Type.Elem != I32 && n.Dst.Type.Elem != I16 {
			return fmt.Errorf("sar keeps a type of signed lanes")
		}
	case OpToF32, OpTableF32:
		return want(I32)
	case OpHSum:
		return want(F32)
	case OpTable16, OpAbsB, OpAddB, OpEqB:
		return want(I8)
	case OpSelectBit:
		return want(I8, I8, I8)
	}
	return nil
}
