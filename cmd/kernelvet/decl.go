package main

import (
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// decl is a Go function without a body.
type decl struct {
	doc string // without comment markers, indentation kept
}

// declarations returns the bodyless functions that the folder has on the given architecture.
func declarations(dir, goarch string) (map[string]decl, error) {
	ctx := build.Default
	ctx.GOARCH, ctx.GOOS = goarch, "linux"
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	decls := map[string]decl{}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") {
			continue
		}
		if match, err := ctx.MatchFile(dir, e.Name()); err != nil || !match {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, e.Name()), nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Body == nil && f.Recv == nil {
				decls[f.Name.Name] = decl{doc: f.Doc.Text()}
			}
		}
	}
	return decls, nil
}

var (
	loopLine     = regexp.MustCompile(`(?m)^(?:\t| {2,}).*\bfor\b`)
	requiresLine = regexp.MustCompile(`(?m)^\s*Requires:(.*?)\.?\s*$`)
)

// checkDecl holds a TEXT to its Go declaration.
func (c *checker) checkDecl(f *fn) {
	d, ok := c.decls[f.name]
	switch {
	case !ok:
		c.report(f.line, "decl", "%s has no Go declaration without a body in this folder", f.name)
	case strings.TrimSpace(d.doc) == "":
		c.report(f.line, "decl", "the Go declaration of %s has no comment", f.name)
	case !loopLine.MatchString(d.doc):
		c.report(f.line, "decl", "the comment of %s does not show, indented, the Go loop that it replaces", f.name)
	}
}

// features reads a "Requires:" line; ok says whether there is one. "none" names no feature.
func features(text string) (list []string, ok bool) {
	m := requiresLine.FindStringSubmatch(text)
	if m == nil {
		return nil, false
	}
	for _, name := range strings.FieldsFunc(m[1], func(r rune) bool { return r == ',' || r == ' ' || r == '\t' }) {
		if name == "FMA3" { // cpuid's name of it
			name = "FMA"
		}
		if name != "none" {
			list = append(list, name)
		}
	}
	return list, true
}
