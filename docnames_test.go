package kvgen

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"strings"
	"testing"
)

// checkDocNames finds comments of declarations that begin with another name: one that was renamed
// without its comment. Sentences begin with a capital letter, so a small one begins a name.
func checkDocNames(files []source) (found []string, err error) {
	for _, f := range files {
		if path.Ext(f.name) != ".go" || header.Match(f.text) {
			continue
		}
		fset := token.NewFileSet()
		tree, err := parser.ParseFile(fset, f.name, f.text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		if ast.IsGenerated(tree) {
			continue
		}
		for _, d := range tree.Decls {
			name, doc := documented(d)
			first, _, _ := strings.Cut(strings.TrimSpace(doc.Text()), " ")
			first = strings.TrimRight(first, ",:")
			small := first != "" && first[0] >= 'a' && first[0] <= 'z'
			if name != "" && first != name && (small || strings.EqualFold(first, name)) {
				found = append(found, fmt.Sprintf("%s: the comment of %s begins with %s", fset.Position(doc.Pos()), name, first))
			}
		}
	}
	return found, nil
}

// documented is the one name that a declaration declares and its comment, "" for several names.
// Tests may be explained in any words.
func documented(d ast.Decl) (name string, doc *ast.CommentGroup) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if !strings.HasPrefix(d.Name.Name, "Test") {
			return d.Name.Name, d.Doc
		}
	case *ast.GenDecl:
		if len(d.Specs) != 1 {
			return "", nil
		}
		switch s := d.Specs[0].(type) {
		case *ast.TypeSpec:
			return s.Name.Name, d.Doc
		case *ast.ValueSpec:
			if len(s.Names) == 1 {
				return s.Names[0].Name, d.Doc
			}
		}
	}
	return "", nil
}

// TestDocNames holds comments to the names that they are about.
func TestDocNames(t *testing.T) {
	planted := []source{
		{"gen/a.go", []byte("package a\n\n// turn rotates a pair.\nfunc rotate() {}\n")},
		{"gen/b.go", []byte("package b\n\n// limit, in bytes.\nconst most = 1\n")},
		{"gen/c.go", []byte("package c\n\n// norm is how vectors are normalised.\ntype Norm struct{}\n")},
	}
	clean := []source{
		{"gen/d.go", []byte("package d\n\n// f: what is written.\nfunc f() {}\n\n// Limits.\nconst (\n\ta = 1\n)\n\n// RoPE of a pair.\nfunc rotate() {}\n")},
	}
	if found, err := checkDocNames(append(planted, clean...)); err != nil || len(found) != len(planted) {
		t.Fatalf("%v; of %d planted mistakes found %q", err, len(planted), found)
	}
	found, err := checkDocNames(sources(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		t.Error(f)
	}
}
