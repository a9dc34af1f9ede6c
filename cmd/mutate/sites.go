//go:build peers

package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// A mutation is one fault: a piece of one file and what takes its place.
type mutation struct {
	file     string // slash-separated, from the root
	line     int    // counted from 1
	offset   int    // of the first byte that is replaced
	old, new string
	function string // the function that it lies in
	kind     string
}

// String names a mutation by what does not move when lines are added above it.
func (m mutation) String() string {
	return fmt.Sprintf("%s: %s: %s: %s -> %s", m.file, m.function, m.kind, oneLine(m.old), oneLine(m.new))
}

// oneLine is a piece of code that fits a line.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > 80 {
		s = s[:80] + "..."
	}
	if s == "" {
		return "(nothing)"
	}
	return s
}

// apply is the file's text with the fault in it.
func (m mutation) apply(text []byte) ([]byte, error) {
	end := m.offset + len(m.old)
	if end > len(text) || string(text[m.offset:end]) != m.old {
		return nil, fmt.Errorf("%s:%d: the file has changed since its places were counted", m.file, m.line)
	}
	return append(append(bytes.Clone(text[:m.offset]), m.new...), text[end:]...), nil
}

// folders are where faults are planted: the compiler, what runs its kernels, the cache, attention,
// the processor's engine and the models.
var folders = []string{"gen", "kernels", "runtime/kv", "runtime/attention", "runtime/cpu/engine", "runtime/program", "runtime/model"}

// sites lists every place of every file by hand below folders, in the order of names and lines.
func sites(root string) (all []mutation, err error) {
	for _, folder := range folders {
		err := filepath.WalkDir(filepath.Join(root, folder), func(name string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && d.Name() == "testdata":
				return fs.SkipDir
			case d.IsDir() || filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go"):
				return nil
			}
			text, err := os.ReadFile(name)
			if err != nil || bytes.HasPrefix(text, []byte("// Code generated")) {
				return err
			}
			short, err := filepath.Rel(root, name)
			if err != nil {
				return err
			}
			found, err := fileSites(filepath.ToSlash(short), text)
			all = append(all, found...)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// draw shuffles the places by a seed.
func draw(all []mutation, seed uint64) []mutation {
	drawn := append([]mutation(nil), all...)
	rand.New(rand.NewPCG(seed, 0)).Shuffle(len(drawn), func(i, j int) { drawn[i], drawn[j] = drawn[j], drawn[i] })
	return drawn
}

// fileSites lists the places of one file.
func fileSites(name string, text []byte) (found []mutation, err error) {
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, name, text, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	s := scan{name: name, text: text, fset: fset}
	for _, d := range tree.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Body == nil || f.Name.Name == "String" {
			continue
		}
		s.function = f.Name.Name
		ast.Inspect(f.Body, s.visit)
	}
	return s.found, nil
}

// A scan walks the functions of one file.
type scan struct {
	name, function string
	text           []byte
	fset           *token.FileSet
	found          []mutation
}

// exchange is what an operator is mistaken for.
var exchange = map[token.Token][]token.Token{
	token.LSS: {token.LEQ, token.GEQ}, token.LEQ: {token.LSS, token.GTR}, token.GTR: {token.GEQ, token.LEQ}, token.GEQ: {token.GTR, token.LSS},
	token.EQL: {token.NEQ}, token.NEQ: {token.EQL}, token.LAND: {token.LOR}, token.LOR: {token.LAND},
	token.ADD: {token.SUB}, token.SUB: {token.ADD}, token.MUL: {token.QUO}, token.QUO: {token.MUL}, token.REM: {token.QUO},
	token.SHL: {token.SHR}, token.SHR: {token.SHL}, token.AND: {token.OR}, token.OR: {token.AND},
}

// messages are calls whose arguments are words for people: a fault there is no fault of what is
// computed.
var messages = map[string]bool{"Errorf": true, "Sprintf": true, "Sprint": true, "Fprintf": true, "Printf": true, "New": true, "panic": true, "errorf": true}

func (s *scan) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.CallExpr:
		if messages[called(n)] {
			return false
		}
		if name := called(n); (name == "min" || name == "max") && len(n.Args) == 2 {
			s.add("bound", n.Fun.Pos(), n.Fun.End(), map[string]string{"min": "max", "max": "min"}[name])
		}
	case *ast.BinaryExpr:
		if text(n.X) || text(n.Y) {
			return true
		}
		for _, op := range exchange[n.Op] {
			s.add("operator", n.OpPos, n.OpPos+token.Pos(len(n.Op.String())), op.String())
		}
	case *ast.BasicLit:
		if v, err := strconv.ParseInt(n.Value, 0, 32); n.Kind == token.INT && err == nil {
			s.add("number", n.Pos(), n.End(), strconv.FormatInt(v+1, 10))
		}
	case *ast.IfStmt:
		s.add("negation", n.Cond.Pos(), n.Cond.End(), "!("+s.piece(n.Cond.Pos(), n.Cond.End())+")")
	case *ast.IncDecStmt:
		other := map[token.Token]string{token.INC: "--", token.DEC: "++"}[n.Tok]
		s.add("step", n.TokPos, n.End(), other)
	case *ast.BlockStmt:
		for _, st := range n.List {
			s.statement(st)
		}
	}
	return true
}

// statement leaves out what changes something and gives no name a first value.
func (s *scan) statement(st ast.Stmt) {
	switch st := st.(type) {
	case *ast.ExprStmt:
		if call, ok := st.X.(*ast.CallExpr); ok && !messages[called(call)] {
			s.add("left out", st.Pos(), st.End(), "")
		}
	case *ast.AssignStmt:
		if st.Tok != token.DEFINE {
			s.add("left out", st.Pos(), st.End(), "")
		}
	case *ast.BranchStmt:
		if st.Label == nil && st.Tok == token.CONTINUE {
			s.add("left out", st.Pos(), st.End(), "")
		}
	}
}

func (s *scan) add(kind string, from, to token.Pos, with string) {
	p := s.fset.Position(from)
	s.found = append(s.found, mutation{
		file: s.name, line: p.Line, offset: p.Offset, old: s.piece(from, to), new: with, function: s.function, kind: kind,
	})
}

func (s *scan) piece(from, to token.Pos) string {
	return string(s.text[s.fset.Position(from).Offset:s.fset.Position(to).Offset])
}

// called is the last name of the function that is called.
func called(c *ast.CallExpr) string {
	switch f := c.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}

// text reports whether an expression is a string literal: + of those puts words together.
func text(e ast.Expr) bool {
	lit, ok := e.(*ast.BasicLit)
	return ok && lit.Kind == token.STRING
}
