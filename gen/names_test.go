package gen_test

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/gen"
	"github.com/kvgen/kvgen/gen/spec"
)

// fourBits is a type of that name, used for keys, values and weights.
func fourBits(name string) string {
	return "type \"" + name + `" {
  use    = [kv, weight]
  block  = 32
  layout = [f16("d"), u8("q", 16)]
  code   = bits(q, 4*i, 4)
  value  = d * (code - 8)
  encode {
    d    = absmax(x) / 8
    code = clamp(rint(x*inv(d)) + 8, 0, 15)
  }
}
`
}

func turn(name string) string {
	return "transform \"" + name + "\" {\n  kind = wht\n  size = 32\n}\n"
}

// TestClash: names that are one in an identifier or in the path of a file are refused with both
// places.
func TestClash(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{fourBits("x") + fourBits("q8X"), `a.hcl:12:6: the type "q8X" and the type "x" (a.hcl:1) would both be the function matmulQ8X`},
		{fourBits("unitsQ4") + fourBits("q4"), `would both be the function decodeUnitsQ4`},
		{fourBits("q4") + fourBits("blockQ4"), ``},
		{fourBits("vec") + fourBits("vec_"), `a.hcl:12:6: the type "vec_" and the type "vec" (a.hcl:1) would both be in kernels/cpu/vec__*.go`},
		{fourBits("x_linux") + fourBits("X_Linux_"), `would both be in kernels/cpu/X_Linux__*.go`},
		{fourBits("a_transform") + fourBits("a_transform_"), `would both be in kernels/cpu/a_transform__*.go`},
		{turn("impl"), `a.hcl:1:11: the transform "impl" and the project's own "TransformImpl"`},
		{turn("a") + fourBits("a") + fourBits("a_test") + fourBits("a_amd64") + fourBits("a_generic"), ``},
		{fourBits("x") + fourBits("xQ8") + fourBits("levels") + fourBits("q8"), ``},
	} {
		set, err := spec.Parse(map[string][]byte{"a.hcl": []byte(c.text)})
		if err != nil {
			t.Fatal(err)
		}
		_, err = gen.Run(set, gen.Targets()...)
		var clash *gen.Clash
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%.40q: %v", c.text, err)
		case c.want != "" && (!errors.As(err, &clash) || !strings.Contains(clash.Error(), c.want)):
			t.Errorf("%.40q: %v, want %s", c.text, err, c.want)
		}
	}
}

// TestHandwritten: no identifier that kernels/cpu has of its own is one that a name of a spec could
// make. TransformImpl is, and is refused.
func TestHandwritten(t *testing.T) {
	set, err := spec.Parse(map[string][]byte{"a.hcl": []byte(turn("probe2") + fourBits("probe1"))})
	if err != nil {
		t.Fatal(err)
	}
	files, err := gen.Run(set, gen.Targets()...)
	if err != nil {
		t.Fatal(err)
	}
	made := map[string]bool{}
	for p, text := range files {
		if strings.HasSuffix(p, ".go") {
			for _, name := range topLevel(t, p, text) {
				made[name] = true
			}
		}
	}
	var patterns []string
	for name := range made {
		if strings.Contains(name, "Probe") {
			patterns = append(patterns, regexp.MustCompile("Probe[12]").ReplaceAllString(name, "[A-Z][A-Za-z0-9_]*"))
		}
	}
	if len(patterns) < 20 {
		t.Fatalf("patterns %v", patterns)
	}
	possible := regexp.MustCompile("^(" + strings.Join(patterns, "|") + ")$")
	sources, _ := filepath.Glob(root + "/kernels/cpu/*.go")
	for _, name := range sources {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(string(text), "// Code generated") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		for _, id := range topLevel(t, name, text) {
			if possible.MatchString(id) && id != "TransformImpl" {
				t.Errorf("%s: a name of a spec can make %s too: refuse it in names.go", name, id)
			}
		}
	}
}

// topLevel lists what a file declares for its package.
func topLevel(t *testing.T, name string, text []byte) (ids []string) {
	t.Helper()
	tree, err := parser.ParseFile(token.NewFileSet(), name, text, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range tree.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil {
				ids = append(ids, d.Name.Name)
			}
		case *ast.GenDecl:
			for _, s := range d.Specs {
				switch s := s.(type) {
				case *ast.TypeSpec:
					ids = append(ids, s.Name.Name)
				case *ast.ValueSpec:
					for _, n := range s.Names {
						ids = append(ids, n.Name)
					}
				}
			}
		}
	}
	return ids
}
