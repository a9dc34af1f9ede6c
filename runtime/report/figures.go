package report

import (
	"fmt"

	"github.com/kvgen/kvgen/runtime/lab"
)

// drawn makes a figure with a drawing in every size.
func (s *section) drawn(f figure, draw func(size) *drawing) *figure {
	f.ID = s.ID + "-" + f.ID
	for _, z := range sizes {
		f.SVG = append(f.SVG, draw(z).svg(f.ID+"-"+z.class, z.class, f.Title, f.Caption))
	}
	return &f
}

func (s *section) paretoFigure(cells []*lab.CellResult) *figure {
	f := figure{ID: "pareto", Title: "Quality against size",
		Head: []string{"cache", "bits per value", "mean KLD", "95 % interval", "same top"}}
	best := front(cells)
	f.Caption = fmt.Sprintf("Each mark is one cache, lower and further left is better. Of %s, %d are worth a look: nothing smaller is better than they are, and they lie on the line.",
		count(len(cells), "cache"), len(best))
	for _, c := range cells {
		f.Body = append(f.Body, []string{c.Name, bits(c.BitsPerValue), number(c.KLD.Mean), between(c.KLD), percent(c.SameTop.Mean) + " %"})
	}
	return s.drawn(f, func(z size) *drawing { return pareto(z, cells) })
}

func (s *section) positionsFigure(cells []*lab.CellResult) *figure {
	if len(cells) == 0 {
		return nil
	}
	f := figure{ID: "positions", Title: "By position in the context", Head: []string{"cache"},
		Caption: "Mean KLD of the scored positions, in eighths of them; bands are 95 % intervals. A line that rises says that errors of the cache add up with its length."}
	for _, b := range cells[0].ByPosition {
		f.Head = append(f.Head, fmt.Sprintf("%d–%d", b.From, b.To-1))
	}
	for _, c := range cells {
		line := []string{c.Name}
		for _, b := range c.ByPosition {
			line = append(line, number(b.KLD.Mean))
		}
		f.Body = append(f.Body, line)
	}
	return s.drawn(f, func(z size) *drawing { return positions(z, cells) })
}

func (s *section) layersFigure(w swaps, n int) *figure {
	f := figure{ID: "layers" + itoa(n+1), Title: "By layer and side: " + w.Type, Head: []string{"layer", "side", "mean KLD", "95 % interval"}}
	f.Caption = "The reference cache but for one side of one layer, which is stored as " + w.Type + ". " + sides(w)
	for _, side := range [][]*lab.CellResult{w.K, w.V} {
		for _, c := range side {
			f.Body = append(f.Body, []string{itoa(c.Swap.Layer), c.Swap.Side, number(c.KLD.Mean), between(c.KLD)})
		}
	}
	return s.drawn(f, func(z size) *drawing { return layers(z, w) })
}

// sides says in a sentence which side costs more, and where.
func sides(w swaps) string {
	k, v := total(w.K), total(w.V)
	if len(w.K) == 0 || len(w.V) == 0 || k <= 0 || v <= 0 {
		return ""
	}
	words := fmt.Sprintf("Over all layers keys cost %s times what values do", number(k/v))
	if v > k {
		words = fmt.Sprintf("Over all layers values cost %s times what keys do", number(v/k))
	}
	worst := w.K[0]
	for _, c := range append(w.K[1:len(w.K):len(w.K)], w.V...) {
		if c.KLD.Mean > worst.KLD.Mean {
			worst = c
		}
	}
	return words + fmt.Sprintf("; the most fragile is %s of layer %d, %s %% of it all.", worst.Swap.Side, worst.Swap.Layer, percent(worst.KLD.Mean/(k+v)))
}

func (s *section) matrixFigure(cells []*lab.CellResult) *figure {
	f := figure{ID: "matrix", Title: "What is more than chance", Wide: true, Head: []string{"better", "worse", "KLD less by", "95 % interval", "perplexity"}}
	decided, denied := 0, 0
	for _, c := range s.Comparisons {
		if !c.Beats {
			continue
		}
		decided++
		ppl := "agrees"
		if c.PPLDenies {
			ppl = "says the opposite"
			denied++
		}
		f.Body = append(f.Body, []string{c.A, c.B, number(c.Less.Mean), between(c.Less), ppl})
	}
	f.Caption = fmt.Sprintf("A full square: the row beats the column, by paired differences over %s. Of %s, %d are decided; a hollow square may be chance.", count(s.Chunks, "chunk"),
		count(len(s.Comparisons), "pair"), decided)
	if denied > 0 {
		f.Caption += fmt.Sprintf(" A cross: perplexity orders the two the other way round (%s).", count(denied, "pair"))
	}
	d := matrix(cells, s.Comparisons)
	f.ID = s.ID + "-" + f.ID
	f.SVG = append(f.SVG, d.svg(f.ID+"-all", "all", f.Title, f.Caption))
	return &f
}
