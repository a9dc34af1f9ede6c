package simd

import (
	"fmt"

	"github.com/kvgen/kvgen/gen/asm"
	"github.com/kvgen/kvgen/gen/ir"
)

// Selector turns one IR function into instructions over virtual registers. The machine
// appends them by the methods of this file.
type Selector struct {
	ISA *ISA
	F   *asm.Func

	m    *Machine
	pool *pool
	regs map[*ir.Value]*asm.Reg
	src  *ir.Func

	consts constants
	uses   map[*ir.Value]int         // how often a value is read
	reads  map[*ir.Value][]*ir.Instr // the instructions of which it is an argument
	writes map[*ir.Value]int         // how often a value is written, or used up
	made   map[*ir.Value]*ir.Instr
	loads  map[*ir.Value]ir.Mem // values that their only reader takes from memory
}

// lacking is what a selector panics with where the machine has no such operation.
type lacking struct{ why string }

// selectFunc chooses instructions for f under isa; constants go to the file's pool, and
// those named are held in registers. It also returns what is used in loops, and why the
// machine has no such function.
func selectFunc(m *Machine, isa *ISA, f *ir.Func, p *pool, held []string) (a *asm.Func, c *constants, err error) {
	s := &Selector{m: m, ISA: isa, src: f, pool: p, regs: map[*ir.Value]*asm.Reg{}, uses: map[*ir.Value]int{}, reads: map[*ir.Value][]*ir.Instr{}, writes: map[*ir.Value]int{}, loads: map[*ir.Value]ir.Mem{}, made: map[*ir.Value]*ir.Instr{}}
	defer func() {
		if r := recover(); r != nil {
			lack, ok := r.(lacking)
			if !ok {
				panic(r)
			}
			err = fmt.Errorf("%s: %s", f.Name, lack.why)
		}
	}()
	s.countUses(f.Body)
	s.consts = constants{uses: map[string]int{}, held: map[string][]asm.R{}}
	s.F = &asm.Func{Name: f.Name, Doc: f.Doc[:1], ArgBytes: 8 * len(f.Params)}
	s.hold(held)
	s.block(f.Body)
	for _, name := range m.Exit {
		s.Store(name)
	}
	return s.F, &s.consts, nil
}

func (s *Selector) block(body []ir.Node) {
	for i, n := range body {
		switch n := n.(type) {
		case ir.Note:
			s.F.Note(string(n))
		case *ir.Loop:
			s.loop(n)
		case *ir.Instr:
			if i+1 < len(body) && s.mayFold(n, body[i+1]) {
				s.loads[n.Dst] = n.Mem
				continue
			}
			s.made[n.Dst] = n
			s.pool.use = use{roleOf(n), lanesOf(n)}
			if !s.m.Select(s, n) {
				why := fmt.Sprintf("%s has no operation %v", s.m.Name, n.Op)
				if reason := s.m.Lacks[n.Op]; reason != "" {
					why += ": " + reason
				}
				panic(lacking{why})
			}
		}
	}
}

// loop counts down by Step and leaves the remainder in the counter.
func (s *Selector) loop(l *ir.Loop) {
	c := s.m.Counter
	count := asm.R{Reg: s.Reg(l.Count)}
	top, done := s.F.NewLabel("loop"), s.F.NewLabel("done")
	s.RMW(c.Subtract, asm.Imm(l.Step), count)
	s.F.Jump(c.Below, done)
	s.F.OpenLoop()
	s.F.Label(top)
	s.consts.depth++
	s.block(l.Body)
	s.consts.depth--
	s.RMW(c.Subtract, asm.Imm(l.Step), count)
	s.F.Jump(c.NotBelow, top)
	s.F.CloseLoop()
	s.F.Label(done)
	s.RMW(c.Add, asm.Imm(l.Step), count)
}

// Reg is the register of a value.
func (s *Selector) Reg(v *ir.Value) *asm.Reg {
	if r := s.regs[v]; r != nil {
		return r
	}
	c := asm.Vec
	if v.Type.Elem == ir.Addr || v.Type.Elem == ir.Word {
		c = asm.GP
	}
	r := s.F.NewReg(c, v.Name)
	s.regs[v] = r
	return r
}

// Made is the instruction that a value is the result of; of a value that is written again, the last
// one that was selected.
func (s *Selector) Made(v *ir.Value) *ir.Instr { return s.made[v] }

// Placed reports whether a value has a register.
func (s *Selector) Placed(v *ir.Value) bool { return s.regs[v] != nil }

// Rename makes r the register of a value from here on.
func (s *Selector) Rename(v *ir.Value, r *asm.Reg) { s.regs[v] = r }

// R is a value as an operand, at its own width.
func (s *Selector) R(v *ir.Value) asm.R {
	w := 0
	if v.Type.Elem != ir.Addr && v.Type.Elem != ir.Word {
		w = max(16, v.Type.Bytes())
	}
	return asm.R{Reg: s.Reg(v), Width: w}
}

// Tmp is a fresh vector register of w bytes.
func (s *Selector) Tmp(w int) asm.R { return asm.R{Reg: s.F.NewReg(asm.Vec, "tmp"), Width: w} }

// Mem is an address as an operand.
func (s *Selector) Mem(m ir.Mem) asm.Mem {
	a := asm.Mem{Base: s.Reg(m.Base), Disp: m.Off}
	if m.Index != nil {
		a.Index, a.Scale = s.Reg(m.Index), m.Scale
	}
	return a
}

// Param is argument i of the function, as an operand.
func (s *Selector) Param(i int) asm.Param {
	return asm.Param{Name: s.src.Params[i].Name, Off: 8 * i}
}

// Readers are the instructions that a value is an argument of; nil where it is an address as well.
func (s *Selector) Readers(v *ir.Value) []*ir.Instr {
	if len(s.reads[v]) != s.uses[v] {
		return nil
	}
	return s.reads[v]
}

// Fresh reports whether a value stays as it was made.
func (s *Selector) Fresh(v *ir.Value) bool { return s.writes[v] == 1 }

// Unread reports whether nothing reads a value.
func (s *Selector) Unread(v *ir.Value) bool { return s.uses[v] == 0 }

// Op appends an instruction whose last argument is written.
func (s *Selector) Op(name string, args ...asm.Operand) {
	s.F.Emit(&asm.Inst{Name: name, Args: args})
}

// RMW appends an instruction whose last argument is read and written.
func (s *Selector) RMW(name string, args ...asm.Operand) {
	s.F.Emit(&asm.Inst{Name: name, Args: args, RMW: true})
}

// Store appends an instruction that writes no register.
func (s *Selector) Store(name string, args ...asm.Operand) {
	s.F.Emit(&asm.Inst{Name: name, Args: args, NoWrite: true})
}
