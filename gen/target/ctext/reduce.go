package ctext

import (
	"fmt"

	"github.com/kvgen/kvgen/gen/spec"
)

// folds say where a reduction starts and how value v joins what there is so far.
var folds = map[string]struct{ start, join string }{
	"sum":      {"0.0f", "so_far + v"},
	"min":      {"3.4028235e+38f", "lesser(v, so_far)"},
	"max":      {"-3.4028235e+38f", "greater(v, so_far)"},
	"absmax":   {"0.0f", "greater(v, so_far)"}, // of magnitudes
	"extremum": {"0.0f", "farther(v, so_far)"},
}

// wholeSum reports whether e is a sum over the block.
func (s *typeText) wholeSum(e spec.Expr) (*spec.Call, bool) {
	c, ok := e.(*spec.Call)
	return c, ok && c.Fn == "sum" && (c.Group == 0 || c.Group == s.t.Block)
}

// beside reports whether two statements are sums over the block of which the second does without
// the first.
func (s *typeText) beside(a, b *spec.Assign) bool {
	_, first := s.wholeSum(a.X)
	_, second := s.wholeSum(b.X)
	return first && second && !spec.Names(b.X)[a.Name]
}

// sums writes statements that are sums over the block, added beside each other.
func (f *function) sums(all ...*spec.Assign) {
	var terms []term
	var names []string
	for _, a := range all {
		terms, names = append(terms, f.value(a.X.(*spec.Call).Args[0])), append(names, fresh(f.used, a.Name))
	}
	addends := f.array("addends", len(terms))
	for n, x := range terms {
		at := addends
		if n > 0 {
			at = fmt.Sprintf("%s + %d * block", addends, n)
		}
		f.overElements(termOf("put_addend<block>(%s, k, lane, %s);", at, x))
	}
	sums := fresh(f.used, "sums")
	f.line("float %s[%d];", sums, len(terms))
	f.line("sum_in_order<block>(%s, %s, lane);", addends, sums)
	for n, a := range all {
		f.vars[a.Name] = variable{name: names[n]}
		f.line("const float %s = %s[%d];", names[n], sums, n)
	}
}

// reduction writes a reduction over the block, or the loop of one over each run of values.
func (f *function) reduction(e *spec.Call, name string) variable {
	if name == "" {
		name = e.Fn
	}
	fold := folds[e.Fn]
	if e.Group == 0 || e.Group == f.types.t.Block {
		if e.Fn == "sum" {
			f.sums(&spec.Assign{Name: name, X: e})
			return f.vars[name]
		}
		x := f.value(e.Args[0])
		if e.Fn == "absmax" {
			x = termOf("magnitude(%s)", x)
		}
		values := f.vector("values", spec.Float, x)
		v := variable{name: fresh(f.used, name)}
		f.line("const float %s = fold_in_order<block>(%s, %s, lane, %s);", v.name, values.name, fold.start, f.Join(e.Fn, fold.join))
		return v
	}
	x := f.value(e.Args[0])
	if e.Fn == "absmax" {
		x = termOf("magnitude(%s)", x)
	}
	values, v := f.array("values", 1), variable{name: f.array(name, 1), array: true, group: e.Group}
	f.overElements(termOf("put_addend<block>(%s, k, lane, %s);", values, x))
	f.line("warp_sync();")
	f.open("for (int n = lane; n < block / %d; n += %d)", e.Group, f.Lanes)
	f.line("float so_far = %s;", fold.start)
	f.open("for (int m = %[1]d * n; m < %[1]d * (n + 1); m++)", e.Group)
	f.line("const float v = %s[m];", values)
	f.line("so_far = %s;", fold.join)
	f.end("}")
	f.line("%s[n] = so_far;", v.name)
	f.end("}")
	f.line("warp_sync();")
	return v
}
