package report

import (
	"cmp"
	"fmt"
	"html/template"
	"path"
	"strings"

	"github.com/kvgen/kvgen/runtime/lab"
)

// view is what the template shows.
type view struct {
	Input
	CSS       template.CSS
	Script    template.JS
	Policy    string
	Title     string
	ModelSize float64  // bytes
	Reference string   // type of the cache
	Verdict   []string // sentences, the first one the headline
	Settings  []section
	Across    *across // nil with one setting
	Plans     []plan
}

// section is one table of the result.
type section struct {
	lab.Table
	ID        string
	Name      string // of the setting
	Words     string
	Rows      []row
	Pareto    *figure
	Positions *figure
	Layers    []*figure
	Matrix    *figure
}

// row is a cell in the table of a section.
type row struct {
	*lab.CellResult
	Rank     int
	Rotation string
	Strip    template.HTML // its KLD with the interval
	Front    bool
	Beats    int // cells that it beats
}

// figure is a drawing in its sizes, with words.
type figure struct {
	ID      string
	Title   string
	Caption string
	SVG     []template.HTML
	Wide    bool // may be wider than a telephone's screen, which scrolls it
	Head    []string
	Body    [][]string // its numbers
}

// detail is how many figures the settings behind the first get.
type detail int

const (
	tables detail = iota
	paretos
	everything
)

func newView(in Input, d detail) view {
	r := in.Result
	v := view{Input: in, Plans: plans(r.Tables), Title: title(&r.Model), ModelSize: float64(r.Model.Size), Reference: r.Reference, Verdict: verdict(in)}
	for i := range r.Tables {
		own := everything
		if i > 0 {
			own = d
		}
		v.Settings = append(v.Settings, newSection(&r.Tables[i], "t"+itoa(i+1), own))
	}
	if len(r.Tables) > 1 {
		v.Across = newAcross(r)
	}
	return v
}

// title is the model as its file calls itself, or the name of the file.
func title(m *lab.Model) string { return cmp.Or(m.Name, modelName(m.Path)) }

// modelName is the name of a file without folders and ending.
func modelName(p string) string {
	return strings.TrimSuffix(path.Base(strings.ReplaceAll(p, `\`, "/")), ".gguf")
}

// breaks is a name that may be cut into lines behind its / and before its +.
func breaks(name string) template.HTML {
	safe := template.HTMLEscapeString(name)
	return template.HTML(strings.NewReplacer("/", "/<wbr>", "&#43;", "<wbr>&#43;").Replace(safe))
}

// settingName says where cells were compared.
func settingName(s lab.Setting) string {
	return fmt.Sprintf("%s, context %d, %s", path.Base(s.Corpus.Path), s.Context, map[string]string{
		lab.Prefill: "prefill", lab.Decode: "token by token"}[s.Path])
}

func newSection(t *lab.Table, id string, d detail) section {
	s := section{Table: *t, ID: id, Name: settingName(t.Setting)}
	cells := cellsOf(t)
	s.Words = fmt.Sprintf("%s of %d tokens, %d scored in each; the reference has a perplexity of %s ± %s.", count(t.Chunks, "chunk"), t.Context, t.Scored,
		number(t.PPL), number(t.PPLError))
	s.rows(t, cells)
	if d < everything && id != "" {
		s.Words += " Some of its figures are left out, because the page would be too large."
	}
	for i, w := range swapsOf(t) {
		if d < everything {
			break
		}
		s.Layers = append(s.Layers, s.layersFigure(w, i))
	}
	if len(cells) == 0 {
		return s // only one side of one layer at a time
	}
	if d >= paretos {
		s.Pareto = s.paretoFigure(cells)
	}
	if d < everything {
		return s
	}
	s.Positions = s.positionsFigure(shown(cells))
	if len(t.Comparisons) > 0 {
		s.Matrix = s.matrixFigure(cells)
	}
	return s
}

func (s *section) rows(t *lab.Table, cells []*lab.CellResult) {
	var klds []float64
	best := front(cells)
	for _, c := range cells {
		klds = append(klds, c.KLD.Mean)
	}
	for i, c := range cells {
		r := row{CellResult: c, Rank: i + 1, Rotation: rotations[rotationOf(c)], Strip: strip(c, klds)}
		for _, b := range best {
			r.Front = r.Front || b == c
		}
		for _, x := range t.Comparisons {
			if x.A == c.Name && x.Beats {
				r.Beats++
			}
		}
		s.Rows = append(s.Rows, r)
	}
}

// strip is a cell's KLD on the scale that all rows share.
func strip(c *lab.CellResult, klds []float64) template.HTML {
	d := &drawing{w: 150, h: 22}
	x := newDecades(klds, 8, d.w-8, 14)
	for _, k := range x.ticks() {
		px := x.rise(float64(k))
		d.line(px, 0, px, d.h, "grid")
	}
	d.line(x.at(c.KLD.Low), 11, x.at(c.KLD.High), 11, "whisker thick")
	d.glyph(rotationOf(c), x.at(c.KLD.Mean), 11, 4.5, "dot front")
	// The number stands beside it, so a reader of the page needs no description of the strip.
	return template.HTML(`<svg class="strip" viewBox="0 0 150 22" aria-hidden="true">` + d.b.String() + "</svg>")
}
