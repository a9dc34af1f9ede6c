package simd

import (
	"github.com/kvgen/kvgen/gen/asm"
	"github.com/kvgen/kvgen/gen/ir"
)

// On some machines an arithmetic instruction takes its last operand from memory as well as from
// a register, and both then pass the front end as one. A load is left to the instruction after it
// where that is the only one to read it.

// mayFold reports whether next reads the vector that load loads, as its last argument, and
// nothing else does.
func (s *Selector) mayFold(load *ir.Instr, next ir.Node) bool {
	in, ok := next.(*ir.Instr)
	if !ok || load.Op != ir.OpLoad || s.uses[load.Dst] != 1 || !s.m.Folds[in.Op] || len(in.Args) < 2 {
		return false
	}
	return in.Args[len(in.Args)-1] == load.Dst
}

// Operand is v, or the memory that holds it.
func (s *Selector) Operand(v *ir.Value) asm.Operand {
	if m, ok := s.loads[v]; ok {
		return s.Mem(m)
	}
	return s.R(v)
}

// countUses counts how often each value is an argument or an address, and how often it is written,
// and notes what makes it.
func (s *Selector) countUses(body []ir.Node) {
	for _, n := range body {
		switch n := n.(type) {
		case *ir.Loop:
			s.countUses(n.Body)
		case *ir.Instr:
			for i, v := range n.Args {
				s.uses[v]++
				s.reads[v] = append(s.reads[v], n)
				if a := n.Op.Args[min(i, len(n.Op.Args)-1)]; a.InPlace || a.Spent {
					s.writes[v]++
				}
			}
			s.writes[n.Dst]++
			s.made[n.Dst] = n
			s.uses[n.Mem.Base]++
			s.uses[n.Mem2.Base]++
		}
	}
}
