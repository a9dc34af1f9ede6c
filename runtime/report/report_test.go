package report

import (
	"bytes"
	"encoding/xml"
	"html"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/runtime/lab"
)

func rendered(t *testing.T, in Input) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, in); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// attack is a name that would run in a page that does not escape it, in text, attributes, SVG and
// JSON alike.
const attack = `</title></script><script>hacked=1</script><img src=x onerror="hacked=1">'"><svg onload=hacked=1>`

// hostile is the fixture with attacks for names.
func hostile() Input {
	in := fixture()
	in.Result.Model.Path, in.Result.Model.Arch, in.Command = attack, attack, attack
	in.Warnings = []string{attack}
	in.Engines[0].Name, in.Engines[0].Choices[0].Lines[0] = attack, attack
	for i := range in.Result.Tables {
		t := &in.Result.Tables[i]
		t.Corpus.Path = attack
		t.Cells[0].Name = attack
		t.Cells[0].Plan.Layers[0].K.Effective = attack
		for k := range t.Comparisons {
			if c := &t.Comparisons[k]; c.A == "q8_0" {
				c.A = attack
			}
		}
		t.Cells[len(t.Cells)-1].Swap.Type = attack
	}
	in.Advice = in.Result.Advise(nil)
	return in
}

// TestPage reads the page as a browser does, without one: balanced elements, unique identifiers,
// labels that exist, nothing from elsewhere.
func TestPage(t *testing.T) {
	many := fixture()
	for i := range 12 {
		more := fixture().Result.Tables[0]
		more.Context = 1000 + i
		many.Result.Tables = append(many.Result.Tables, more)
	}
	for name, in := range map[string]Input{"many settings": many, "fixture": fixture(), "hostile": hostile(), "one chunk": oneChunk(), "nothing": nothing(), "by layer": byLayer()} {
		page := rendered(t, in)
		if len(page) > Limit {
			t.Errorf("%s: %d bytes, the limit is %d", name, len(page), Limit)
		}
		if found := faults(page); len(found) > 0 {
			t.Errorf("%s: %q", name, found)
		}
	}
	page := rendered(t, fixture())
	words := html.UnescapeString(string(page))
	for _, want := range []string{
		"Take q8_0+attn/q8_0+attn to be safe, q8_0+attn/turbo4+attn to be small, turbo3+attn/turbo3+attn to be smallest.",
		"Does it hold elsewhere?", "over all layers keys cost", "Rotation against none", "wrong way round", "kvrun sweep -m", "OLLAMA_KV_CACHE_TYPE",
		strings.Repeat("3fa8c1d2", 8), strings.Repeat("9c0d", 16), "as requested", "prefers-color-scheme: dark", "0.000189",
	} {
		if !strings.Contains(words, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if !bytes.Equal(page, rendered(t, fixture())) {
		t.Error("the same input gave another page")
	}
}

var elsewhere = regexp.MustCompile(`(?i)(https?:)?//[a-z0-9]|url\(|@import|srcset|<link|<iframe|<object|<embed|<base`)

// void are elements without an end.
var void = []string{"meta", "img", "br", "wbr"}

// faults is what is wrong with a page.
func faults(page []byte) (found []string) {
	scripts := regexp.MustCompile(`(?s)(<script>|<style>).*?(</script>|</style>)`)
	rest := scripts.ReplaceAll(page, []byte("$1$2"))
	if m := elsewhere.Find(rest); m != nil {
		found = append(found, "something from elsewhere: "+string(m))
	}
	if n := bytes.Count(rest, []byte("<script")); n != 1 {
		found = append(found, "scripts other than the page's own")
	}
	ids, used, open := map[string]bool{}, []string{}, []string{}
	d := xml.NewDecoder(bytes.NewReader(rest))
	d.Strict, d.Entity = false, xml.HTMLEntity
	for {
		token, err := d.RawToken()
		if err != nil {
			if err != io.EOF {
				found = append(found, err.Error())
			}
			break
		}
		switch token := token.(type) {
		case xml.StartElement:
			if name := token.Name.Local; !slices.Contains(void, name) {
				open = append(open, name)
			}
			for _, a := range token.Attr {
				switch key := a.Name.Local; {
				case key == "id" && ids[a.Value]:
					found = append(found, "twice: "+a.Value)
				case key == "id":
					ids[a.Value] = true
				case key == "aria-labelledby":
					used = append(used, strings.Fields(a.Value)...)
				case strings.HasPrefix(key, "on"), key == "style", key == "src", key == "href":
					found = append(found, "attribute "+key+" of "+token.Name.Local)
				}
			}
		case xml.EndElement:
			if name := token.Name.Local; slices.Contains(void, name) {
				break
			} else if len(open) == 0 || open[len(open)-1] != name {
				found = append(found, "</"+name+"> closes nothing")
				break
			}
			open = open[:len(open)-1]
		}
	}
	for _, id := range used {
		if !ids[id] {
			found = append(found, "nothing is called "+id)
		}
	}
	if len(open) > 0 {
		found = append(found, "never closed: "+strings.Join(open, " "))
	}
	return found
}

// TestFaults shows the checks what they must find.
func TestFaults(t *testing.T) {
	page := string(rendered(t, fixture()))
	for _, planted := range []string{
		`<main><script>1</script>`, `<main><p onclick="x">a</p>`, `<main><div>`, `<main></p>`, `<main><p id="verdict">a</p>`,
		`<main><p aria-labelledby="nobody">a</p>`, `<main><img src="x">`, `<main>https://example.com`,
	} {
		if len(faults([]byte(strings.Replace(page, "<main>", planted, 1)))) == 0 {
			t.Errorf("%s went unnoticed", planted)
		}
	}
}

// oneChunk has no intervals, and so no advice.
func oneChunk() Input {
	r := &lab.Result{Header: fixture().Result.Header}
	table := fixtureTable(lab.Setting{Corpus: lab.Corpus{Path: "a.txt"}, Context: 64, Path: lab.Decode}, 1, 1)
	for i := range table.Cells {
		c := &table.Cells[i]
		c.KLD.Low, c.KLD.High = c.KLD.Mean, c.KLD.Mean
	}
	table.Cells[0].KLD = lab.Estimate{} // exactly zero, which no logarithm has
	r.Tables = []lab.Table{table}
	return Input{Result: r, Advice: r.Advise(nil)}
}

// nothing is a sweep that was stopped before its first chunk.
func nothing() Input {
	r := &lab.Result{Header: fixture().Result.Header}
	return Input{Result: r, Advice: r.Advise(nil)}
}

// byLayer has no cells but those of one side of one layer.
func byLayer() Input {
	in := fixture()
	for i := range in.Result.Tables {
		t := &in.Result.Tables[i]
		t.Cells = slices.DeleteFunc(t.Cells, func(c lab.CellResult) bool { return c.Swap == nil })
		t.Comparisons = nil
	}
	return Input{Result: in.Result, Advice: in.Result.Advise(nil)}
}

func TestByLayer(t *testing.T) {
	if page := string(rendered(t, byLayer())); !strings.Contains(page, "By layer and side: q4_0") || !strings.Contains(page, "over all layers keys cost") {
		t.Error("the page does not show the layers")
	}
}

func TestOneChunk(t *testing.T) {
	page := string(rendered(t, oneChunk()))
	for _, want := range []string{"oo few chunks: 1, want 6", "no interval"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

// TestSource keeps addresses out of what is embedded.
func TestSource(t *testing.T) {
	for _, name := range []string{"page.html", "page.css", "page.js"} {
		text, err := os.ReadFile(filepath.Join(".", name))
		if err != nil || elsewhere.Match(text) && name != "page.js" {
			t.Errorf("%s: %v %q", name, err, elsewhere.Find(text))
		}
	}
}
