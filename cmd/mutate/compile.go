//go:build peers

package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/types"
	"os"
	"path/filepath"

	"golang.org/x/tools/go/packages"
)

// A checker knows the types of the packages that faults are planted in.
type checker struct {
	root   string
	byFile map[string]*packages.Package // by the file's whole name
}

func newChecker(root string) (*checker, error) {
	var patterns []string
	for _, folder := range folders {
		patterns = append(patterns, "./"+folder+"/...")
	}
	mode := packages.NeedName | packages.NeedCompiledGoFiles | packages.NeedSyntax | packages.NeedTypes | packages.NeedImports | packages.NeedTypesSizes
	loaded, err := packages.Load(&packages.Config{Mode: mode, Dir: root}, patterns...)
	if err != nil {
		return nil, err
	}
	if root, err = filepath.Abs(root); err != nil {
		return nil, err
	}
	c := &checker{root, map[string]*packages.Package{}}
	for _, p := range loaded {
		if len(p.Errors) > 0 {
			return nil, p.Errors[0]
		}
		for _, name := range p.CompiledGoFiles {
			c.byFile[name] = p
		}
	}
	return c, nil
}

// compiles reports whether a file with a fault in it is still a program. A file that is not part of
// the program on this system is none.
func (c *checker) compiles(m mutation) (bool, error) {
	name := filepath.Join(c.root, filepath.FromSlash(m.file))
	p := c.byFile[name]
	if p == nil {
		return false, nil
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return false, err
	}
	changed, err := m.apply(text)
	if err != nil {
		return false, err
	}
	var files []*ast.File
	for i, other := range p.CompiledGoFiles {
		file := p.Syntax[i]
		if other == name {
			if file, err = parser.ParseFile(p.Fset, name, changed, parser.SkipObjectResolution); err != nil {
				return false, nil
			}
		}
		files = append(files, file)
	}
	imported := importer{"unsafe": types.Unsafe}
	for _, i := range p.Types.Imports() {
		imported[i.Path()] = i
	}
	_, err = (&types.Config{Importer: imported, Sizes: p.TypesSizes}).Check(p.PkgPath, p.Fset, files, nil)
	return err == nil, nil
}

// An importer has what a package imports already.
type importer map[string]*types.Package

func (i importer) Import(path string) (*types.Package, error) {
	if p := i[path]; p != nil {
		return p, nil
	}
	return nil, fmt.Errorf("%s: not loaded", path)
}

// compiling is the first count of those drawn that compile, and how many were looked at for it.
func compiling(root string, drawn []mutation, count int) (faults []mutation, taken int, err error) {
	c, err := newChecker(root)
	if err != nil {
		return nil, 0, err
	}
	for _, m := range drawn {
		if len(faults) == count {
			break
		}
		taken++
		ok, err := c.compiles(m)
		if err != nil {
			return nil, 0, err
		}
		if ok {
			faults = append(faults, m)
		}
	}
	if len(faults) == 0 {
		return nil, 0, errors.New("no place is left that compiles with its fault")
	}
	return faults, taken, nil
}
