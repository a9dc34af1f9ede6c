package simd

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/spec"
)

// TestToy compiles every kernel of every type for the toy. Each either says why it is not there, or
// its text, read back, does what its IR does.
func TestToy(t *testing.T) {
	set, err := spec.Load(os.DirFS("../../../kernels/spec"))
	if err != nil {
		t.Fatal(err)
	}
	m := toy()
	out, err := Target{m}.Generate(set)
	if err != nil {
		t.Fatal(err)
	}
	for _, isa := range out.ISAs {
		for k, names := range isa.Types {
			typ := set.Types[k]
			for _, kernel := range []string{"Decode", "Encode", "Matmul", "MatmulQ8"} {
				if names.Funcs[kernel] == "" && names.Why[kernel] == "" && isa.Name == "toy" {
					t.Errorf("%s, %s: no %s, and no reason", isa.Name, typ.Name, kernel)
				}
			}
		}
	}
	least := out.ISAs[len(out.ISAs)-1]
	if len(least.Transforms)+len(least.Why) < len(set.Transforms) {
		t.Errorf("transforms that are neither there nor missing for a reason: %v, %v", least.Transforms, least.Why)
	}
	run, words, missing := 0, 0, map[string]int{}
	panels := newPanels(m)
	for _, typ := range set.Types {
		f := newFile(m, typ.File, typ.Name)
		f.t, f.panels = typ, panels
		for i := range m.ISAs {
			f.kernels(&m.ISAs[i])
		}
		data := constantsOf(f.pool.text())
		for name, c := range f.made {
			if c.why != "" {
				missing[reason(c.why)]++
				continue
			}
			if err := agree(c.fn, c.text, data); err != nil {
				t.Fatalf("%s: %v\n%s", name, err, c.text)
			}
			run++
			if strings.Contains(c.text, "\tWORD ") {
				words++
			}
		}
	}
	t.Logf("%d kernels run, %d with encoded instructions; not there: %v", run, words, missing)
	if run < 100 || words < 10 {
		t.Errorf("%d kernels run, %d with encoded instructions", run, words)
	}
}

// reason is why, less what differs from kernel to kernel.
func reason(why string) string {
	for _, kind := range []string{"registers of class 1", "registers of class 0", "has no operation"} {
		if strings.Contains(why, kind) {
			return kind
		}
	}
	return "no form"
}

// TestToyPlanted breaks a text in ways that the reading must see.
func TestToyPlanted(t *testing.T) {
	m := toy()
	b := ir.Build("f", []ir.Param{{Name: "p", Type: ir.Type{Elem: ir.Addr, Lanes: 1}}, {Name: "n", Type: ir.Type{Elem: ir.Word, Lanes: 1}}}, "f is a test.")
	p, n := b.Param(0), b.Param(1)
	b.Loop(n, 1, func() {
		x := b.Load(ir.Type{Elem: ir.I8, Lanes: 32}, ir.At(p, 0), "x")
		y := b.AddB(x, bytes.Repeat([]byte{3}, 32))
		b.Store(b.DotS8(b.Factor(y), b.And(x, ir.Splat(0x7F7F7F7F))), ir.At(p, 64))
		b.AddImm(p, 96)
	})
	pool := newPool("t")
	a, err := assemble(m, &m.ISAs[0], ir.Halve(b.F), pool)
	if err != nil {
		t.Fatal(err)
	}
	text, data := a.Text(m.Syntax), constantsOf(pool.text())
	if err := agree(b.F, text, data); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	for was, is := range map[string]string{
		"V3.": "V8.", "ADDB ": "EQB ", "$0xd2": "$0xd3", "DOTS8 ": "DOTU8S8 ", "BGE          loop1": "BGE          loop3",
		"[R0+80]": "[R0+96]", "[R0+64]": "[R1+64]", "$1, R1": "$2, R1", "ADDS ": "ADDX ", "DOTS8 V2": "DOTS8 V3",
	} {
		bad := strings.Replace(text, was, is, 1)
		if bad == text {
			t.Errorf("%q is not in the text\n%s", was, text)
		} else if agree(b.F, bad, data) == nil {
			t.Errorf("%q for %q is not seen\n%s", is, was, bad)
		}
	}
}

// agree runs a kernel as it is and as its text says. A text that takes a word for an address makes
// Eval panic, which is no less a difference.
func agree(fn *ir.Func, text string, data map[string][]byte) (err error) {
	defer func() {
		if why := recover(); why != nil {
			err = fmt.Errorf("%v", why)
		}
	}()
	r := reading{fn: fn, data: data}
	f, err := r.read(text)
	if err != nil {
		return err
	}
	want, got := arguments(fn), arguments(fn)
	if err := ir.Eval(fn, want...); err != nil {
		return err
	}
	if err := ir.Eval(f, got...); err != nil {
		return err
	}
	for k := range want {
		if x, ok := want[k].(ir.Memory); ok && !bytes.Equal(x, got[k].(ir.Memory)) {
			return fmt.Errorf("the bytes of %s differ", fn.Params[k].Name)
		}
	}
	return nil
}

// arguments are memory of small numbers, whatever their format, and words that keep kernels inside
// of it.
func arguments(fn *ir.Func) (args []ir.Argument) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, p := range fn.Params {
		if p.Type.Elem == ir.Addr {
			data := make(ir.Memory, 1<<16)
			for i := range data {
				data[i] = byte(0x34+r.IntN(16)) | byte(r.IntN(2)<<7)
			}
			args = append(args, data)
			continue
		}
		n := 2
		switch {
		case p.Name == "n":
			n = 128
		case p.Name == "rows":
			n = 4
		case strings.HasPrefix(p.Name, "ld"), strings.HasPrefix(p.Name, "step"), p.Name == "stride":
			n = 2048
		}
		args = append(args, ir.Int(n))
	}
	return args
}
