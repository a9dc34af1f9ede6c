package main

import (
	"slices"
	"strings"
)

// checkUpper follows every path through a function, and reports a return, or a jump out of it,
// before which vector registers were in use and not cleared. SSE code that runs after that would be
// slow on some processors.
func (c *checker) checkUpper(f *fn) {
	if c.arch.Vectors == nil {
		return
	}
	labels := map[string]int{}
	for i, in := range f.insts {
		for _, l := range in.labels {
			labels[l] = i
		}
	}
	type state struct {
		at    int
		dirty bool
	}
	seen, reported := map[state]bool{}, map[int]bool{}
	todo := []state{{0, false}}
	for len(todo) > 0 {
		s := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if s.at >= len(f.insts) || seen[s] {
			continue
		}
		seen[s] = true
		in := f.insts[s.at]
		switch {
		case slices.Contains(c.arch.Clear, in.Op):
			s.dirty = false
		case slices.ContainsFunc(in.Args, c.arch.Vectors.MatchString):
			s.dirty = true
		}
		target, jumps := -1, strings.HasPrefix(in.Op, "J") && len(in.Args) > 0
		if jumps {
			if k, ok := labels[in.Args[len(in.Args)-1]]; ok {
				target = k
				todo = append(todo, state{k, s.dirty})
			}
		}
		leaves := in.Op == "RET" || in.Op == "CALL" || jumps && target < 0
		if leaves && s.dirty && !reported[s.at] {
			reported[s.at] = true
			c.report(in.line, "vzeroupper", "%s leaves %s with upper halves of vector registers in use: VZEROUPPER first", in.Op, f.name)
		}
		if in.Op != "RET" && in.Op != "JMP" {
			todo = append(todo, state{s.at + 1, s.dirty})
		}
	}
}
