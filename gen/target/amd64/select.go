package amd64

import (
	"fmt"

	"github.com/kvgen/kvgen/gen/asm"
	"github.com/kvgen/kvgen/gen/ir"
)

// selector turns one IR function into instructions over virtual registers.
type selector struct {
	isa  ISA
	f    *asm.Func
	pool *pool
	regs map[*ir.Value]*asm.Reg
	src  *ir.Func

	consts constants
	uses   map[*ir.Value]int    // how often a value is read
	loads  map[*ir.Value]ir.Mem // values that their only reader takes from memory
}

// selectFunc chooses instructions for f under isa; constants go to the file's pool, and
// those named are held in registers. It also returns what is used in loops.
func selectFunc(f *ir.Func, isa ISA, p *pool, held []string) (*asm.Func, *constants) {
	s := &selector{isa: isa, src: f, pool: p, regs: map[*ir.Value]*asm.Reg{}, uses: map[*ir.Value]int{}, loads: map[*ir.Value]ir.Mem{}}
	countUses(f.Body, s.uses)
	s.consts = constants{uses: map[string]int{}, held: map[string]asm.R{}}
	s.f = &asm.Func{Name: f.Name, Doc: f.Doc[:1], ArgBytes: 8 * len(f.Params)}
	s.hold(held)
	s.block(f.Body)
	s.f.Emit(&asm.Inst{Name: "VZEROUPPER", NoWrite: true})
	return s.f, &s.consts
}

func (s *selector) block(body []ir.Node) {
	for i, n := range body {
		switch n := n.(type) {
		case ir.Note:
			s.f.Note(string(n))
		case *ir.Loop:
			s.loop(n)
		case *ir.Instr:
			if i+1 < len(body) && s.mayFold(n, body[i+1]) {
				s.loads[n.Dst] = n.Mem
				continue
			}
			s.instr(n)
		}
	}
}

// loop counts down by Step and leaves the remainder in the counter.
func (s *selector) loop(l *ir.Loop) {
	count := asm.R{Reg: s.reg(l.Count)}
	top, done := s.f.NewLabel("loop"), s.f.NewLabel("done")
	s.rmw("SUBQ", asm.Imm(l.Step), count)
	s.f.Jump("JLT", done)
	s.f.OpenLoop()
	s.f.Label(top)
	s.consts.depth++
	s.block(l.Body)
	s.consts.depth--
	s.rmw("SUBQ", asm.Imm(l.Step), count)
	s.f.Jump("JGE", top)
	s.f.CloseLoop()
	s.f.Label(done)
	s.rmw("ADDQ", asm.Imm(l.Step), count)
}

func (s *selector) reg(v *ir.Value) *asm.Reg {
	if r := s.regs[v]; r != nil {
		return r
	}
	c := asm.Vec
	if v.Type.Elem == ir.Addr || v.Type.Elem == ir.Word {
		c = asm.GP
	}
	r := s.f.NewReg(c, v.Name)
	s.regs[v] = r
	return r
}

// r is a value as an operand, at its own width.
func (s *selector) r(v *ir.Value) asm.R {
	w := 0
	if v.Type.Elem != ir.Addr && v.Type.Elem != ir.Word {
		w = max(16, v.Type.Bytes())
	}
	return asm.R{Reg: s.reg(v), Width: w}
}

// tmp is a fresh vector register of w bytes.
func (s *selector) tmp(w int) asm.R { return asm.R{Reg: s.f.NewReg(asm.Vec, "tmp"), Width: w} }

func at(r asm.R, w int) asm.R { return asm.R{Reg: r.Reg, Width: w} }

func (s *selector) mem(m ir.Mem) asm.Operand {
	a := asm.Mem{Base: s.reg(m.Base), Disp: m.Off}
	if m.Index != nil {
		a.Index, a.Scale = s.reg(m.Index), m.Scale
	}
	return a
}

func plus(o asm.Operand, n int) asm.Operand {
	m := o.(asm.Mem)
	m.Disp += n
	return m
}

// op emits an instruction whose last argument is written.
func (s *selector) op(name string, args ...asm.Operand) {
	s.f.Emit(&asm.Inst{Name: name, Args: args})
}

// rmw emits an instruction whose last argument is read and written.
func (s *selector) rmw(name string, args ...asm.Operand) {
	s.f.Emit(&asm.Inst{Name: name, Args: args, RMW: true})
}

// store emits an instruction that writes memory only.
func (s *selector) store(name string, args ...asm.Operand) {
	s.f.Emit(&asm.Inst{Name: name, Args: args, NoWrite: true})
}

func (s *selector) zero(dst asm.R) {
	s.f.Emit(&asm.Inst{Name: "VPXOR", Args: []asm.Operand{dst, dst, dst}, Idiom: true})
}

func (s *selector) bug(in *ir.Instr) {
	panic(fmt.Sprintf("amd64: %s: no selection for %v", s.src.Name, in.Op))
}
