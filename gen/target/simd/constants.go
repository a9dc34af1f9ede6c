package simd

import (
	"sort"

	"github.com/kvgen/kvgen/gen/asm"
	"github.com/kvgen/kvgen/gen/ir"
)

// A constant in memory costs a load wherever it is used, and loads bound the kernels of
// short rows. Constants of loops are therefore loaded once, before everything else, as
// many as registers are left; the most used come first.

// maxHoisted bounds the search for the number that fits.
const maxHoisted = 6

// constants counts the uses of each constant in loops and holds those in registers.
type constants struct {
	depth int // of loops around the current instruction
	uses  map[string]int
	held  map[string]asm.R
}

// Sym is c in memory, under the name that its first use gives it.
func (s *Selector) Sym(c []byte) asm.Sym { return s.pool.sym(c) }

// A table of 16 bytes fills both halves of a register: it is another constant than its bytes.
const tableKey = "table "

// Constant is c as an operand: its register, or its place in memory.
func (s *Selector) Constant(c []byte) asm.Operand {
	if r, ok := s.consts.held[string(c)]; ok {
		return r
	}
	s.count(string(c))
	return s.pool.sym(c)
}

// ConstantRegister is c in a register.
func (s *Selector) ConstantRegister(c []byte) asm.R {
	if r, ok := s.Constant(c).(asm.R); ok {
		return r
	}
	r := s.Tmp(len(c))
	s.m.LoadConstant(s, s.pool.sym(c), r)
	return r
}

// Table is a table of 16 bytes in both halves of a register.
func (s *Selector) Table(c []byte, width int) asm.R {
	key := tableKey + string(c)
	if r, ok := s.consts.held[key]; ok {
		return r
	}
	s.count(key)
	t := s.Tmp(width)
	s.m.LoadTable(s, s.pool.sym(c), t)
	return t
}

func (s *Selector) count(key string) {
	if s.consts.depth > 0 {
		s.consts.uses[key] += 1 << min(12, 4*s.consts.depth)
	}
}

// hold loads constants at the start of the function.
func (s *Selector) hold(keys []string) {
	if len(keys) > 0 {
		s.F.Note("constants of the loops")
	}
	for _, key := range keys {
		if c, isTable := cutTable(key); isTable {
			t := s.Tmp(s.m.Width)
			s.m.LoadTable(s, s.pool.sym([]byte(c)), t)
			s.consts.held[key] = t
		} else {
			r := s.Tmp(len(key))
			s.m.LoadConstant(s, s.pool.sym([]byte(key)), r)
			s.consts.held[key] = r
		}
	}
}

func cutTable(key string) (string, bool) {
	if len(key) == len(tableKey)+16 && key[:len(tableKey)] == tableKey {
		return key[len(tableKey):], true
	}
	return key, false
}

// mostUsed lists the constants by the number of their uses in loops.
func (c *constants) mostUsed() []string {
	var keys []string
	for k := range c.uses {
		keys = append(keys, k)
	}
	sort.Slice(keys, func(i, j int) bool {
		if c.uses[keys[i]] != c.uses[keys[j]] {
			return c.uses[keys[i]] > c.uses[keys[j]]
		}
		return keys[i] < keys[j]
	})
	return keys
}

// assemble selects instructions and registers for fn with as many constants in registers
// as fit, or returns why even none does not.
func assemble(m *Machine, isa *ISA, fn *ir.Func, p *pool) (*asm.Func, error) {
	plain, uses, err := selectFunc(m, isa, fn, p, nil)
	if err != nil {
		return nil, err
	}
	if err := plain.Allocate(m.Syntax); err != nil {
		return nil, err
	}
	keys := uses.mostUsed()
	for n := min(maxHoisted, len(keys)); n > 0; n-- {
		f, _, err := selectFunc(m, isa, fn, p, keys[:n])
		if err == nil && f.Allocate(m.Syntax) == nil {
			return f, nil
		}
	}
	return plain, nil
}
