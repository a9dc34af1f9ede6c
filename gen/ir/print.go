package ir

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
)

// String is the function as text: parameters, then an instruction a line. Values are called by
// their names and numbers, which only depend on what was built.
func (f *Func) String() string {
	var b strings.Builder
	var params []string
	for _, p := range f.Params {
		params = append(params, p.Name+" "+p.Go)
	}
	fmt.Fprintf(&b, "func %s(%s) {\n", f.Name, strings.Join(params, ", "))
	printBody(&b, f.Body, "\t")
	b.WriteString("}\n")
	return b.String()
}

func printBody(b *strings.Builder, body []Node, indent string) {
	for _, n := range body {
		switch n := n.(type) {
		case Note:
			fmt.Fprintf(b, "%s// %s\n", indent, string(n))
		case *Instr:
			fmt.Fprintf(b, "%s%v\n", indent, n)
		case *Loop:
			fmt.Fprintf(b, "%sfor %v by %d {\n", indent, n.Count, n.Step)
			printBody(b, n.Body, indent+"\t")
			fmt.Fprintf(b, "%s}\n", indent)
		}
	}
}

func (v *Value) String() string { return fmt.Sprintf("%s.%d", v.Name, v.ID) }

func (m Mem) String() string {
	s := "[" + m.Base.String()
	if m.Index != nil {
		s += fmt.Sprintf("+%v", m.Index)
		if m.Scale > 1 {
			s += fmt.Sprintf("*%d", m.Scale)
		}
	}
	if m.Off != 0 {
		s += fmt.Sprintf("%+d", m.Off)
	}
	return s + "]"
}

// String is the instruction in the order result, operation, arguments, memory, constant, immediate.
func (in *Instr) String() string {
	var list []string
	for _, v := range in.Args {
		list = append(list, v.String())
	}
	if in.Op.Mem != NoMemory && in.Mem.Base != nil {
		list = append(list, in.Mem.String())
	}
	if in.Op.Mem == ReadsTwo && in.Mem2.Base != nil {
		list = append(list, in.Mem2.String())
	}
	if in.Const != nil {
		list = append(list, in.constant())
	}
	switch o := in.Op; {
	case o == OpCompareF || o == OpCompareI:
		list = append(list[:1], append([]string{relations[in.Imm]}, list[1:]...)...)
	case o.Count != NoCount || o.Imm != nil:
		list = append(list, fmt.Sprint(in.Imm))
	}
	s := in.Op.Name
	if len(list) > 0 {
		s += " " + strings.Join(list, ", ")
	}
	if in.Dst != nil {
		s = fmt.Sprintf("%v: %v = %s", in.Dst, in.Dst.Type, s)
	}
	return s
}

var relations = [...]string{"==", "!=", "<", "<=", ">", ">=", "not <"}

// constant is the lanes of Const: one where all are the same. Masks are in hexadecimal.
func (in *Instr) constant() string {
	elem, bits := I8, false
	switch c := in.Op.Const; {
	case in.Op == OpAnd, in.Op == OpOr, in.Op == OpXor, in.Op == OpEqB:
		if bits = true; in.Args[0].Type.Elem != I8 {
			elem = I32
		}
	case c == NoConst:
		elem = in.Args[0].Type.Elem
	case in.Op == OpShrVar, in.Op == OpShlVar:
		elem = I32
	case c == Vector:
		elem = in.Dst.Type.Elem
	case c == Words, c == AnyWords && isFloats(in.Const):
		elem = F32
	case c == AnyWords, c == Order, c == Distances:
		elem = I32
	}
	var lanes []string
	same := true
	for l := range len(in.Const) / (Type{elem, 1}).Bytes() {
		lanes = append(lanes, lane(in.Const, elem, l, bits))
		same = same && lanes[l] == lanes[0]
	}
	if same && len(lanes) > 1 {
		return "all " + lanes[0]
	}
	const most = 64 // of a line; a table of points has thousands
	if n := len(lanes); n > most {
		lanes = append(lanes[:most], fmt.Sprintf("... %d in all", n))
	}
	return "{" + strings.Join(lanes, " ") + "}"
}

func lane(c []byte, elem Elem, l int, bits bool) string {
	switch {
	case elem == I8 && bits:
		return fmt.Sprintf("%#02x", c[l])
	case bits:
		return fmt.Sprintf("%#08x", word(c, l))
	case elem == I8:
		return fmt.Sprint(int8(c[l]))
	case elem == I16:
		return fmt.Sprint(int16(half(c, l)))
	case elem == F32:
		return fmt.Sprint(number(c, l))
	case elem == F64:
		return fmt.Sprint(math.Float64frombits(binary.LittleEndian.Uint64(c[8*l:])))
	}
	return fmt.Sprint(int32(word(c, l)))
}

// isFloats guesses what a table of words holds: small integers have no exponent.
func isFloats(c []byte) bool {
	for l := range len(c) / 4 {
		if w := word(c, l); w != 0 && w != math.MaxUint32 && w<<1>>24 == 0 {
			return false
		}
	}
	return true
}
