package main

import (
	"slices"
	"strings"
)

// checkUpper follows every path through a function, and reports a return, or a jump out of it, before which vector
// registers were in use and not cleared. SSE code that runs after that would be slow on some processors.
func (c *checker) checkUpper(f *fn) {
	if c.arch.vectors == nil {
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
		case slices.Contains(c.arch.clear, in.op):
			s.dirty = false
		case slices.ContainsFunc(in.args, c.arch.vectors.MatchString):
			s.dirty = true
		}
		target, jumps := -1, strings.HasPrefix(in.op, "J") && len(in.args) > 0
		if jumps {
			if k, ok := labels[in.args[len(in.args)-1]]; ok {
				target = k
				todo = append(todo, state{k, s.dirty})
			}
		}
		leaves := in.op == "RET" || in.op == "CALL" || jumps && target < 0
		if leaves && s.dirty && !reported[s.at] {
			reported[s.at] = true
			c.report(in.line, "vzeroupper", "%s leaves %s with upper halves of vector registers in use: VZEROUPPER first", in.op, f.name)
		}
		if in.op != "RET" && in.op != "JMP" {
			todo = append(todo, state{s.at + 1, s.dirty})
		}
	}
}
