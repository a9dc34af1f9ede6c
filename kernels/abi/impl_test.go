package abi

import (
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"strings"
	"testing"
)

// TestFrom names the instruction set that each kernel is really of, through two that lack some.
func TestFrom(t *testing.T) {
	decode := func([]float32, []byte) {}
	encode := func([]byte, []float32) {}
	matmul := func([]float32, int, []float32, int, int, []byte, int, int, int, *Workspace) {}
	portable := Impl{ISA: "generic", Encode: encode, Decode: decode, Matmul: matmul}
	middle := Impl{ISA: "middle", Decode: decode}
	middle.Or(&portable)
	best := Impl{ISA: "best", Matmul: matmul}
	best.Or(&middle)
	for kernel, want := range map[string]string{"encode": "generic", "decode": "middle", "matmul": "best", "mix": "best"} {
		if got := best.From(kernel); got != want {
			t.Errorf("%s is from %s, want %s", kernel, got, want)
		}
	}
	if best.Encode == nil || best.Decode == nil || best.Mix != nil {
		t.Error("what is there is not what was taken")
	}
}

// TestEmpty finds the only kernel of each kind.
func TestEmpty(t *testing.T) {
	if !(&Impl{ISA: "none"}).Empty() {
		t.Error("a type without kernels has some")
	}
	for _, k := range Kinds {
		var a, b Impl
		a.kernel(k).Set(reflect.MakeFunc(a.kernel(k).Type(), func([]reflect.Value) []reflect.Value { return nil }))
		b.Or(&a)
		if a.Empty() || b.Empty() || !b.Has(k) {
			t.Errorf("%s is not seen", k.Field)
		}
	}
}

// TestKinds: Kinds has each function of Impl, in its order, with the parameters' names as they
// stand there.
func TestKinds(t *testing.T) {
	tree, err := parser.ParseFile(token.NewFileSet(), "impl.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	ast.Inspect(tree, func(node ast.Node) bool {
		f, ok := node.(*ast.Field)
		if !ok {
			return true
		}
		fn, ok := f.Type.(*ast.FuncType)
		if !ok || len(f.Names) != 1 {
			return true
		}
		var names []string
		for _, p := range fn.Params.List {
			for _, name := range p.Names {
				names = append(names, name.Name)
			}
		}
		if n >= len(Kinds) || Kinds[n].Field != f.Names[0].Name || Kinds[n].Args != strings.Join(names, " ") {
			t.Fatalf("Impl has %s(%s), which is not number %d of Kinds", f.Names[0].Name, strings.Join(names, " "), n)
		}
		if len(Kinds[n].Params()) != len(names) {
			t.Errorf("%s: parameters %v", Kinds[n].Field, Kinds[n].Params())
		}
		n++
		return false
	})
	if n != len(Kinds) {
		t.Errorf("Impl has %d kernels, Kinds %d", n, len(Kinds))
	}
}
