package simd

import (
	"sort"
	"strings"

	"github.com/kvgen/kvgen/gen/asm"
	"github.com/kvgen/kvgen/gen/ir"
)

// A constant in memory costs a load wherever it is used, and loads bound the kernels of
// short rows. Constants of loops are therefore loaded once, before everything else, as
// many as registers are left; the most used come first.

// constants counts the uses of each constant in loops and holds those in registers.
type constants struct {
	depth int // of loops around the current instruction
	uses  map[string]int
	held  map[string][]asm.R
}

// Sym is c in memory, under the name that its first use gives it.
func (s *Selector) Sym(c []byte) asm.Sym { return s.pool.sym(c) }

// A table of 16 bytes fills both halves of a register: it is another constant than its bytes.
const tableKey = "table "

// Constant is c as an operand: its register, or its place in memory.
func (s *Selector) Constant(c []byte) asm.Operand {
	if r, ok := s.consts.held[string(c)]; ok {
		return r[0]
	}
	s.count(string(c))
	return s.pool.sym(c)
}

// ConstantRegister is c in a register.
func (s *Selector) ConstantRegister(c []byte) asm.R {
	if r, ok := s.consts.held[string(c)]; ok {
		return r[0]
	}
	s.count(string(c))
	return s.load(c)
}

// load brings a constant into a fresh register.
func (s *Selector) load(c []byte) asm.R {
	r := s.Tmp(len(c))
	s.m.LoadConstant(s, c, r)
	return r
}

// Table is a table of 16 bytes in both halves of a register.
func (s *Selector) Table(c []byte, width int) asm.R {
	key := tableKey + string(c)
	if r, ok := s.consts.held[key]; ok {
		return r[0]
	}
	s.count(key)
	return s.table(c, width)
}

func (s *Selector) table(c []byte, width int) asm.R {
	t := s.Tmp(width)
	s.m.LoadTable(s, c, t)
	return t
}

// listKey begins the key of a constant in several registers.
const listKey = "list "

// Registers is a constant in consecutive registers.
func (s *Selector) Registers(c []byte) asm.List {
	key := listKey + string(c)
	if l, ok := s.consts.held[key]; ok {
		return l
	}
	s.count(key)
	return s.group(c)
}

func (s *Selector) group(c []byte) (list asm.List) {
	for _, r := range s.F.NewGroup(asm.Vec, "table", len(c)/s.m.Width) {
		list = append(list, asm.R{Reg: r, Width: s.m.Width})
	}
	for k, r := range list {
		s.m.LoadConstant(s, c[k*s.m.Width:][:s.m.Width], r)
	}
	return list
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
		c, isTable := cutTable(key)
		switch list, isList := cutList(key); {
		case isTable:
			s.consts.held[key] = []asm.R{s.table([]byte(c), s.m.Width)}
		case isList:
			s.consts.held[key] = s.group([]byte(list))
		default:
			s.consts.held[key] = []asm.R{s.load([]byte(key))}
		}
	}
}

func cutTable(key string) (string, bool) {
	if len(key) == len(tableKey)+16 && key[:len(tableKey)] == tableKey {
		return key[len(tableKey):], true
	}
	return key, false
}

// cutList: other keys are of whole registers, or of a register and the word before it.
func cutList(key string) (string, bool) {
	c, is := strings.CutPrefix(key, listKey)
	return c, is && len(c)%16 == 0
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
	for n := min(m.Hoisted, len(keys)); n > 0; n-- {
		f, _, err := selectFunc(m, isa, fn, p, keys[:n])
		if err == nil && f.Allocate(m.Syntax) == nil {
			return f, nil
		}
	}
	return plain, nil
}
