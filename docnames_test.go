package kvgen

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"regexp"
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

// deviceStruct matches what a comment says of a struct of arguments: which one of which frame.
var deviceStruct = regexp.MustCompile(`\bstruct (\w+) of (\w+\.cuh?)\b`)

// checkStructs finds structs that comments name and frames do not declare.
func checkStructs(lines []comment, frame func(name string) string) (found []string) {
	for _, c := range lines {
		if m := deviceStruct.FindStringSubmatch(c.text); m != nil && !strings.Contains(frame(m[2]), "struct "+m[1]+" {") {
			found = append(found, fmt.Sprintf("%s:%d: there is no struct %s in %s", c.name, c.line, m[1], m[2]))
		}
	}
	return found
}

// TestDocNames holds comments to the names that they are about.
func TestDocNames(t *testing.T) {
	planted := []source{
		{"gen/a.go", []byte("package a\n\n// turn rotates a pair.\nfunc rotate() {}\n")},
		{"gen/b.go", []byte("package b\n\n// limit, in bytes.\nconst most = 1\n")},
		{"gen/c.go", []byte("package c\n\n// norm is struct Norm of norm.cuh.\ntype Norm struct{}\n")},
	}
	clean := []source{
		{"gen/d.go", []byte("package d\n\n// f: what is written.\nfunc f() {}\n\n// Limits.\nconst (\n\ta = 1\n)\n\n// RoPE of a pair.\nfunc rotate() {}\n")},
	}
	if found, err := checkDocNames(append(planted, clean...)); err != nil || len(found) != len(planted) {
		t.Fatalf("%v; of %d planted mistakes found %q", err, len(planted), found)
	}
	files := sources(t)
	found, err := checkDocNames(files)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		t.Error(f)
	}
	lines := []comment{{text: "// args is struct Gone of a.cu."}, {text: "// args is struct Here of a.cu."}}
	if found := checkStructs(lines, func(string) string { return "struct Here {\n" }); len(found) != 1 {
		t.Fatalf("of 1 planted struct found %q", found)
	}
	frames := map[string]string{}
	for _, f := range files {
		if path.Dir(f.name) == "templates/cuda" {
			frames[path.Base(f.name)] = string(f.text)
		}
	}
	for _, f := range checkStructs(comments(t, files), func(name string) string { return frames[name] }) {
		t.Error(f)
	}
}
