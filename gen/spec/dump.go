package spec

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Text is x as a formula: every operation in parentheses, floats with as many digits as f32 needs,
// names by rename. Different expressions have different texts, which identity depends on.
func Text(x Expr, rename func(string) string) string {
	all := func(xs []Expr) string {
		var parts []string
		for _, x := range xs {
			parts = append(parts, Text(x, rename))
		}
		return strings.Join(parts, ", ")
	}
	switch x := x.(type) {
	case *Num:
		if x.Kind == Float {
			s := strconv.FormatFloat(float64(x.F), 'g', -1, 32)
			if !strings.ContainsAny(s, ".e") {
				s += ".0"
			}
			return s
		}
		return strconv.Itoa(x.I)
	case *PerIndex:
		return "index" + runLengths(x.I)
	case *Ref:
		return rename(x.Name)
	case *Unary:
		return x.Op + Text(x.X, rename)
	case *Binary:
		return "(" + Text(x.X, rename) + " " + x.Op + " " + Text(x.Y, rename) + ")"
	case *Cond:
		return "(" + Text(x.If, rename) + " ? " + Text(x.Then, rename) + " : " + Text(x.Else, rename) + ")"
	case *Lookup:
		if x.Book.Name == "" {
			return "codebook[" + Text(x.Index, rename) + "]"
		}
		return rename(x.Book.Name) + "[" + Text(x.Index, rename) + "]"
	case *Call:
		args := all(x.Args)
		switch {
		case x.Transform != nil:
			return x.Fn + "<" + rename(x.Transform.Name) + ">(" + args + ")"
		case x.Group > 0:
			return fmt.Sprintf("%s(%s, %d)", x.Fn, args, x.Group)
		}
		return x.Fn + "(" + args + ")"
	}
	return "?"
}

// runLengths writes 0*16 1*16 for sixteen zeros and sixteen ones.
func runLengths(v []int) string {
	var b strings.Builder
	for i := 0; i < len(v); {
		j := i
		for j < len(v) && v[j] == v[i] {
			j++
		}
		fmt.Fprintf(&b, " %d*%d", v[i], j-i)
		i = j
	}
	return "[" + b.String()[1:] + "]"
}

// Dump writes everything that is known about t, for people and for golden tests.
func Dump(w io.Writer, t *Type) {
	var uses []string
	if t.KV {
		uses = append(uses, "kv")
	}
	if t.Weight {
		uses = append(uses, "weight")
	}
	fmt.Fprintf(w, "type %s id %d use %s\nblock %d values, %d bytes, pad %t, quantised %t\n",
		t.Name, t.ID, strings.Join(uses, " "), t.Block, t.Bytes, t.Pad, t.Quantised)
	if t.Guard != nil {
		fmt.Fprintf(w, "guard %s\n", t.Guard.Text)
	}
	if t.Domain != nil {
		fmt.Fprintf(w, "domain %s\n", t.Domain.Name)
	}
	writeLayout(w, t, func(s string) string { return s })
	same := func(s string) string { return s }
	fmt.Fprintf(w, "value %s = %s\n", Describe(t.Value), Text(t.Value, same))
	for _, a := range t.Encode {
		fmt.Fprintf(w, "encode %s %s = %s\n", a.Name, Describe(a.X), Text(a.X, same))
	}
	fmt.Fprintf(w, "identity %s\n", t.Identity)
}

// Describe is the type of x: "float vector/16" is one that is the same over runs of 16.
func Describe(x Expr) string {
	kind, shape := x.Type()
	return [...]string{"float", "int", "bool"}[kind] + " " + [...]string{"const", "index", "scalar", "vector"}[shape] +
		"/" + strconv.Itoa(x.Run())
}

// writeLayout writes fields, codes and codebook: what decoding depends on besides value.
func writeLayout(w io.Writer, t *Type, rename func(string) string) {
	for _, f := range t.Fields {
		fmt.Fprintf(w, "field %s %s[%d] at %d\n", rename(f.Name), fieldKinds[f.Kind].name, f.Count, f.Offset)
	}
	for _, p := range t.Unused {
		fmt.Fprintf(w, "unused %s\n", partText(p))
	}
	for _, c := range t.Codes {
		fmt.Fprintf(w, "code %s %d bits, signed %t, shared by %d\n", rename(c.Name), c.Bits, c.Signed, c.Group)
		for i := 0; i < t.Block; i += c.Group {
			fmt.Fprintf(w, " %d:", i)
			for _, p := range c.Parts[i] {
				fmt.Fprintf(w, " %s", partText(p))
			}
			fmt.Fprintln(w)
		}
	}
	for _, b := range t.Tables {
		fmt.Fprintf(w, "table %s of %d: %g\n", rename(b.Name), b.Dim, b.Levels)
	}
	if b := t.Codebook; b != nil {
		fmt.Fprintf(w, "codebook %s scale %g\n levels %g\n thresholds %g\n", b.Source, b.Scale, b.Levels, b.Thresholds)
	}
}

// partText names bits by their place in the block: 16+4<<0 is four bits from bit 16.
func partText(p Part) string { return fmt.Sprintf("%d+%d<<%d", p.Bit, p.Width, p.Shift) }
