package main

import (
	"slices"
	"strings"
)

// checkRequires compares the features that the instructions need with the "Requires:" line of the
// Go declaration, and that one with the line above TEXT when there is one there too.
func (c *checker) checkRequires(f *fn) {
	needs := map[string]int{} // feature -> first line
	for _, in := range f.insts {
		list, known := c.arch.Features(in.Line)
		if !known {
			c.report(in.line, "requires", "kernelvet does not know what %s needs", in.Op)
		}
		for _, name := range list {
			if _, ok := needs[name]; !ok {
				needs[name] = in.line
			}
		}
	}
	d, ok := c.decls[f.name]
	if !ok {
		return // reported as decl
	}
	declared, ok := features(d.doc)
	if !ok {
		c.report(f.line, "requires", "the comment of %s has no \"Requires:\" line", f.name)
		return
	}
	if above, ok := features(f.comment); ok && !same(above, declared) {
		c.report(f.line, "requires", "Requires: %s above TEXT, but %s in the Go declaration of %s",
			strings.Join(above, ", "), strings.Join(declared, ", "), f.name)
	}
	has := map[string]bool{}
	for _, name := range declared {
		has[name] = true
		for _, more := range c.arch.Implied(name) {
			has[more] = true
		}
	}
	for name, line := range needs {
		if !has[name] {
			c.report(line, "requires", "%s is the first instruction of %s that needs %s, which its Requires line does not name",
				f.at(line), f.name, name)
		}
	}
	for _, name := range declared {
		if _, used := needs[name]; !used && !slices.ContainsFunc(declared, func(other string) bool {
			return slices.Contains(c.arch.Implied(other), name)
		}) {
			c.report(f.line, "requires", "%s requires %s, but no instruction needs it", f.name, name)
		}
	}
}

// at is the mnemonic on a line.
func (f *fn) at(line int) string {
	for _, in := range f.insts {
		if in.line == line {
			return in.Op
		}
	}
	return ""
}

func same(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(a, b)
}
