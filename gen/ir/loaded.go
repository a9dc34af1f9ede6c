package ir

import "slices"

// loaded is what was loaded since a loop began or ended, and is still in memory as it was. The
// codes of several runs of values are in the same bytes, which are loaded once.
type loaded []load

type load struct {
	op   Op
	imm  int
	from Mem
	to   *Value
}

// find is the value of an earlier load that reads what in reads.
func (l loaded) find(in *Instr) *Value {
	for _, was := range l {
		if was.op == in.Op && was.imm == in.Imm && was.from == in.Mem {
			return was.to
		}
	}
	return nil
}

// add keeps a load of codes or of a scale.
func (l *loaded) add(in *Instr, to *Value) {
	if in.Op == OpLoad || in.Op == OpLoadDup || in.Op == OpBcastF16 {
		*l = append(*l, load{in.Op, in.Imm, in.Mem, to})
	}
}

// forget drops what an operation of f may change: memory, or an address.
func (h *halver) forget(in *Instr) {
	if in.Op.Mem == Writes {
		h.loaded = nil
	}
	if len(in.Args) > 0 && in.Op.arg(0).InPlace && in.Args[0].Type.Elem == Addr {
		base := h.part(in.Args[0], 0)
		h.loaded = slices.DeleteFunc(h.loaded, func(l load) bool { return l.from.Base == base || l.from.Index != nil })
	}
}
