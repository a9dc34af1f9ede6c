package report

import (
	"math"

	"github.com/kvgen/kvgen/runtime/lab"
)

// size is the canvas of a figure: for a wide window or for a telephone.
type size struct {
	class string
	w, h  float64
}

var sizes = []size{{"wide", 920, 520}, {"narrow", 360, 430}}

// axes draws horizontal lines at decades and their names.
func (d *drawing) axes(y decades, left, right float64) {
	for _, k := range y.ticks() {
		py := y.rise(float64(k))
		d.line(left, py, right, py, "grid")
		d.text(left-8, py+4, "tick", "end", power(k))
		// lines without a number show that the scale is not linear
		for _, m := range []float64{2, 5} {
			if v := float64(k) + math.Log10(m); v < y.hi {
				d.line(left-4, y.rise(v), left, y.rise(v), "axis")
			}
		}
	}
	if y.rung {
		d.line(left, y.zero, right, y.zero, "grid zero")
		d.text(left-8, y.zero+4, "tick", "end", "0")
	}
}

// pareto draws quality against bits.
func pareto(z size, cells []*lab.CellResult) *drawing {
	d := &drawing{w: z.w, h: z.h}
	left, right, top, bottom := 58., z.w-14, 30., z.h-46
	lo, hi := math.Inf(1), math.Inf(-1)
	var klds []float64
	for _, c := range cells {
		lo, hi = min(lo, c.BitsPerValue), max(hi, c.BitsPerValue)
		klds = append(klds, c.KLD.Mean)
	}
	margin := max(.5, .06*(hi-lo))
	x := linear{lo - margin, hi + margin, left, right}
	y := newDecades(klds, bottom, top, 26)
	d.axes(y, left, right)
	ticks := 12
	if z.class == "narrow" {
		ticks = 6
	}
	marks := x.ticks(ticks)
	for i, v := range marks {
		d.line(x.at(v), bottom, x.at(v), bottom+5, "axis")
		d.text(x.at(v), bottom+19, "tick", "middle", evenly(marks)[i])
	}
	d.line(left, bottom, right, bottom, "axis")
	d.text((left+right)/2, z.h-6, "name", "middle", "bits per value, everything counted")
	d.text(left-48, 14, "name", "start", "mean KLD, nats per token: lower is better")

	best := front(cells)
	taken := d.frontier(x, y, best, bottom, right)
	onFront := map[*lab.CellResult]bool{}
	for _, c := range best {
		onFront[c] = true
	}
	var labels []label
	mark := func(c *lab.CellResult) {
		px, py := x.at(c.BitsPerValue), y.at(c.KLD.Mean)
		class, r := "dot", 4.5
		if onFront[c] {
			class, r = "dot front", 5.5
		}
		d.point("", tip(c))
		d.el("circle", attr{"cx", px, "cy", py, "r", 13., "class", "reach"})
		d.line(px, y.at(c.KLD.Low), px, y.at(c.KLD.High), "whisker")
		d.glyph(rotationOf(c), px, py, r, class)
		d.close("g")
		labels = append(labels, label{words: c.Name, x: px, y: py})
		taken = append(taken, box{px - r - 1, py - r - 1, 2*r + 2, 2*r + 2})
	}
	for _, c := range cells {
		if !onFront[c] {
			mark(c)
		}
	}
	others := len(labels)
	for _, c := range best {
		mark(c)
	}
	labels = append(labels[others:], labels[:others]...) // labels of the front are placed first
	place(labels, taken, box{left, top - 8, right - left + 12, bottom - top + 6})
	for i, l := range labels {
		if !l.placed {
			continue
		}
		if l.leader {
			d.line(l.x, l.y, l.lx, l.ly, "leader")
		}
		class := "label"
		if i < len(best) {
			class = "label front"
		}
		d.text(l.box.x+2, l.box.y+11, class, "start", l.words)
	}
	return d
}

// frontier shades what no measured cell reaches, and draws its edge in steps. taken is where the
// edge runs.
func (d *drawing) frontier(x linear, y decades, best []*lab.CellResult, bottom, right float64) (taken []box) {
	if len(best) == 0 {
		return nil
	}
	var edge []float64
	for i, c := range best {
		px, py := x.at(c.BitsPerValue), y.at(c.KLD.Mean)
		if i > 0 {
			edge = append(edge, px, edge[len(edge)-1])
		}
		edge = append(edge, px, py)
	}
	edge = append(edge, right, edge[len(edge)-1])
	area := append([]float64{edge[0], bottom}, edge...)
	d.path("unreached", true, append(area, right, bottom)...)
	d.path("edge", false, edge...)
	for i := 2; i+1 < len(edge); i += 2 {
		x0, x1 := min(edge[i-2], edge[i]), max(edge[i-2], edge[i])
		y0, y1 := min(edge[i-1], edge[i+1]), max(edge[i-1], edge[i+1])
		taken = append(taken, box{x0 - 1, y0 - 1, x1 - x0 + 2, y1 - y0 + 2})
	}
	return taken
}
