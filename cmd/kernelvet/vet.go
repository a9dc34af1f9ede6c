package main

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/kvgen/kvgen/gen/asm"
)

// finding is one violation of a rule.
type finding struct {
	file string
	line int
	rule string
	text string
}

func (f finding) String() string {
	return fmt.Sprintf("%s:%d: %s (%s)", f.file, f.line, f.text, f.rule)
}

func (f finding) compare(g finding) int {
	return cmp.Or(cmp.Compare(f.file, g.file), cmp.Compare(f.line, g.line), cmp.Compare(f.String(), g.String()))
}

// folders expands one argument.
func folders(arg string) ([]string, error) {
	root, below := strings.CutSuffix(arg, "/...")
	if arg == "..." {
		root, below = ".", true
	}
	if info, err := os.Stat(root); err != nil {
		return nil, err
	} else if !info.IsDir() {
		return nil, fmt.Errorf("%s is not a folder", root)
	}
	if !below {
		return []string{root}, nil
	}
	var dirs []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		name := d.Name()
		switch {
		case err != nil || !d.IsDir():
			return err
		case path != root && (name == "testdata" || name[0] == '.' || name[0] == '_'):
			return fs.SkipDir
		}
		dirs = append(dirs, path)
		return nil
	})
	return dirs, err
}

// vet checks the assembly of one folder.
func vet(dir string) ([]finding, error) {
	var found []finding
	for _, a := range arches() {
		files, err := filepath.Glob(filepath.Join(dir, "*_"+a.Arch+".s"))
		if err != nil || len(files) == 0 {
			// the pattern is fixed, so a bad one is a strange folder name with nothing to find
			continue
		}
		decls, err := declarations(dir, a.Arch)
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				return nil, err
			}
			src := parse(string(text))
			c := &checker{arch: a, decls: decls, src: src, file: filepath.ToSlash(file)}
			c.check()
			found = append(found, c.found...)
		}
	}
	return found, nil
}

// checker applies the rules to one file.
type checker struct {
	arch  *asm.Rules
	decls map[string]decl
	src   *source
	file  string
	found []finding
}

func (c *checker) report(line int, rule, format string, args ...any) {
	c.found = append(c.found, finding{c.file, line, rule, fmt.Sprintf(format, args...)})
}

// check runs every rule, in the order of the command's manual.
func (c *checker) check() {
	for _, line := range c.src.macros {
		c.report(line, "macro", "a macro hides what is assembled: write the instructions out")
	}
	c.checkTables()
	for _, f := range c.src.funcs {
		c.readWords(f)
		c.checkDecl(f)
		c.checkRequires(f)
		c.checkUpper(f)
		c.checkReserved(f)
		c.checkFrame(f)
		c.checkStack(f)
		for _, in := range f.insts {
			c.checkAMX(in)
			c.checkSymbols(f, in)
			c.checkOpcode(in)
		}
	}
}
