package args_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/kernels/args"
)

// all are the arguments of every kernel, and what they hold.
var all = []any{
	args.Mu{}, args.Segment{}, args.Attend{}, args.Prefill{}, args.Unpack{}, args.Rows{}, args.Store{}, args.Move{}, args.Evict{}, args.Angles{}, args.Place{}, args.Gates{}, args.Heads{},
	args.Norm{}, args.Step{}, args.Embed{}, args.Branch{}, args.NormRows{}, args.Cap{}, args.SharedGate{}, args.Inputs{},
	args.Route{}, args.Sort{}, args.Collect{}, args.Hidden{}, args.Blend{}, args.Sequences{}, args.Mix{}, args.Rule{}, args.LetOut{},
	args.Layout{}, args.Repack{}, args.Gather{}, args.Transform{}, args.Expand{}, args.Product{}, args.Split{}, args.Batched{}, args.Gemm{},
}

// TestSizes holds the sizes and offsets of Go to those that device text asserts, of every struct
// that is declared.
func TestSizes(t *testing.T) {
	texts, err := filepath.Glob("../*/args.*")
	texts = slices.DeleteFunc(texts, func(name string) bool { return filepath.Ext(name) == ".go" })
	if err != nil || len(texts) == 0 {
		t.Fatalf("%d texts: %v", len(texts), err)
	}
	for _, name := range texts {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(filepath.ToSlash(name), func(t *testing.T) { checkSizes(t, string(text)) })
	}
}

func checkSizes(t *testing.T, text string) {
	asserted := map[string]uintptr{}
	for _, m := range regexp.MustCompile(`static_assert\((sizeof|offset_of)\((\w+)(?:, (\w+))?\) == (\d+)(?:, "")?\);`).FindAllStringSubmatch(text, -1) {
		n, _ := strconv.Atoi(m[4])
		asserted[m[2]+"."+strings.TrimSuffix(m[3], "_")] = uintptr(n)
	}
	has := func(name string, n uintptr) {
		t.Helper()
		if got, ok := asserted[name]; !ok || got != n {
			t.Errorf("%s: device text has %d (%t), Go %d", name, got, ok, n)
		}
		delete(asserted, name)
	}
	declared := names(t)
	for _, x := range all {
		typ := reflect.TypeOf(x)
		if !declared[typ.Name()] {
			t.Errorf("%s is not declared once", typ.Name())
		}
		delete(declared, typ.Name())
		has(typ.Name()+".", typ.Size())
		for i := range typ.NumField() {
			has(typ.Name()+"."+snake(typ.Field(i).Name), typ.Field(i).Offset)
		}
	}
	if len(asserted) > 0 || len(declared) > 0 {
		t.Errorf("device text has more: %v; Go declares more: %v", asserted, declared)
	}
}

// names are the structs that the package declares.
func names(t *testing.T) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	files, err := fs.Glob(args.Source, "*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		text, err := fs.ReadFile(args.Source, name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, text, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.TYPE {
				found[g.Specs[0].(*ast.TypeSpec).Name.Name] = true
			}
		}
	}
	return found
}

// capitals are where a word of a Go name begins.
var capitals = regexp.MustCompile(`([a-z])([A-Z])|([A-Z])([A-Z][a-z])`)

func snake(name string) string {
	return strings.ToLower(capitals.ReplaceAllString(name, "${1}${3}_${2}${4}"))
}
