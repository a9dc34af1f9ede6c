package kvgen

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/kvgen/kvgen/gen/spec"
)

// TestReadmeExample compiles the type that README shows.
func TestReadmeExample(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	example := regexp.MustCompile(`(?ms)^    type "mine" \{\n.*?^    \}\n`).Find(text)
	set, err := spec.Parse(map[string][]byte{"mine.hcl": []byte(strings.ReplaceAll("\n"+string(example), "\n    ", "\n"))})
	if err != nil {
		t.Fatal(err)
	}
	if len(set.Types) != 1 || set.Types[0].Name != "mine" {
		t.Errorf("README shows %d types", len(set.Types))
	}
}

// shown finds what a page shows of a file: an indented block after a line that ends with a link to
// the file and a colon.
var shown = regexp.MustCompile(`\]\(([^)]+)\):\n\n((?:    .*\n|\n)+)`)

// checkShown compares the blocks with the files. Indentation by tabs is shown as four spaces.
func checkShown(page string, read func(name string) ([]byte, error)) (blocks int, found []string) {
	for _, m := range shown.FindAllStringSubmatch(page, -1) {
		blocks++
		text, err := read(m[1])
		if err != nil {
			found = append(found, err.Error())
			continue
		}
		block := strings.TrimRight(strings.ReplaceAll("\n"+m[2], "\n    ", "\n"), "\n")
		if !strings.Contains(strings.ReplaceAll("\n"+string(text), "\t", "    "), block+"\n") {
			found = append(found, m[1]+" no longer holds what is shown of it")
		}
	}
	return blocks, found
}

// TestReadmeShows holds the spec, the Go and the assembly that README shows to what the repository
// holds.
func TestReadmeShows(t *testing.T) {
	planted := "It is in [x](x.go):\n\n    a {\n        b\n    }\n\nmore, [y](y.go):\n\n    c\n\n"
	files := map[string]string{"x.go": "a {\n\tb\n}\n", "y.go": "cd\n"}
	blocks, found := checkShown(planted, func(name string) ([]byte, error) { return []byte(files[name]), nil })
	if blocks != 2 || len(found) != 1 || !strings.HasPrefix(found[0], "y.go") {
		t.Fatalf("of 2 planted blocks, of which y.go lacks one, found %d and %q", blocks, found)
	}
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(string(text), "\n"); lines >= 200 {
		t.Errorf("README has %d lines: fewer than 200 are read", lines)
	}
	blocks, found = checkShown(string(text), os.ReadFile)
	if blocks < 3 {
		t.Errorf("README shows %d files: a spec, Go and assembly are expected", blocks)
	}
	for _, f := range found {
		t.Error("README.md: " + f)
	}
	page, err := os.ReadFile("docs/go.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks, found = checkShown(string(page), func(name string) ([]byte, error) { return os.ReadFile(path.Join("docs", name)) })
	if blocks != 1 || len(found) > 0 {
		t.Errorf("docs/go.md shows %d examples: %q", blocks, found)
	}
}

// pages are the documents that people read: those of the root and of docs.
func pages(t *testing.T) (all []source) {
	t.Helper()
	for _, s := range sources(t) {
		if path.Ext(s.name) == ".md" && (path.Dir(s.name) == "." || path.Dir(s.name) == "docs") {
			all = append(all, s)
		}
	}
	if len(all) < 5 {
		t.Fatalf("only %d pages", len(all))
	}
	return all
}

// anchor is GitHub's name of a heading.
func anchor(heading string) string {
	heading = regexp.MustCompile("[^\\p{L}\\p{N} _-]").ReplaceAllString(strings.ToLower(heading), "")
	return strings.ReplaceAll(strings.TrimSpace(heading), " ", "-")
}

var (
	link    = regexp.MustCompile(`\]\(([^):#]*)(#[^)]*)?\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
)

// checkLinks looks for the files and headings that pages link to.
func checkLinks(pages []source, read func(name string) ([]byte, error)) (found []string) {
	for _, p := range pages {
		for _, m := range link.FindAllSubmatch(p.text, -1) {
			name, text := p.name, p.text
			if len(m[1]) > 0 {
				var err error
				name = path.Join(path.Dir(p.name), string(m[1]))
				if text, err = read(name); err != nil {
					found = append(found, fmt.Sprintf("%s: %v", p.name, err))
					continue
				}
			}
			if len(m[2]) == 0 {
				continue
			}
			var anchors []string
			for _, h := range heading.FindAllSubmatch(text, -1) {
				anchors = append(anchors, "#"+anchor(string(h[1])))
			}
			if !slices.Contains(anchors, string(m[2])) {
				found = append(found, fmt.Sprintf("%s: %s has no heading %s", p.name, name, m[2]))
			}
		}
	}
	return found
}

// readPlace reads a file; of a folder there is no text.
func readPlace(name string) ([]byte, error) {
	if info, err := os.Stat(filepath.FromSlash(name)); err != nil || info.IsDir() {
		return nil, err
	}
	return os.ReadFile(filepath.FromSlash(name))
}

func TestPageLinks(t *testing.T) {
	planted := []source{
		{"docs/x.md", []byte("# CPU, and GPU\n[a](#cpu-and-gpu) [b](#cpu) [c](gone.md) [d](https://example.org/)\n")},
	}
	if found := checkLinks(planted, readPlace); len(found) != 2 {
		t.Fatalf("of 2 planted mistakes found %q", found)
	}
	for _, f := range checkLinks(pages(t), readPlace) {
		t.Error(f)
	}
}

// wide finds lines that do not fit a terminal of 120 columns.
func wide(pages []source) (found []string) {
	for _, p := range pages {
		for i, line := range strings.Split(string(p.text), "\n") {
			if n := utf8.RuneCountInString(line); n > 120 {
				found = append(found, fmt.Sprintf("%s:%d: %d columns, the limit is 120", p.name, i+1, n))
			}
		}
	}
	return found
}

// TestPageWidth keeps the pages readable as raw text, tables included.
func TestPageWidth(t *testing.T) {
	planted := []source{{"x.md", []byte(strings.Repeat("é", 120) + "\n" + strings.Repeat("e", 121) + "\n")}}
	if found := wide(planted); len(found) != 1 {
		t.Fatalf("of 1 planted line found %q", found)
	}
	for _, f := range wide(pages(t)) {
		t.Error(f)
	}
}
