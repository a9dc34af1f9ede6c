package ir

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"
)

// TestOps holds the table together: each operation has a name of its own, a meaning, and a method
// of Builder of the name of its variable.
func TestOps(t *testing.T) {
	names := map[string]bool{}
	for _, o := range Ops() {
		if names[o.Name] || o.Name == "" || o.mean == nil {
			t.Errorf("operation %q: a name that is taken, or no meaning", o.Name)
		}
		names[o.Name] = true
		if o.Imm != nil && o.Count != NoCount {
			t.Errorf("%v: immediates are listed and counted", o)
		}
		for i, a := range o.Args {
			if len(a.Elems) == 0 || a.Many != nil && i < len(o.Args)-1 {
				t.Errorf("%v: argument %d has no elements, or stands several times before others", o, i)
			}
		}
	}
	declared, methods := declarations(t)
	if len(declared) != len(names) || len(names) < 80 {
		t.Errorf("%d variables of %d operations", len(declared), len(names))
	}
	for name := range declared {
		if !methods[strings.TrimPrefix(name, "Op")] {
			t.Errorf("no method of Builder appends %s", name)
		}
	}
}

// declarations reads the variables that hold operations and the methods of Builder.
func declarations(t *testing.T) (ops, methods map[string]bool) {
	t.Helper()
	ops, methods = map[string]bool{}, map[string]bool{}
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), f.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ValueSpec:
				for k, v := range n.Values {
					if call, ok := v.(*ast.CallExpr); ok && strings.HasPrefix(n.Names[k].Name, "Op") {
						if fn, ok := call.Fun.(*ast.Ident); ok && fn.Name == "declare" {
							ops[n.Names[k].Name] = true
						}
					}
				}
			case *ast.FuncDecl:
				if n.Recv != nil {
					if star, ok := n.Recv.List[0].Type.(*ast.StarExpr); ok && star.X.(*ast.Ident).Name == "Builder" {
						methods[n.Name.Name] = true
					}
				}
			}
			return true
		})
	}
	return ops, methods
}
