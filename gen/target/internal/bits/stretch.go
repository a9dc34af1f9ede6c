package bits

import (
	"slices"

	"github.com/kvgen/kvgen/gen/spec"
)

// A Stretch is a range of consecutive entries of a code whose bits are cut in the same way.
type Stretch struct {
	Lo, Hi int // entries Lo <= k < Hi
	Parts  []Part
}

// Part is one part of the entries of a stretch.
type Part struct {
	Bit          []int // [Hi-Lo] from the start of the block
	Width, Shift int
}

// Entries are the distinct entries of a code: one per run of Group values.
func Entries(c *spec.Code) [][]spec.Part {
	var all [][]spec.Part
	for i := 0; i < len(c.Parts); i += c.Group {
		all = append(all, c.Parts[i])
	}
	return all
}

// Written leaves, of parts that several entries name, those of the last: that is the one that
// stays when all are stored.
func Written(all [][]spec.Part) [][]spec.Part {
	seen := map[spec.Part]bool{}
	kept := make([][]spec.Part, len(all))
	for k := len(all) - 1; k >= 0; k-- {
		for _, p := range all[k] {
			if !seen[p] {
				seen[p] = true
				kept[k] = append(kept[k], p)
			}
		}
	}
	return kept
}

// Stretches cuts the entries where the widths or shifts of their parts change. Entries without
// parts are in none.
func Stretches(all [][]spec.Part) []Stretch {
	same := func(a, b []spec.Part) bool {
		return slices.EqualFunc(a, b, func(p, q spec.Part) bool { return p.Width == q.Width && p.Shift == q.Shift })
	}
	var cut []Stretch
	for k, parts := range all {
		if k == 0 || !same(parts, all[k-1]) {
			s := Stretch{Lo: k}
			for _, p := range parts {
				s.Parts = append(s.Parts, Part{Width: p.Width, Shift: p.Shift})
			}
			cut = append(cut, s)
		}
		s := &cut[len(cut)-1]
		s.Hi = k + 1
		for j, p := range parts {
			s.Parts[j].Bit = append(s.Parts[j].Bit, p.Bit)
		}
	}
	return slices.DeleteFunc(cut, func(s Stretch) bool { return len(s.Parts) == 0 })
}
