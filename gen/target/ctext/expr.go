package ctext

import (
	"fmt"
	"strings"

	"github.com/kvgen/kvgen/gen/spec"
)

// function is the body of one function of a type's struct being written.
type function struct {
	*text
	types *typeText
	used  map[string]bool     // local names
	vars  map[string]variable // by the name in the spec

	warp   bool                // vectors are registers of a warp: see encode
	arrays int                 // of block floats, that encode needs in shared memory
	held   []heldTable         // that encode looks things up in
	found  map[string]variable // vectors that were looked up already, by what they are
}

// term is an expression as text.
type term struct {
	text  string
	index bool // it speaks of i, the value's position in its block
}

func (t term) String() string { return t.text }

// termOf is a format of terms and other values.
func termOf(format string, args ...any) term {
	var t term
	for _, a := range args {
		if x, ok := a.(term); ok {
			t.index = t.index || x.index
		}
	}
	t.text = fmt.Sprintf(format, args...)
	return t
}

// variable is how a name of the spec reads in C.
type variable struct {
	name  string
	array bool // an element per value, in registers
	call  bool // a code: name(b, i)
	group int  // of an array in shared memory with one element per run of group values
}

func (v variable) at() term {
	switch {
	case v.call:
		return term{v.name + "(b, i)", true}
	case v.array && v.group > 1:
		return term{fmt.Sprintf("%s[i / %d]", v.name, v.group), true}
	case v.array:
		return term{text: v.name + "[k]"}
	}
	return term{text: v.name}
}

// value is e for value i; what it needs beforehand, such as a reduction over the block, is written
// first.
func (f *function) value(e spec.Expr) term {
	switch e := e.(type) {
	case *spec.Num:
		return term{text: literal(e)}
	case *spec.PerIndex:
		v := f.perIndex("index", e.I)
		if e.Kind == spec.Bool {
			return termOf("(%s != 0)", v)
		}
		return termOf("(%s)", v)
	case *spec.Ref:
		v, ok := f.vars[e.Name]
		if !ok {
			panic(fmt.Sprintf("ctext: %s: %s is read before it has a value", f.types.t.Name, e.Name))
		}
		return v.at()
	case *spec.Unary:
		x := f.operand(e, e.X)
		if e.Kind == spec.Int && e.Bounds().MayWrap() {
			return termOf("(int)(0u - (unsigned)%s)", bracket(x))
		}
		return termOf("%s%s", e.Op, bracket(x))
	case *spec.Binary:
		return f.binary(e)
	case *spec.Cond:
		c, x, y := f.operand(e, e.If), f.operand(e, e.Then), f.operand(e, e.Else)
		return termOf("(%s ? %s : %s)", c, x, y)
	case *spec.Lookup:
		levels := e.Book.Levels
		if e.Book.Name != "" && e.Book.Int8 {
			table := f.types.table("levels", "signed char", len(levels), func(k int) string { return fmt.Sprint(int(levels[k])) })
			return termOf("(float)%s[%s]", table, f.operand(e, e.Index))
		}
		table := f.types.table("levels", "float", len(levels), func(k int) string { return number(levels[k]) })
		if f.warp && e.Book.Name == "" {
			return f.lookup(e, "level", termOf("looked_up<%d>(%s, %s)", len(levels), f.holds(table, len(levels)), f.operand(e, e.Index)))
		}
		return termOf("%s[%s]", table, f.operand(e, e.Index))
	case *spec.Call:
		return f.call(e)
	}
	panic(fmt.Sprintf("ctext: %s: unknown expression %T", f.types.t.Name, e))
}

// literal is a constant of the spec.
func literal(n *spec.Num) string {
	switch n.Kind {
	case spec.Bool:
		return map[bool]string{true: "true", false: "false"}[n.I != 0]
	case spec.Int:
		return fmt.Sprint(n.I)
	}
	return number(n.F)
}

// bracket puts s in brackets unless it is one word or already has them.
func bracket(t term) term {
	if strings.ContainsAny(t.text, " -") && !strings.HasPrefix(t.text, "(") {
		return termOf("(%s)", t)
	}
	return t
}

// operand is the operand x of e. One that is the same for the whole block while e is not is
// computed once, before the loop.
func (f *function) operand(e, x spec.Expr) term {
	_, outer := e.Type()
	kind, inner := x.Type()
	if _, ref := x.(*spec.Ref); ref || outer != spec.Vector || inner != spec.Scalar {
		return f.value(x)
	}
	name := fresh(f.used, "scalar")
	f.line("const %s %s = %s;", cType(kind), name, f.value(x).text)
	return term{text: name}
}

func cType(k spec.Kind) string {
	return [...]string{spec.Float: "float", spec.Int: "int", spec.Bool: "bool"}[k]
}

func (f *function) binary(e *spec.Binary) term {
	x, y := f.operand(e, e.X), f.operand(e, e.Y)
	if kind, _ := e.X.Type(); kind == spec.Int && (e.Op == "/" || e.Op == "%") {
		return termOf("%s(%s, %s)", map[string]string{"/": "quotient", "%": "remainder"}[e.Op], x, y)
	}
	if e.Kind == spec.Int && e.Bounds().MayWrap() { // of signed integers, C++ leaves it open
		return termOf("(int)((unsigned)%s %s (unsigned)%s)", bracket(x), e.Op, bracket(y))
	}
	return termOf("(%s %s %s)", x, e.Op, y)
}

// call is a built-in function; those of one lane have the same names in the frames of every
// dialect.
func (f *function) call(e *spec.Call) term {
	switch e.Fn {
	case "sum", "absmax", "extremum":
		return f.reduction(e, "").at()
	case "min", "max":
		if len(e.Args) == 1 || e.Group != 0 {
			return f.reduction(e, "").at()
		}
		return termOf("%s(%s, %s)", map[string]string{"min": "lesser", "max": "greater"}[e.Fn], f.operand(e, e.Args[0]), f.operand(e, e.Args[1]))
	case "clamp":
		return termOf("clamp(%s, %s, %s)", f.operand(e, e.Args[0]), f.operand(e, e.Args[1]), f.operand(e, e.Args[2]))
	case "abs":
		return termOf("magnitude(%s)", f.operand(e, e.Args[0]))
	case "sqrt":
		return termOf("sqrtf(%s)", f.operand(e, e.Args[0]))
	case "floor":
		return termOf("floorf(%s)", f.operand(e, e.Args[0]))
	case "inv":
		return termOf("reciprocal(%s)", f.operand(e, e.Args[0]))
	case "trunc", "rint", "round":
		return termOf("%s_int(%s)", e.Fn, f.operand(e, e.Args[0]))
	case "f16", "bf16", "e8m0":
		return termOf("from_%s(to_%s(%s))", e.Fn, e.Fn, f.operand(e, e.Args[0]))
	case "as_f16":
		return termOf("from_f16((unsigned)%s)", bracket(f.operand(e, e.Args[0])))
	case "float":
		return termOf("(float)%s", bracket(f.operand(e, e.Args[0])))
	case "nearest":
		t := e.Book.Thresholds
		table := f.types.table("thresholds", "float", len(t), func(k int) string { return number(t[k]) })
		if f.warp {
			return f.lookup(e, "code", termOf("nearest_held<%d>(%s, %s)", len(t), f.holds(table, len(t)), f.operand(e, e.Args[0])))
		}
		return termOf("nearest<%d>(%s, %s)", len(t), table, f.operand(e, e.Args[0]))
	case "transform", "inverse":
		return f.transform(e, "").at()
	}
	panic(fmt.Sprintf("ctext: %s: unknown function %s", f.types.t.Name, e.Fn))
}

// lookup is e, of which x is the text and which all lanes have to compute, as a variable of its
// own: what it stands in may be computed by some of them.
func (f *function) lookup(e spec.Expr, name string, x term) term {
	if v, ok := f.found[x.text]; ok {
		return v.at()
	}
	kind, shape := e.Type()
	var v variable
	if shape == spec.Vector || shape == spec.Index { // also a choice by i alone
		v = f.vector(name, kind, x)
	} else {
		v.name = fresh(f.used, name)
		f.line("const %s %s = %s;", cType(kind), v.name, x.text)
	}
	if f.found == nil {
		f.found = map[string]variable{}
	}
	f.found[x.text] = v
	return v.at()
}
