package lower

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/spec"
)

// Kernels that sum over a block may hold its values in any order, as long as what they are
// multiplied with stands in the same one. That is put in order once for many rows, so rows are read
// in the order that costs them least.

// order lists the values of a block that the lanes of each vector hold, [block/chunk][chunk].
type order [][]int

// natural is the order of the spec.
func natural(block int) order {
	var o order
	for first := 0; first < block; first += chunk {
		o = append(o, run(first))
	}
	return o
}

// isNatural reports whether o is the order of the spec.
func (o order) isNatural() bool { return slices.EqualFunc(o, natural(len(o)*chunk), slices.Equal) }

// run is chunk values from first on.
func run(first int) []int {
	v := make([]int, chunk)
	for l := range v {
		v[l] = first + l
	}
	return v
}

// isRun reports whether v is a run.
func isRun(v []int) bool { return slices.Equal(v, run(v[0])) }

// cheapest is the order in which the codes of a block take fewest instructions: the natural one, or
// that of the bytes they lie in. A vector of bytes then gives as many vectors of values as a byte
// holds codes, by a shift and a mask each.
func cheapest(m Caps, t *spec.Type, a affine) order {
	best, c := natural(t.Block), a.Code
	if a.points != nil {
		return best
	}
	for k := range c.Parts[0] {
		if o := byBytes(t.Block, c, k); o != nil && o.cost(m, t, c) < best.cost(m, t, c) {
			best = o
		}
	}
	return best
}

// byBytes sorts values by the place of part k of their codes: vectors of bytes, bits of a byte,
// bytes. It is nil where not all codes have that part.
func byBytes(block int, c *spec.Code, k int) order {
	first := c.Parts[0][k].Bit / 8
	for _, parts := range c.Parts {
		if len(parts) <= k {
			return nil
		}
		first = min(first, parts[k].Bit/8)
	}
	values := make([]int, block)
	for i := range values {
		values[i] = i
	}
	slices.SortFunc(values, func(x, y int) int {
		a, b := c.Parts[x][k].Bit, c.Parts[y][k].Bit
		return cmp.Or(cmp.Compare((a/8-first)/chunk, (b/8-first)/chunk), cmp.Compare(a%8, b%8), cmp.Compare(a, b))
	})
	return slices.Collect(slices.Chunk(values, chunk))
}

// cost counts the instructions that read all codes of a block.
func (o order) cost(m Caps, t *spec.Type, c *spec.Code) (n int) {
	b := ir.Build("", []ir.Param{{Name: "block", Type: addr}})
	block := ir.At(b.Param(0), 0)
	for _, values := range o {
		gatherBytes(b, block, t, c, values)
	}
	for _, node := range b.F.Body {
		if in, ok := node.(*ir.Instr); ok {
			n += max(1, m.Costs[in.Op])
		}
	}
	return n
}

// arranged is the bytes at src+values[l] in lane l.
func arranged(b *ir.Builder, src ir.Mem, values []int) *ir.Value {
	if isRun(values) {
		return b.Load(bytes(chunk), src.Plus(values[0]), "q")
	}
	const piece = 16
	var sum *ir.Value
	for from := slices.Min(values) / piece * piece; from <= slices.Max(values); from += piece {
		index, used := make([]byte, chunk), false
		for l, v := range values {
			if index[l] = 0x80; v/piece == from/piece {
				index[l], used = byte(v%piece), true
			}
		}
		if !used {
			continue
		}
		v := b.Shuffle(b.LoadDup(bytes(chunk), src.Plus(from), piece, "q"), index)
		if sum != nil {
			v = b.Or(sum, v)
		}
		sum = v
	}
	return sum
}

// describe names values as runs, or as their first ones where there are many.
func describe(values []int) string {
	var runs []string
	for from := 0; from < len(values); {
		to := from + 1
		for to < len(values) && values[to] == values[to-1]+1 {
			to++
		}
		runs = append(runs, fmt.Sprintf("%d to %d", values[from], values[to-1]))
		from = to
	}
	if len(runs) > 4 {
		step := values[1] - values[0]
		return fmt.Sprintf("values %d, %d, %d to %d", values[0], values[0]+step, values[0]+2*step, values[len(values)-1])
	}
	return "values " + strings.Join(runs, " and ")
}
