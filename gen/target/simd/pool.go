package simd

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"github.com/kvgen/kvgen/gen/asm"
	"github.com/kvgen/kvgen/gen/ir"
)

// pool is the read-only data of one assembly file, one symbol per distinct constant
// in the order of first use. A symbol is named for the role in which it was first used:
// q4_0_mask, q4_0_mask2, q4_0_shifts.
type pool struct {
	prefix string
	use    // of the constants that are asked for next
	names  map[string]string
	uses   map[string]use // the first of each constant
	taken  map[string]int // names per role
	order  []string
}

// use is what a constant is for.
type use struct {
	role string
	elem ir.Elem // the lanes that a reader sees in it
}

func newPool(prefix string) *pool {
	return &pool{prefix: prefix, names: map[string]string{}, uses: map[string]use{}, taken: map[string]int{}}
}

// roles name the constants of operations that have one; others are called like their result.
var roles = map[ir.Op]string{
	ir.OpAnd: "mask", ir.OpXor: "flip", ir.OpShuffle: "shuffle", ir.OpShrVar: "shifts", ir.OpShlVar: "shifts", ir.OpEqB: "bits",
	ir.OpAddB: "offset", ir.OpAddI: "offset", ir.OpSubI: "offset", ir.OpAdd: "offset", ir.OpSub: "offset",
	ir.OpMul: "factor", ir.OpMulI: "factor", ir.OpDiv: "divisor",
	ir.OpMinF: "limit", ir.OpMaxF: "limit", ir.OpMinI: "limit", ir.OpMaxI: "limit", ir.OpCompareF: "limit", ir.OpCompareI: "limit",
	ir.OpGather: "offsets", ir.OpOrder: "order", ir.OpPack4: "order", ir.OpPackS4: "order", ir.OpFirst: "lanes",
	ir.OpDotU8S8: "ones", ir.OpDotAcc: "ones", ir.OpDotS8: "ones", ir.OpDotS8Acc: "ones", ir.OpWidenPairs: "ones",
}

// roleOf is the role of the constants that the instruction needs.
func roleOf(in *ir.Instr) string {
	if role := roles[in.Op]; role != "" {
		return role
	}
	if in.Dst != nil && in.Dst.Name != "" {
		return in.Dst.Name
	}
	return "constant"
}

// sym is the name of c, given by the role of its first use.
func (p *pool) sym(c []byte) asm.Sym {
	key := string(c)
	if p.names[key] == "" {
		p.names[key] = p.prefix + "_" + p.role
		if p.taken[p.role]++; p.taken[p.role] > 1 {
			p.names[key] += strconv.Itoa(p.taken[p.role])
		}
		p.order, p.uses[key] = append(p.order, key), p.use
	}
	return asm.Sym{Name: p.names[key]}
}

// text prints the DATA and GLOBL lines, the values above them.
func (p *pool) text() string {
	var b strings.Builder
	for _, key := range p.order {
		name, c := p.names[key], []byte(key)
		b.WriteString(comment(name, c, p.uses[key].role, p.uses[key].elem))
		for off := 0; off < len(c); off += 8 {
			fmt.Fprintf(&b, "DATA %s<>+%d(SB)/8, $0x%016x\n", name, off, binary.LittleEndian.Uint64(c[off:]))
		}
		fmt.Fprintf(&b, "GLOBL %s<>(SB), RODATA|NOPTR, $%d\n\n", name, len(c))
	}
	return b.String()
}
