package report

import (
	"cmp"
	"math"
	"slices"

	"github.com/kvgen/kvgen/runtime/lab"
)

// cellsOf returns a table's cells, the best first, without those that swap one side of one layer.
func cellsOf(t *lab.Table) []*lab.CellResult {
	var all []*lab.CellResult
	for i := range t.Cells {
		if t.Cells[i].Swap == nil {
			all = append(all, &t.Cells[i])
		}
	}
	slices.SortStableFunc(all, func(a, b *lab.CellResult) int { return cmp.Compare(a.KLD.Mean, b.KLD.Mean) })
	return all
}

// front returns the cells that no other beats in both bits and KLD, those with the fewest bits
// first.
func front(cells []*lab.CellResult) []*lab.CellResult {
	all := slices.Clone(cells)
	slices.SortStableFunc(all, func(a, b *lab.CellResult) int {
		return cmp.Or(cmp.Compare(a.BitsPerValue, b.BitsPerValue), cmp.Compare(a.KLD.Mean, b.KLD.Mean))
	})
	best, out := math.Inf(1), []*lab.CellResult(nil)
	for _, c := range all {
		if c.KLD.Mean < best {
			best = c.KLD.Mean
			out = append(out, c)
		}
	}
	return out
}

// The four rotation cells of the study.
const (
	rotNone = iota
	rotK
	rotV
	rotBoth
)

var rotations = []string{"no rotation", "K rotated", "V rotated", "both rotated"}

// rotationOf reads from the plan which sides are rotated in any layer.
func rotationOf(c *lab.CellResult) (kind int) {
	for _, l := range c.Plan.Layers {
		if _, rotation, _ := l.K.Parts(); rotation != "" {
			kind |= rotK
		}
		if _, rotation, _ := l.V.Parts(); rotation != "" {
			kind |= rotV
		}
	}
	return kind
}

// glyph draws the mark of a rotation around x, y.
func (d *drawing) glyph(kind int, x, y, r float64, class string) {
	switch kind {
	case rotK:
		d.path(class, true, x, y-1.2*r, x+1.15*r, y+.9*r, x-1.15*r, y+.9*r)
	case rotV:
		d.path(class, true, x, y+1.2*r, x+1.15*r, y-.9*r, x-1.15*r, y-.9*r)
	case rotBoth:
		d.path(class, true, x, y-1.3*r, x+1.3*r, y, x, y+1.3*r, x-1.3*r, y)
	default:
		d.el("circle", attr{"cx", x, "cy", y, "r", r, "class", class})
	}
}

// tip describes a cell in one line.
func tip(c *lab.CellResult) string {
	return c.Name + ": " + bits(c.BitsPerValue) + " bits per value, KLD " + number(c.KLD.Mean) + " (" + between(c.KLD) + "), same top " + percent(c.SameTop.Mean) + " %"
}
