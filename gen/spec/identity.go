package spec

import (
	"crypto/sha256"
	"fmt"
	"strings"
)

// identity hashes what decides which bytes a row becomes and which floats they mean: layout,
// codebook, transform, value and encode. Names, comments, the label, the formula that a codebook
// was computed by and the file do not matter.
func identity(t *Type) string {
	names := map[string]string{"x": "x"}
	for i, f := range t.Fields {
		names[f.Name] = fmt.Sprintf("f%d", i)
	}
	for i, c := range t.Codes {
		names[c.Name] = fmt.Sprintf("c%d", i)
	}
	for i, b := range t.Tables {
		names[b.Name] = fmt.Sprintf("b%d", i)
	}
	for i, a := range t.Encode {
		if names[a.Name] == "" {
			names[a.Name] = fmt.Sprintf("v%d", i)
		}
	}
	transforms := []*Transform{}
	note := func(x *Transform) {
		if x != nil && names["transform "+x.Name] == "" {
			names["transform "+x.Name] = fmt.Sprintf("t%d", len(transforms))
			transforms = append(transforms, x)
		}
	}
	note(t.Domain)
	used := func(x Expr) {
		if c, ok := x.(*Call); ok {
			note(c.Transform)
		}
	}
	for _, a := range t.Encode {
		Walk(a.X, used)
	}
	Walk(t.Value, used)
	return hash(t, transforms, names)
}

func hash(t *Type, transforms []*Transform, names map[string]string) string {
	rename := func(s string) string {
		if n := names[s]; n != "" {
			return n
		}
		return names["transform "+s]
	}
	var b strings.Builder
	fmt.Fprintf(&b, "kvgen type 1\nblock %d bytes %d pad %t domain %t\n", t.Block, t.Bytes, t.Pad, t.Domain != nil)
	for i, x := range transforms {
		fmt.Fprintf(&b, "transform t%d size %d left %g right %g\n", i, x.Size, x.Left, x.Right)
	}
	bare := *t
	if t.Codebook != nil {
		book := *t.Codebook
		book.Source, book.Scale = "", 0
		bare.Codebook = &book
	}
	writeLayout(&b, &bare, rename)
	fmt.Fprintf(&b, "value %s\n", Text(t.Value, rename))
	for _, a := range t.Encode {
		fmt.Fprintf(&b, "encode %s %s\n", rename(a.Name), Text(a.X, rename))
	}
	return fmt.Sprintf("%x", sha256.Sum256([]byte(b.String())))
}
