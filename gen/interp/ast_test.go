package interp

import "github.com/kvgen/kvgen/gen/spec"

// Expressions by hand, so that the meaning is tested apart from the parser.

func num(f float32) spec.Expr { return &spec.Num{Node: spec.Node{Kind: spec.Float}, F: f} }
func whole(i int) spec.Expr   { return &spec.Num{Node: spec.Node{Kind: spec.Int}, I: i} }
func name(k spec.Kind, n string) spec.Expr {
	return &spec.Ref{Node: spec.Node{Kind: k, Shape: spec.Vector}, Name: n}
}

func op(x spec.Expr, o string, y spec.Expr) spec.Expr {
	kind, _ := x.Type()
	switch o {
	case "<", "<=", ">", ">=", "==", "!=":
		kind = spec.Bool
	}
	return &spec.Binary{Node: spec.Node{Kind: kind}, Op: o, X: x, Y: y}
}

func fn(k spec.Kind, f string, args ...spec.Expr) *spec.Call {
	return &spec.Call{Node: spec.Node{Kind: k}, Fn: f, Args: args}
}

// q40 is q4_0 as package spec should read it.
func q40() *spec.Type {
	d := &spec.Field{Name: "d", Kind: spec.F16, Count: 1, Bytes: 2}
	qs := &spec.Field{Name: "qs", Kind: spec.U8, Count: 16, Offset: 2, Bytes: 16}
	code := &spec.Code{Name: "code", Bits: 4, Group: 1}
	for i := range 32 {
		code.Parts = append(code.Parts, []spec.Part{{Field: qs, Bit: 16 + 8*(i%16) + 4*(i/16), Width: 4}})
	}
	scale := op(name(spec.Float, "m"), "/", num(-8))
	return &spec.Type{
		Name: "q4_0", Block: 32, Bytes: 18, Fields: []*spec.Field{d, qs}, Codes: []*spec.Code{code},
		Value: op(name(spec.Float, "d"), "*", fn(spec.Float, "float", op(name(spec.Int, "code"), "-", whole(8)))),
		Encode: []*spec.Assign{
			{Name: "m", X: fn(spec.Float, "extremum", name(spec.Float, "x"))},
			{Name: "d", X: scale},
			{Name: "code", X: fn(spec.Int, "min", whole(15), fn(spec.Int, "trunc",
				op(op(name(spec.Float, "x"), "*", fn(spec.Float, "inv", scale)), "+", num(8.5))))},
		},
	}
}
