package report

import (
	"path"
	"slices"

	"github.com/kvgen/kvgen/runtime/lab"
)

// across is every cell in every setting.
type across struct {
	Heads []string
	Rows  []acrossRow
}

type acrossRow struct {
	Name  string
	Cells []acrossCell
}

type acrossCell struct {
	KLD  string
	Tip  string
	Best bool // the least of its setting
}

func newAcross(r *lab.Result) *across {
	a := &across{}
	var names []string
	for i := range r.Tables {
		t := &r.Tables[i]
		a.Heads = append(a.Heads, path.Base(t.Corpus.Path)+" "+itoa(t.Context)+" "+t.Path)
		for _, c := range cellsOf(t) {
			if !slices.Contains(names, c.Name) {
				names = append(names, c.Name)
			}
		}
	}
	for _, n := range names {
		line := acrossRow{Name: n}
		for i := range r.Tables {
			cell := acrossCell{KLD: "–"}
			cells := cellsOf(&r.Tables[i])
			for k, c := range cells {
				if c.Name == n {
					cell = acrossCell{number(c.KLD.Mean), between(c.KLD), k == 0}
				}
			}
			line.Cells = append(line.Cells, cell)
		}
		a.Rows = append(a.Rows, line)
	}
	return a
}
