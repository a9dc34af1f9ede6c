package ir

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestHalve runs every operation on vectors of 32 bytes, with each element and immediate that it
// may have, as it is and in halves: what both leave in memory is the same.
func TestHalve(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, o := range Ops() {
		if o == OpPrefetch || len(o.Args) > 0 && o.Args[0].Elems[0] == Addr || slices.Contains(o.Makes, Addr) {
			continue // of addresses
		}
		tried := 0
		for _, f := range programs(r, o) {
			if Verify(f) != nil {
				continue // elements that do not go together
			}
			tried++
			half := Halve(f)
			if err := Verify(half); err != nil {
				t.Fatalf("%v\n%v", err, half)
			}
			if wide := widest(half.Body); wide > half16 {
				t.Errorf("%v: a vector of %d bytes\n%v", o, wide, half)
			}
			want, got := memory(), memory()
			err, herr := Eval(f, Memory(want), Int(5)), Eval(half, Memory(got), Int(5))
			if err != nil || herr != nil {
				t.Fatalf("%v, %v\n%v", err, herr, f)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%v: halves give another result\n%v\n%v", o, f, half)
			}
		}
		if tried == 0 {
			t.Errorf("%v was not tried", o)
		}
	}
}

// TestHalvePlanted holds the test to seeing a half that comes from the wrong place.
func TestHalvePlanted(t *testing.T) {
	keep := halfRules[OpZip]
	halfRules[OpZip] = nil
	defer func() { halfRules[OpZip] = keep }()
	halfRules[OpZip] = func(h *halver, in *Instr) {
		for k := range 2 {
			h.emit(in, k, in.Mem, nil, true)
		}
	}
	b, p, _ := start()
	x, y := b.Load(testI32, At(p, 0), "x"), b.Load(testI32, At(p, 32), "y")
	b.Store(b.Zip(x, y, 1), At(p, 64))
	want, got := memory(), memory()
	if Eval(b.F, Memory(want), Int(0)) != nil || Eval(Halve(b.F), Memory(got), Int(0)) != nil || bytes.Equal(got, want) {
		t.Error("a wrong rule is not seen")
	}
}

// memory is numbers that are small as floats and as halves of them.
func memory() []byte {
	m := make([]byte, 1024)
	for i := range m {
		m[i] = byte(0x34 + i*7%16)
	}
	return m
}

func widest(body []Node) (n int) {
	for _, node := range body {
		if in, ok := node.(*Instr); ok && in.Dst != nil && in.Dst.Type.isVector() {
			n = max(n, in.Dst.Type.Bytes())
		}
	}
	return n
}

// programs are functions of one operation between constants and stores.
func programs(r *rand.Rand, o Op) (all []*Func) {
	elems, makes := []Elem{I8}, o.Makes
	if len(o.Args) > 0 {
		elems = o.Args[0].Elems
	}
	if makes == nil {
		makes = []Elem{I8}
	}
	imms := o.Imm
	if imms == nil {
		imms = []int{map[Count]int{Shift: 3, Bytes: 16}[o.Count]}
	}
	for _, elem := range elems {
		for _, dst := range makes {
			for _, imm := range imms {
				all = append(all, program(r, o, elem, dst, imm))
			}
		}
	}
	return all
}

func program(r *rand.Rand, o Op, elem, dst Elem, imm int) *Func {
	b, p, n := start()
	in := Instr{Op: o, Imm: imm}
	count := len(o.Args)
	if count > 0 && o.Args[count-1].Many != nil {
		count = slices.Max(o.Args[count-1].Many)
		if o == OpTranspose {
			count = VectorLanes
		}
	}
	for i := range count {
		a := o.arg(i)
		// a first factor, whose products must fit 16 bits
		if i < count-1 && a.Elems[0] == I8 && a.Lo == a.Hi {
			a.Lo, a.Hi = 0, 100
		}
		switch {
		case a.Halved:
			in.Args = append(in.Args, constant(r, b, a, of(a.Elems[0], Type{I8, half16})))
		case a.Elems[0] == Word:
			in.Args = append(in.Args, n)
		case slices.Contains(a.Elems, elem):
			in.Args = append(in.Args, constant(r, b, a, of(elem, Type{I8, VectorBytes})))
		default:
			in.Args = append(in.Args, constant(r, b, a, of(a.Elems[0], Type{I8, VectorBytes})))
		}
		if a.Opaque {
			in.Args[i] = b.Factor(in.Args[i])
		}
	}
	if o.Mem != NoMemory {
		in.Mem = At(p, 64)
	}
	if o.Mem == ReadsTwo {
		in.Mem2 = At(p, 200)
	}
	to := of(dst, Type{I8, VectorBytes})
	if o == OpSum4 || o == OpStrideF16 || o == OpFoldS8 {
		to.Lanes = 4
	}
	switch o.Const {
	case Vector:
		in.Const = lanes(r, 0, 127, to.Bytes())
	case Index16, Bytes16:
		in.Const = lanes(r, 0, 15, map[Const]int{Index16: to.Bytes(), Bytes16: 16}[o.Const])
	case Words:
		in.Const = lanes(r, 0, 127, 64)
	case Order, Distances:
		for range to.Lanes {
			in.Const = binary.LittleEndian.AppendUint32(in.Const, uint32(r.IntN(VectorLanes)))
		}
	}
	out := 512
	store := func(v *Value) { b.Store(v, At(p, out)); out += VectorBytes }
	if o.Makes == nil {
		b.effect(o, in)
	} else if to.Elem == Word {
		return b.F
	} else if v := b.result(o, to, "", in); o.Opaque {
		store(b.DotS8(v, constant(r, b, OpDotS8.Args[1], to)))
	} else {
		store(v)
	}
	for i, v := range in.Args {
		if o.arg(i).InPlace {
			store(v)
		}
	}
	return b.F
}

func lanes(r *rand.Rand, lo, hi, n int) []byte {
	c := make([]byte, n)
	for i := range c {
		c[i] = byte(lo + r.IntN(hi-lo+1))
	}
	return c
}

// constant is a vector that an argument may be.
func constant(r *rand.Rand, b *Builder, a Arg, t Type) *Value {
	lo, hi := -100, 100
	if t.Elem == I32 {
		lo, hi = 0, 15 // as an index
	}
	if a.Lo < a.Hi {
		lo, hi = a.Lo, min(a.Hi, a.Lo+1000)
	}
	var c []byte
	for range t.Lanes {
		switch x := lo + r.IntN(hi-lo+1); {
		case a.Mask:
			c = binary.LittleEndian.AppendUint32(c, -uint32(r.IntN(2)))
		case t.Elem == I8:
			c = append(c, byte(x))
		case t.Elem == I16:
			c = binary.LittleEndian.AppendUint16(c, uint16(x))
		case t.Elem == I32:
			c = binary.LittleEndian.AppendUint32(c, uint32(x))
		case t.Elem == F32:
			c = binary.LittleEndian.AppendUint32(c, math.Float32bits(float32(x)/8))
		default:
			c = binary.LittleEndian.AppendUint64(c, math.Float64bits(float64(x)/8))
		}
	}
	return b.result(OpOr, t, "x", Instr{Args: []*Value{b.Const(t, c, "c")}, Const: make([]byte, t.Bytes())})
}

// TestHalveLoads: bytes that are read twice are loaded once, until something may have changed them,
// or the address.
func TestHalveLoads(t *testing.T) {
	for _, c := range []struct {
		what    string
		between func(b *Builder, p, x *Value)
		loads   int
	}{
		{"nothing between", func(*Builder, *Value, *Value) {}, 2},
		{"a store", func(b *Builder, p, x *Value) { b.Store(x, At(p, 64)) }, 4},
		{"a sum of lanes that is stored", func(b *Builder, p, x *Value) { b.HSum(x, At(p, 0)) }, 4},
		{"another address", func(b *Builder, p, _ *Value) { b.AddImm(p, 4) }, 4},
	} {
		b, p, _ := start()
		load := func() *Value { return b.Load(Type{F32, VectorLanes}, At(p, 0), "x") }
		x := load()
		c.between(b, p, x)
		b.Store(b.Add(x, load()), At(p, 128))
		loads := 0
		for _, n := range Halve(b.F).Body {
			if in, ok := n.(*Instr); ok && in.Op == OpLoad {
				loads++
			}
		}
		want, got := memory(), memory()
		if err := Eval(b.F, Memory(want), Int(0)); err != nil {
			t.Fatal(c.what, err)
		}
		if err := Eval(Halve(b.F), Memory(got), Int(0)); err != nil || loads != c.loads || !bytes.Equal(got, want) {
			t.Errorf("%s: %d loads, want %d; %v, the same bytes: %v", c.what, loads, c.loads, err, bytes.Equal(got, want))
		}
	}
}
