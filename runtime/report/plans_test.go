package report

import (
	"html"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/runtime/lab"
)

// TestPlansOfAllSettings wants the plan of every cell of every setting, each once, with its sizes
// where they differ.
func TestPlansOfAllSettings(t *testing.T) {
	in := fixture()
	first, second := &in.Result.Tables[0], &in.Result.Tables[1]
	first.Cells[1].BytesPerToken, second.Context, second.Cells[1].BytesPerToken = 2048, 8192, 1024
	late := first.Cells[0]
	late.Name, late.BytesPerToken = "a cell of the second setting", 4096
	second.Cells = append(second.Cells, late)
	all := plans(in.Result.Tables)
	sizes := map[string]string{}
	for _, p := range all {
		if _, twice := sizes[p.Name]; twice {
			t.Errorf("%s is there twice", p.Name)
		}
		sizes[p.Name] = p.Size
		if len(p.Spans) == 0 {
			t.Errorf("%s has no layers", p.Name)
		}
	}
	if n := len(cellsOf(second)); len(all) != n {
		t.Errorf("%d plans of %d cells", len(all), n)
	}
	page := html.UnescapeString(string(rendered(t, in)))
	for name, want := range map[string]string{
		first.Cells[0].Name: amount(first.Cells[0].BytesPerToken) + " per token",
		first.Cells[1].Name: amount(2048) + " per token in a context of 512, " + amount(1024) + " per token in a context of 8192",
		late.Name:           amount(4096) + " per token; not measured on " + settingName(lab.Setting{Corpus: first.Corpus, Context: 512, Path: lab.Prefill}),
	} {
		if sizes[name] != want {
			t.Errorf("%s: %q, want %q", name, sizes[name], want)
		}
		if !strings.Contains(page, "<code>"+name+"</code> <span>"+want+"</span>") {
			t.Errorf("the page does not say %q of %s", want, name)
		}
	}
}
