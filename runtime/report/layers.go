package report

import (
	"cmp"
	"slices"

	"github.com/kvgen/kvgen/runtime/lab"
)

// swaps finds the cells that swap one side of one layer to one type, by layer.
type swaps struct {
	Type string
	K, V []*lab.CellResult
}

func swapsOf(t *lab.Table) (all []swaps) {
	for i := range t.Cells {
		c := &t.Cells[i]
		if c.Swap == nil {
			continue
		}
		k := slices.IndexFunc(all, func(s swaps) bool { return s.Type == c.Swap.Type })
		if k < 0 {
			k = len(all)
			all = append(all, swaps{Type: c.Swap.Type})
		}
		if c.Swap.Side == "K" {
			all[k].K = append(all[k].K, c)
		} else {
			all[k].V = append(all[k].V, c)
		}
	}
	for _, s := range all {
		for _, side := range [][]*lab.CellResult{s.K, s.V} {
			slices.SortFunc(side, func(a, b *lab.CellResult) int { return cmp.Compare(a.Swap.Layer, b.Swap.Layer) })
		}
	}
	return all
}

// total is the KLD of all layers together, as if they added up.
func total(side []*lab.CellResult) (sum float64) {
	for _, c := range side {
		sum += max(0, c.KLD.Mean)
	}
	return sum
}

// layers draws what each side of each layer costs alone: keys upwards from the axis in one colour,
// values downwards in another.
func layers(z size, s swaps) *drawing {
	d := &drawing{w: z.w, h: z.h * .66}
	left, right, top, bottom := 58., z.w-14, 44., d.h-42
	var klds []float64
	last := 0
	for _, side := range [][]*lab.CellResult{s.K, s.V} {
		for _, c := range side {
			klds = append(klds, c.KLD.Mean)
			last = max(last, c.Swap.Layer)
		}
	}
	x := linear{-.7, float64(last) + .7, left, right}
	y := newDecades(klds, bottom, top, 20)
	d.axes(y, left, right)
	step := x.at(1) - x.at(0)
	every := 1
	for float64(every)*step < 24 {
		every++
	}
	for l := 0; l <= last; l += every {
		d.text(x.at(float64(l)), bottom+17, "tick", "middle", itoa(l))
	}
	d.line(left, bottom, right, bottom, "axis")
	d.text((left+right)/2, d.h-6, "name", "middle", "layer")
	d.text(left-48, 14, "name", "start", "mean KLD when only this side of this layer is stored so")
	for i, side := range []struct {
		name  string
		cells []*lab.CellResult
	}{{"K", s.K}, {"V", s.V}} {
		class := "side" + side.name
		d.el("circle", attr{"cx", left + 4 + 70*float64(i), "cy", 30., "r", 4., "class", "dot " + class})
		d.text(left+13+70*float64(i), 34, "label front", "start", map[string]string{"K": "keys", "V": "values"}[side.name])
		shift := min(5, step/4) * float64(2*i-1)
		for _, c := range side.cells {
			px, py := x.at(float64(c.Swap.Layer))+shift, y.at(c.KLD.Mean)
			d.point("", "layer "+itoa(c.Swap.Layer)+", "+side.name+" as "+s.Type+": KLD "+number(c.KLD.Mean)+" ("+between(c.KLD)+")")
			d.line(px, bottom, px, py, "stem "+class)
			d.el("circle", attr{"cx", px, "cy", py, "r", min(4, step/3.2), "class", "dot " + class})
			d.close("g")
		}
	}
	return d
}
