package spec_test

import (
	"errors"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/kvgen/kvgen/gen/spec"
)

var update = flag.Bool("update", false, "rewrite the expected texts in testdata")

// repeated stands for text that a case needs too much of to be read: @70x(@ is seventy brackets.
var repeated = regexp.MustCompile(`@(\d+)x([^@]*)@`)

func expand(text []byte) []byte {
	return repeated.ReplaceAllFunc(text, func(m []byte) []byte {
		parts := repeated.FindSubmatch(m)
		n, _ := strconv.Atoi(string(parts[1]))
		return []byte(strings.Repeat(string(parts[2]), n))
	})
}

// TestBad parses every case of testdata/bad: input files, and the complete error text as "want". A
// case is named after the rule that it breaks.
func TestBad(t *testing.T) {
	names, _ := filepath.Glob("testdata/bad/*.txtar")
	for _, name := range names {
		rule := strings.TrimSuffix(filepath.Base(name), ".txtar")
		t.Run(rule, func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			files := map[string][]byte{}
			var want *txtar.File
			for i, f := range archive.Files {
				if f.Name == "want" {
					want = &archive.Files[i]
				} else {
					files[f.Name] = expand(f.Data)
				}
			}
			set, err := spec.Parse(files)
			var all *spec.Errors
			if !errors.As(err, &all) || set != nil {
				t.Fatalf("Parse accepted it: %v, %v", set, err)
			}
			if !slices.ContainsFunc(all.Rules(), func(r string) bool { return r == rule }) {
				t.Errorf("broken rules %v do not include %s", all.Rules(), rule)
			}
			got := err.Error() + "\n"
			if *update && got != string(want.Data) {
				want.Data = []byte(got)
				if err := os.WriteFile(name, txtar.Format(archive), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			if got != string(want.Data) {
				t.Errorf("got:\n%swant:\n%s", got, want.Data)
			}
		})
	}
}

// TestRulesHaveCases reads check.go: each rule has a case, and each case is of a rule.
func TestRulesHaveCases(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "check.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var rules []string
	ast.Inspect(file, func(n ast.Node) bool {
		lit, ok := n.(*ast.CompositeLit)
		if ok && len(lit.Elts) == 2 {
			if id, ok := lit.Type.(*ast.Ident); ok && id.Name == "rule" {
				name, _ := strconv.Unquote(lit.Elts[0].(*ast.BasicLit).Value)
				rules = append(rules, name)
			}
		}
		return true
	})
	if len(rules) < 50 {
		t.Fatalf("found %d rules only", len(rules))
	}
	for _, r := range rules {
		if _, err := os.Stat("testdata/bad/" + r + ".txtar"); err != nil {
			t.Errorf("rule %s has no case", r)
		}
	}
	cases, _ := filepath.Glob("testdata/bad/*.txtar")
	for _, c := range cases {
		if !slices.Contains(rules, strings.TrimSuffix(filepath.Base(c), ".txtar")) {
			t.Errorf("%s is of no rule", c)
		}
	}
}
