package report

import (
	"slices"

	"github.com/kvgen/kvgen/runtime/lab"
)

// curves is how many cells a figure of lines shows while it can still be read.
const curves = 6

// shown picks the cells for a figure of lines: the front, spread over its length.
func shown(cells []*lab.CellResult) []*lab.CellResult {
	best := slices.DeleteFunc(front(cells), func(c *lab.CellResult) bool { return len(c.ByPosition) < 2 || c.KLD.Mean <= tiny })
	if len(best) <= curves {
		return best
	}
	var out []*lab.CellResult
	for i := range curves {
		out = append(out, best[i*(len(best)-1)/(curves-1)])
	}
	return out
}

// positions draws KLD by position in the chunk.
func positions(z size, cells []*lab.CellResult) *drawing {
	d := &drawing{w: z.w, h: z.h * .72}
	names := 0
	for _, c := range cells {
		names = max(names, len([]rune(c.Name)))
	}
	aside := min(letter*float64(names)+20, z.w*.42)
	left, right, top, bottom := 58., z.w-aside, 30., d.h-46
	first := cells[0].ByPosition
	x := linear{float64(first[0].From), float64(first[len(first)-1].To), left, right}
	var klds []float64
	for _, c := range cells {
		for _, b := range c.ByPosition {
			klds = append(klds, b.KLD.Mean)
		}
	}
	y := newDecades(klds, bottom, top, 24)
	d.axes(y, left, right)
	ticks := 8
	if z.class == "narrow" {
		ticks = 4
	}
	marks := x.ticks(ticks)
	for i, v := range marks {
		d.line(x.at(v), bottom, x.at(v), bottom+5, "axis")
		d.text(x.at(v), bottom+19, "tick", "middle", evenly(marks)[i])
	}
	d.line(left, bottom, right, bottom, "axis")
	d.text((left+right)/2, d.h-6, "name", "middle", "position in the context")
	d.text(left-48, 14, "name", "start", "mean KLD, nats per token")

	byEnd := slices.Clone(cells)
	end := func(c *lab.CellResult) float64 { return y.at(c.ByPosition[len(c.ByPosition)-1].KLD.Mean) }
	slices.SortStableFunc(byEnd, func(a, b *lab.CellResult) int { return int(end(a)*10) - int(end(b)*10) })
	var ends []float64
	for _, c := range byEnd {
		ends = append(ends, end(c))
	}
	spread(ends, 15, top+4, bottom)
	for i, c := range byEnd {
		series := "s" + itoa(1+slices.Index(cells, c))
		var line, upper, lower []float64
		for _, b := range c.ByPosition {
			px := x.at(float64(b.From+b.To) / 2)
			line = append(line, px, y.at(b.KLD.Mean))
			upper = append(upper, px, y.at(b.KLD.High))
			lower = append(lower, y.at(b.KLD.Low), px) // reversed below
		}
		slices.Reverse(lower)
		d.path("band "+series, true, append(upper, lower...)...)
		d.path("curve "+series, false, line...)
		for k, b := range c.ByPosition {
			d.point("", c.Name+", positions "+itoa(b.From)+" to "+itoa(b.To-1)+": KLD "+number(b.KLD.Mean)+" ("+between(b.KLD)+")")
			d.el("circle", attr{"cx", line[2*k], "cy", line[2*k+1], "r", 10., "class", "reach"})
			d.el("circle", attr{"cx", line[2*k], "cy", line[2*k+1], "r", 3., "class", "knot " + series})
			d.close("g")
		}
		d.line(line[len(line)-2]+4, line[len(line)-1], right+6, ends[i], "leader")
		d.text(right+10, ends[i]+4, "label front", "start", clip(c.Name, int((aside-14)/letter)))
	}
	return d
}

// clip shortens a name to n letters.
func clip(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:max(1, n-1)]) + "…"
}
