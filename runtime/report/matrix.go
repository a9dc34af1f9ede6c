package report

import "github.com/kvgen/kvgen/runtime/lab"

// matrix draws which differences are more than chance: a row beats a column where the square is
// full.
func matrix(cells []*lab.CellResult, comparisons []lab.Comparison) *drawing {
	index := map[string]int{}
	names := 0
	for i, c := range cells {
		index[c.Name] = i
		names = max(names, len([]rune(c.Name)))
	}
	const step = 20.
	left := letter*float64(names) + 12
	top := 30.
	n := float64(len(cells))
	d := &drawing{w: left + step*n + 4, h: top + step*n + 4}
	for i, c := range cells {
		at := step * float64(i)
		d.text(left-8, top+at+14, "label front", "end", c.Name)
		d.text(left+at+step/2, top-8, "tick", "middle", itoa(i+1))
		d.text(left+at+step/2, top+at+14, "tick", "middle", itoa(i+1))
	}
	for _, c := range comparisons {
		a, ok := index[c.A]
		b, known := index[c.B]
		if !ok || !known {
			continue
		}
		x, y := left+step*float64(b), top+step*float64(a)
		words := c.A + " and " + c.B + ": the difference of " + number(c.Less.Mean) + " (" + between(c.Less) + ") may be chance"
		class := "undecided"
		if c.Beats {
			class = "beats"
			words = c.A + " beats " + c.B + " by " + number(c.Less.Mean) + " (" + between(c.Less) + ")"
		}
		if c.Beats && c.PPLDenies {
			class += " denied"
			words += "; perplexity says the opposite"
		}
		d.point("", words)
		d.el("rect", attr{"x", x + 1.5, "y", y + 1.5, "width", step - 3, "height", step - 3, "rx", 3, "class", class})
		if c.Beats && c.PPLDenies {
			d.path("cross", false, x+6, y+6, x+step-6, y+step-6)
			d.path("cross", false, x+step-6, y+6, x+6, y+step-6)
		}
		d.close("g")
	}
	return d
}
