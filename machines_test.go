package kvgen

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// machine matches the name of a machine or of one of its instruction sets.
var machine = regexp.MustCompile(`(?i)\b(?:amd64|arm64|x86|avx\w*|sse\w*|vnni|neon|[xyz]mm\d*)\b`)

// checkMachines finds what only a machine may say in files of gen/ir and gen/lower: its name, how
// many registers it has, how many lanes they hold, how far ahead it reads. lower.Caps brings
// numbers, ir.VectorLanes and ir.VectorBytes are those of a vector.
func checkMachines(files []source) (found []string, err error) {
	for _, f := range files {
		if dir := path.Dir(f.name); dir != "gen/ir" && dir != "gen/lower" || path.Ext(f.name) != ".go" || strings.HasSuffix(f.name, "_test.go") {
			continue
		}
		fset := token.NewFileSet()
		tree, err := parser.ParseFile(fset, f.name, f.text, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, at := range machine.FindAllIndex(f.text, -1) {
			line := 1 + strings.Count(string(f.text[:at[0]]), "\n")
			found = append(found, fmt.Sprintf("%s:%d names a machine: %s", f.name, line, f.text[at[0]:at[1]]))
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			if number := machineNumber(n); number != "" {
				found = append(found, fmt.Sprintf("%s: %s is a number of a machine", fset.Position(n.Pos()), number))
			}
			return true
		})
	}
	return found, nil
}

// machineNumber is what a node says of a machine as a number, "" for nothing: lanes of a type of
// several, a field of lower.Caps, a comparison with such a field.
func machineNumber(n ast.Node) string {
	literal := func(e ast.Expr) string {
		if l, ok := e.(*ast.BasicLit); ok && l.Kind == token.INT {
			return l.Value
		}
		return ""
	}
	fields := []string{"Lanes", "Registers", "Chains", "Ahead", "Line"}
	switch n := n.(type) {
	case *ast.CallExpr: // f32s(8)
		name, ok := n.Fun.(*ast.Ident)
		if ok && len(n.Args) == 1 && slices.Contains([]string{"f32s", "i32s", "i16s", "bytes"}, name.Name) && literal(n.Args[0]) != "" {
			return name.Name + "(" + literal(n.Args[0]) + ")"
		}
	case *ast.KeyValueExpr: // ir.Type{Lanes: 8}
		key, ok := n.Key.(*ast.Ident)
		if value := literal(n.Value); ok && slices.Contains(fields, key.Name) && value != "" && value != "1" {
			return key.Name + ": " + value
		}
	case *ast.BinaryExpr: // c.Registers >= 16
		x, ok := n.X.(*ast.SelectorExpr)
		compares := slices.Contains([]token.Token{token.EQL, token.NEQ, token.LSS, token.LEQ, token.GTR, token.GEQ}, n.Op)
		if value := literal(n.Y); ok && compares && x.Sel.Name != "Lanes" && slices.Contains(fields, x.Sel.Name) && value != "" && value != "0" {
			return x.Sel.Name + " " + n.Op.String() + " " + value
		}
	}
	return ""
}

func TestNoMachines(t *testing.T) {
	planted := []source{
		{"gen/lower/a.go", []byte("package lower\n\nvar eight = f32s(8)\n")},
		{"gen/lower/b.go", []byte("package lower\n\nvar t = ir.Type{Elem: ir.I8, Lanes: 16}\n")},
		{"gen/lower/c.go", []byte("package lower\n\nvar c = Caps{Registers: 32}\n")},
		{"gen/lower/d.go", []byte("package lower\n\nfunc many(c Caps) bool { return c.Registers >= 32 }\n")},
		{"gen/ir/e.go", []byte("package ir\n\n// AVX2 has no such instruction.\n")},
	}
	clean := []source{
		{"gen/lower/f.go", []byte("package lower\n\nvar v = f32s(ir.VectorLanes)\n\nvar a = ir.Type{Elem: ir.Addr, Lanes: 1}\n\nvar hint = p.Ahead == 0\n")},
		{"gen/target/amd64/g.go", []byte("package amd64\n\nvar t = ir.Type{Lanes: 8} // AVX2\n")},
		{"gen/lower/h_test.go", []byte("package lower\n\nvar c = Caps{Registers: 8}\n")},
	}
	if found, err := checkMachines(append(planted, clean...)); err != nil || len(found) != len(planted) {
		t.Fatalf("%v; of %d planted mistakes found %q", err, len(planted), found)
	}
	found, err := checkMachines(sources(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		t.Error(f)
	}
}
