package lab

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/model"
)

// tableOf is a table of cells with their bits and intervals, over n chunks.
func tableOf(n int, cells ...CellResult) Table {
	for i := range cells {
		cells[i].Chunk = make([]int, n)
	}
	return Table{Chunks: n, PPL: 20, Cells: cells}
}

func costing(name string, bits, mean, low, high float64) CellResult {
	return CellResult{Name: name, BitsPerValue: bits, Stats: Stats{KLD: Estimate{mean, low, high}}}
}

func names(a Advice) string {
	var all []string
	for _, p := range a.Picks {
		all = append(all, p.Name+"="+p.Cell)
	}
	return strings.Join(all, " ")
}

func TestAdvise(t *testing.T) {
	a, b, c := costing("a", 8.5, .001, .0008, .0012), costing("b", 5, .015, .012, .018), costing("c", 3, .06, .05, .07)
	swap := costing("swap", 1, 0, 0, 0)
	swap.Swap = &Swap{}
	elsewhere := costing("b", 5, .03, .02, .04) // on another text b is worse
	for _, x := range []struct {
		name string
		r    Result
		want string
	}{
		{"one cell to a level", Result{Tables: []Table{tableOf(6, a, b, c, swap)}}, "safe=a small=b smallest=c"},
		{"the interval decides, not the mean", Result{Tables: []Table{tableOf(6, a, costing("b", 5, .015, .008, .022), c)}}, "safe=a small=a smallest=c"},
		{"the fewest bits", Result{Tables: []Table{tableOf(6, a, b, costing("d", 2, .09, .08, .099), c)}}, "safe=a small=b smallest=d"},
		{"of equal bits the better", Result{Tables: []Table{tableOf(6, b, costing("d", 5, .01, .009, .011), a)}}, "safe=a small=d smallest=d"},
		{"it must hold everywhere", Result{Tables: []Table{tableOf(6, a, b, c), tableOf(6, a, elsewhere, c)}}, "safe=a small=a smallest=c"},
		{"and be measured everywhere", Result{Tables: []Table{tableOf(6, a, b, c), tableOf(6, a, c)}}, "safe=a small=a smallest=c"},
		{"none is good enough", Result{Tables: []Table{tableOf(6, b, c)}}, "safe= small=b smallest=c"},
		{"too few chunks", Result{Tables: []Table{tableOf(5, a, b, c)}}, ""},
		{"nothing", Result{}, ""},
	} {
		got := x.r.Advise(nil)
		if names(got) != x.want || (x.want == "") != (got.Because != "") {
			t.Errorf("%s: %s (%s), want %s", x.name, names(got), got.Because, x.want)
		}
	}
	r := Result{Tables: []Table{tableOf(6, b, c), tableOf(6, elsewhere, c)}}
	if p := r.Advise(nil).Picks; p[0].Closest != "b" || p[2].Cell != "c" || r.Advise(nil).Picks[1].Closest != "b" || p[1].Cost != elsewhere.KLD {
		t.Errorf("%+v", p)
	}
}

// TestExamine reads the traits of models that are known to have them.
func TestExamine(t *testing.T) {
	m, tok := openDemo(t)
	got, err := Examine(context.Background(), m, tok.Encode("It was the best of times, it was the worst of times, it was the age of wisdom.", true, false))
	if err != nil || got.Layers != 6 || got.Group != 2 || got.KeyBias || got.Trained {
		t.Errorf("%+v, %v", got, err)
	}
	qwen, err := model.Open("../../testdata/arch/qwen2/model.gguf", kernels.Default())
	if err != nil {
		t.Fatal(err)
	}
	defer qwen.Close()
	if got, err = Examine(context.Background(), qwen, nil); err != nil || !got.KeyBias || got.Sinks != 0 {
		t.Errorf("qwen2: %+v, %v", got, err)
	}
}

func TestWarnings(t *testing.T) {
	for _, c := range []struct {
		t    Traits
		ppl  float64
		want string // first words of each
	}{
		{Traits{Layers: 6, Group: 6, Sinks: 2}, 20, ""},
		{Traits{Layers: 6, Group: 7}, 20, "GQA group of 7"},
		{Traits{Layers: 6, KeyBias: true, Sinks: 3}, 20, "Key bias|Attention sinks: the first"},
		{Traits{Layers: 6, Trained: true, Sinks: 3}, 20, "Attention sinks are weights"},
		{Traits{Layers: 6}, 5000, "The reference itself"},
	} {
		r := &Result{Tables: []Table{{PPL: c.ppl}}}
		got := c.t.Warnings(r)
		want := strings.Split(c.want, "|")
		if c.want == "" {
			want = nil
		}
		if !slices.EqualFunc(got, want, strings.HasPrefix) {
			t.Errorf("%+v: %q", c.t, got)
		}
	}
	tuned := Traits{Tuned: true}
	if got := tuned.Warnings(&Result{Tables: []Table{{PPL: 5000}}}); len(got) != 1 || !strings.Contains(got[0], "--chat FILE") {
		t.Errorf("%q", got)
	}
}
