//go:build peers

package report

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/kvgen/kvgen/runtime/internal/browsertest"
)

// TestBrowserActs uses what the script adds.
func TestBrowserActs(t *testing.T) {
	o := openPage(t, rendered(t, fixture()), looks[0])
	text := func(expression string) string {
		t.Helper()
		v, err := chromedp.Run(o.Ctx, chromedp.Evaluate[string](expression))
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	click := func(column int) string {
		return fmt.Sprintf(`document.querySelector("table.sortable thead th:nth-child(%d) button").click();
			document.querySelector("table.sortable tbody th").textContent`, column)
	}
	first, back := text(click(2)), text(click(1))
	tip := text(`document.querySelector("svg.wide .tip").dispatchEvent(new PointerEvent("pointerenter"));
		document.getElementById("tooltip").textContent`)
	if first != "lm3_64" || back != "q8_0+attn/q8_0+attn" {
		t.Errorf("sorted by name the first is %q, by rank %q", first, back)
	}
	if !strings.Contains(tip, "bits per value, KLD") {
		t.Errorf("tooltip %q", tip)
	}
}

// TestBrowserFinds plants faults that must be noticed.
func TestBrowserFinds(t *testing.T) {
	browsertest.Start(t)
	good := css
	defer func() { css = good }()
	html := func(extra string) []byte {
		css = good + extra
		return rendered(t, fixture())
	}
	for name, c := range map[string]struct {
		html []byte
		want string
	}{
		"wide":     {html("main { min-width: 2000px; }"), "wider than the window"},
		"pale":     {html(":root { --soft: #cfcfcf; }"), "contrast"},
		"hidden":   {html(".plot svg.wide { display: none; }"), "shows 0 drawings"},
		"overlap":  {html("svg .label { font-size: 30px; }"), "overlap"},
		"image":    {bytes.Replace(html(""), []byte("<main>"), []byte(`<main><img src="http://example.invalid/x.png">`), 1), "Content Security Policy"},
		"scripted": {bytes.Replace(html(""), []byte("<main>"), []byte(`<main><script>alert(1)</script>`), 1), "Content Security Policy"},
	} {
		o := openPage(t, c.html, looks[0])
		if !strings.Contains(strings.Join(o.Findings(t), "\n"), c.want) {
			t.Errorf("%s: found %q, want %q", name, o.Findings(t), c.want)
		}
	}
}

// TestBrowserHostile opens a page whose names are attacks.
func TestBrowserHostile(t *testing.T) {
	o := openPage(t, rendered(t, hostile()), looks[0])
	for _, f := range o.Findings(t) {
		if !strings.Contains(f, "overlap") && !strings.Contains(f, "cut off") {
			t.Error(f)
		}
	}
	if ran, err := chromedp.Run(o.Ctx, chromedp.Evaluate[bool](`"hacked" in window`)); err != nil || ran {
		t.Errorf("a name was run: %v, %v", ran, err)
	}
}
