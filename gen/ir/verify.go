package ir

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// Verify holds the rules that every pass and target relies on: a value is defined before it is
// used, in a block that encloses the use, and not used up. Each instruction is what the declaration
// of its operation allows.
func Verify(f *Func) error {
	return verify(f, f.Body, map[*Value]bool{}, map[*Value]bool{})
}

func verify(f *Func, body []Node, outer, opaque map[*Value]bool) error {
	defined := map[*Value]bool{}
	for v := range outer {
		defined[v] = true
	}
	for _, n := range body {
		switch n := n.(type) {
		case *Loop:
			if !defined[n.Count] || n.Count.Type.Elem != Word || n.Step < 1 {
				return fmt.Errorf("ir: %s: a loop needs a defined word to count", f.Name)
			}
			if err := verify(f, n.Body, defined, opaque); err != nil {
				return err
			}
		case *Instr:
			if why := n.wrong(f, defined); why != "" {
				return fmt.Errorf("ir: %s: %v: %s", f.Name, n, why)
			}
			for i, v := range n.Args {
				if a := n.Op.arg(i); a.Opaque != opaque[v] {
					return fmt.Errorf("ir: %s: %v: %v is what an opaque operation made, or is not and has to be", f.Name, n, v)
				} else if a.Spent {
					delete(defined, v)
				}
			}
			if n.Dst != nil {
				defined[n.Dst], opaque[n.Dst] = true, n.Op.Opaque
			}
		}
	}
	return nil
}

// wrong says what is wrong with an instruction of f, "" where nothing is.
func (in *Instr) wrong(f *Func, defined map[*Value]bool) string {
	for _, v := range in.Args {
		if v == nil || !defined[v] {
			return "an argument is used before it is defined, or after it was used up"
		}
	}
	for _, check := range []func(*Instr) string{(*Instr).wrongArgs, (*Instr).wrongResult, (*Instr).wrongConst} {
		if why := check(in); why != "" {
			return why
		}
	}
	if why := in.wrongMemory(defined); why != "" {
		return why
	}
	if why := in.wrongImm(f); why != "" {
		return why
	}
	if in.Op.More != nil {
		return in.Op.More(in)
	}
	return ""
}

// wrongArgs compares the number of arguments, their elements and their sizes.
func (in *Instr) wrongArgs() string {
	want := in.Op.Args
	if len(want) > 0 && want[len(want)-1].Constant && in.Const != nil {
		want = want[:len(want)-1]
	}
	switch many := len(want) > 0 && want[len(want)-1].Many != nil; {
	case many && !slices.Contains(want[len(want)-1].Many, len(in.Args)):
		return fmt.Sprintf("%d arguments, allowed: %v", len(in.Args), want[len(want)-1].Many)
	case !many && len(in.Args) != len(want):
		return fmt.Sprintf("%d arguments, want %d", len(in.Args), len(want))
	}
	for i, v := range in.Args {
		if !slices.Contains(in.Op.arg(i).Elems, v.Type.Elem) {
			return fmt.Sprintf("argument %d is %v, allowed: %v", i, v.Type, in.Op.arg(i).Elems)
		}
		if v.Type.isVector() && in.whole(i) != in.whole(0) {
			return fmt.Sprintf("argument %d is %v, beside %v", i, v.Type, in.Args[0].Type)
		}
	}
	return ""
}

// whole is the size of argument i, or twice that where it is half of the others'.
func (in *Instr) whole(i int) int {
	n := in.Args[i].Type.Bytes()
	if in.Op.arg(i).Halved {
		return 2 * n
	}
	return n
}

func (in *Instr) wrongResult() string {
	switch makes := in.Op.Makes; {
	case (in.Dst != nil) != (makes != nil):
		return "a result where there is none, or none where there is one"
	case in.Dst == nil:
	case !slices.Contains(makes, in.Dst.Type.Elem):
		return fmt.Sprintf("the result is %v, allowed: %v", in.Dst.Type, makes)
	case in.Op.Size == SameSize && len(in.Args) > 0 && in.Dst.Type.isVector() && in.Dst.Type.Bytes() != in.Args[0].Type.Bytes():
		return fmt.Sprintf("the result is %v, of %v", in.Dst.Type, in.Args[0].Type)
	}
	return ""
}

// wrongConst compares the constant with its kind.
func (in *Instr) wrongConst() string {
	want := -1
	switch c := in.Op.Const; {
	case len(in.Op.Args) > 0 && in.Op.Args[len(in.Op.Args)-1].Constant:
		if in.Const == nil {
			return ""
		}
		want = in.Args[0].Type.Bytes()
	case c == NoConst:
		want = 0
	case c == Bytes16:
		want = 16
	case c == Words && (len(in.Const) == 0 || len(in.Const) > 4*64 || len(in.Const)%4 != 0), c == AnyWords && len(in.Const)%4 != 0:
		return fmt.Sprintf("a table of %d bytes", len(in.Const))
	case c == Vector, c == Order, c == Index16, c == Distances:
		want = in.Dst.Type.Bytes()
	}
	if want >= 0 && len(in.Const) != want {
		return fmt.Sprintf("constant of %d bytes, want %d", len(in.Const), want)
	}
	for l := range len(in.Const) {
		if c := in.Const[l]; in.Op.Const == Index16 && c > 15 && c != 0x80 {
			return fmt.Sprintf("index %d for byte %d, allowed: 0 to 15, 128", c, l)
		}
		if in.Op.Const == Order && l%4 == 0 && binary.LittleEndian.Uint32(in.Const[l:]) >= uint32(in.Args[0].Type.Lanes) {
			return fmt.Sprintf("lane %d of %v", binary.LittleEndian.Uint32(in.Const[l:]), in.Args[0].Type)
		}
	}
	return ""
}

func (in *Instr) wrongMemory(defined map[*Value]bool) string {
	for k, m := range []Mem{in.Mem, in.Mem2} {
		has := in.Op.Mem == ReadsTwo || k == 0 && in.Op.Mem != NoMemory
		switch {
		case has != (m.Base != nil):
			return "memory where there is none, or none where there is some"
		case m.Base != nil && (!defined[m.Base] || m.Base.Type.Elem != Addr):
			return "the base of a memory operand is no defined address"
		case m.Index != nil && (!defined[m.Index] || m.Index.Type.Elem != Word):
			return "the index of a memory operand is no defined word"
		}
	}
	return ""
}

func (in *Instr) wrongImm(f *Func) string {
	ok := in.Imm == 0
	switch in.Op.Count {
	case NoCount:
		ok = in.Op.Imm == nil && ok || slices.Contains(in.Op.Imm, in.Imm)
	case Parameter:
		ok = in.Imm >= 0 && in.Imm < len(f.Params) && f.Params[in.Imm].Type == in.Dst.Type
	case Distance:
		ok = true
	case Bytes:
		ok = in.Imm >= 1
	case Power:
		ok = in.Imm >= 1 && in.Imm&(in.Imm-1) == 0
	case Shift:
		ok = in.Imm >= 0 && in.Imm < 8*max(2, in.Args[0].Type.Bytes()/in.Args[0].Type.Lanes) || in.Args[0].Type.Elem == I8 && in.Imm < 32
	}
	if !ok {
		return fmt.Sprintf("%d is not what the operation takes", in.Imm)
	}
	return ""
}
