package kvgen

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/runtime/drivers"
)

// checkTour compares the packages that the tour names, each by its path at the start of an indented
// line, with those there are.
func checkTour(doc string, packages []string) (found []string) {
	var named []string
	for _, m := range regexp.MustCompile(`(?m)^\t((?:gen|kernels|runtime|cmd|internal|templates)[\w/]*) +\S`).FindAllStringSubmatch(doc, -1) {
		if slices.Contains(named, m[1]) {
			found = append(found, m[1]+" is named twice")
			continue
		}
		named = append(named, m[1])
	}
	for _, p := range packages {
		if !slices.Contains(named, p) {
			found = append(found, "the tour of generate.go does not name "+p)
		}
	}
	for _, n := range named {
		if !slices.Contains(packages, n) {
			found = append(found, "the tour of generate.go names "+n+", which is no package")
		}
	}
	return found
}

// folders are the folders of this module that hold Go, by their path from the root.
func folders(t *testing.T) (all []string) {
	t.Helper()
	for _, s := range sources(t) {
		dir := path.Dir(s.name)
		if path.Ext(s.name) == ".go" && !strings.HasSuffix(s.name, "_test.go") && dir != "." && !slices.Contains(all, dir) {
			all = append(all, dir)
		}
	}
	return all
}

func TestTour(t *testing.T) {
	if found := checkTour("\tgen/a  one\n\tgen/b  two\n\tgen/b  two\n\tgen/d  three\n", []string{"gen/a", "gen/b", "gen/c"}); len(found) != 3 {
		t.Fatalf("of 3 planted mistakes found %q", found)
	}
	tree, err := parser.ParseFile(token.NewFileSet(), "generate.go", nil, parser.ParseComments|parser.PackageClauseOnly)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range checkTour(tree.Doc.Text(), folders(t)) {
		t.Error(f)
	}
}

// A comment is one line of a comment in Go, with its place.
type comment struct {
	name string
	line int
	text string // with the slashes
	wide int    // columns of the whole line of code, a tab as four; 0 of what an example prints
}

// columns is the width of a line with tab stops at every fourth column.
func columns(line string) (n int) {
	for _, r := range line {
		if n++; r == '\t' {
			n = (n + 3) / 4 * 4
		}
	}
	return n
}

// comments reads the comments of Go files; generated ones and directives are left out.
func comments(t *testing.T, files []source) (all []comment) {
	t.Helper()
	for _, f := range files {
		if path.Ext(f.name) != ".go" || header.Match(f.text) {
			continue
		}
		fset := token.NewFileSet()
		tree, err := parser.ParseFile(fset, f.name, f.text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(f.text), "\n")
		for _, group := range tree.Comments {
			printed := false
			for _, c := range group.List {
				if ast.IsGenerated(tree) || strings.HasPrefix(c.Text, "//go:") || strings.HasPrefix(c.Text, "//nolint") {
					continue
				}
				printed = printed || strings.HasSuffix(f.name, "_test.go") && strings.HasPrefix(c.Text, "// Output:")
				for i, text := range strings.Split(c.Text, "\n") {
					line := fset.Position(c.Pos()).Line + i
					wide := columns(lines[line-1])
					if printed {
						wide = 0
					}
					all = append(all, comment{f.name, line, text, wide})
				}
			}
		}
	}
	return all
}

// mention is the name of a file that the project could hold. Placeholders (NAME.cu, type-*.cuh) and
// names of other projects' files with an address before them do not match.
var mention = regexp.MustCompile(`(^|[^\w.*/{}$<>:%@-])((?:[\w.-]+/)*[a-z0-9][\w-]*(?:` +
	strings.ReplaceAll(strings.Join(append([]string{".go", ".s", ".hcl", ".md", ".py", ".sh"}, deviceEndings()...), "|"), ".", `\.`) + `))\b`)

// foreign are files that are named and are not of this project.
var foreign = []string{
	"docs/gguf.md",        // of ggml: the format of model files
	"src/encoder.py",      // of GPT-2: its byte alphabet
	"mine.hcl",            // what a reader writes
	"q4_windows_amd64.go", // an example of a name that the go command takes for a build constraint
}

// roots are the folders that names are relative to, beside the file's own and the root: frames and
// specs are named alone.
var roots = func() map[string]string {
	all := map[string]string{".hcl": "kernels/spec"}
	for _, d := range drivers.All() {
		all[d.Dialect(nil).Kernels], all[d.Dialect(nil).Header] = "templates/"+d.Name, "templates/"+d.Name
	}
	return all
}()

// checkMentions looks for the files that comments and pages name: beside the file, below the root,
// or where such files lie.
func checkMentions(lines []comment, exists func(name string) bool) (found []string) {
	for _, c := range lines {
		for _, m := range mention.FindAllStringSubmatch(c.text, -1) {
			name := m[2]
			if slices.Contains(foreign, name) || strings.HasSuffix(name, "/mine.hcl") || strings.Contains(name, "NAME") {
				continue
			}
			ext := path.Ext(name)
			if !exists(path.Join(path.Dir(c.name), name)) && !exists(name) && (roots[ext] == "" || !exists(path.Join(roots[ext], name))) {
				found = append(found, fmt.Sprintf("%s:%d: there is no %s", c.name, c.line, name))
			}
		}
	}
	return found
}

// TestFilesNamed holds comments of Go and Markdown to the files there are: a name outlives its file
// easily.
func TestFilesNamed(t *testing.T) {
	planted := []comment{
		{name: "gen/x.go", text: "// see gen.go and gone.go, or templates/cuda/gone.cu; NAME.hcl is any"},
		{name: "docs/x.md", text: "[this](../gone.md), `gone.py`, https://example.org/a/b.md, docs/gguf.md, README.md"},
	}
	exists := func(name string) bool { _, err := os.Stat(filepath.FromSlash(name)); return err == nil }
	if found := checkMentions(planted, exists); len(found) != 4 {
		t.Fatalf("of 4 planted names found %q", found)
	}
	files := sources(t)
	lines := comments(t, files)
	for _, f := range files {
		if path.Ext(f.name) == ".md" {
			for i, text := range strings.Split(string(f.text), "\n") {
				lines = append(lines, comment{f.name, i + 1, text, 0})
			}
		}
	}
	named := 0
	for _, c := range lines {
		named += len(mention.FindAllString(c.text, -1))
	}
	if named < 100 {
		t.Errorf("only %d files are named in all comments and pages", named)
	}
	for _, f := range checkMentions(lines, exists) {
		t.Error(f)
	}
}

// checkWidths finds lines with a comment that are wider than 100 columns.
func checkWidths(lines []comment) (found []string) {
	for _, c := range lines {
		if c.wide > 100 {
			found = append(found, fmt.Sprintf("%s:%d: a comment ends at column %d, the limit is 100", c.name, c.line, c.wide))
		}
	}
	return found
}

// wideFrames have comments that are still wider than others may be.
var wideFrames = []string{"templates/cuda/warp.cuh"}

// frameComments are the lines with a comment of frames.
func frameComments(files []source) (all []comment) {
	for _, f := range files {
		if path.Dir(path.Dir(f.name)) != "templates" || slices.Contains(wideFrames, f.name) {
			continue
		}
		for i, line := range strings.Split(string(f.text), "\n") {
			if at := strings.Index(line, "//"); at >= 0 {
				all = append(all, comment{f.name, i + 1, line[at:], columns(line)})
			}
		}
	}
	return all
}

// TestCommentWidth keeps comments readable beside code. A remark that does not fit at the end of a
// line goes above it.
func TestCommentWidth(t *testing.T) {
	planted := "package x\n\n// " + strings.Repeat("e", 98) + "\nvar x int // short\n\nfunc f() {\n\tx = 1" + strings.Repeat(" + 1", 24) + " // over\n}\n"
	if found := checkWidths(comments(t, []source{{"kernels/ref/x.go", []byte(planted)}})); len(found) != 2 {
		t.Fatalf("of 2 planted lines found %q", found)
	}
	if found := checkWidths(frameComments([]source{{"templates/x/x.cu", []byte(strings.Repeat("x", 98) + " // over\n// short\n")}})); len(found) != 1 {
		t.Fatalf("of 1 planted line found %q", found)
	}
	files := sources(t)
	for _, f := range checkWidths(append(comments(t, files), frameComments(files)...)) {
		t.Error(f)
	}
}

// checkTests looks for the tests that pages and scripts name: a name must be part of that of a test
// there is.
func checkTests(pages []source, tests []string) (found []string) {
	for _, p := range pages {
		for _, m := range regexp.MustCompile(`\b(?:Test|Fuzz|Benchmark)[A-Z]\w+`).FindAllString(string(p.text), -1) {
			if !slices.ContainsFunc(tests, func(t string) bool { return strings.Contains(t, m) }) {
				found = append(found, p.name+" names "+m+", which no test is called")
			}
		}
	}
	return found
}

// TestTestsNamed holds commands in pages and in .ci/run to the tests there are: go test -run of a
// name that is gone passes.
func TestTestsNamed(t *testing.T) {
	planted := []source{{"x.md", []byte("go test -run 'TestGone|TestHere$'")}}
	if found := checkTests(planted, []string{"TestHereAndThere"}); len(found) != 1 {
		t.Fatalf("of 1 planted name found %q", found)
	}
	var tests []string
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)\w+)\(`)
	for _, s := range sources(t) {
		if strings.HasSuffix(s.name, "_test.go") {
			for _, m := range declared.FindAllSubmatch(s.text, -1) {
				tests = append(tests, string(m[1]))
			}
		}
	}
	script, err := os.ReadFile(".ci/run")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range checkTests(append(pages(t), source{".ci/run", script}), tests) {
		t.Error(f)
	}
}
