package gen_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/kvgen/kvgen/gen/interp"
	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/lower"
	"github.com/kvgen/kvgen/gen/spec"
	"github.com/kvgen/kvgen/gen/target"
	"github.com/kvgen/kvgen/kernels/cpu"
	"github.com/kvgen/kvgen/kernels/ref"
)

// codec decodes and encodes, bit for bit.
func (e *evaluator) codec(t *spec.Type) {
	if f := e.lower("decodeUnits"+id(t), func(c lower.Caps, name string) *ir.Func { return lower.Decode(t, c, name) }); f != nil {
		values, size := e.unitOf(t)
		for units := 1; units <= 4; units += 1 + units%2 { // 1, 3, 4
			packed, _ := e.row(t, units*values, uint64(units))
			for _, src := range [][]byte{packed, random(units*size, 7), random(units*size, 8), bytes.Repeat([]byte{0xFF}, units*size), make([]byte, units*size)} {
				dst := make(ir.Memory, 4*units*values)
				e.run(f, dst, ir.Memory(src), ir.Int(units))
				for name, oracle := range oracles(t) {
					want := make([]float32, units*values)
					oracle.Decode(want, src)
					e.same(f, "against "+name, numbers(dst), want)
				}
			}
		}
	}
	scratch := 0
	f := e.lower("encodeGroups"+id(t), func(c lower.Caps, name string) (f *ir.Func) {
		f, scratch = lower.Encode(t, c, name)
		return f
	})
	if f == nil {
		return
	}
	const groups = 2
	n := groups * ir.VectorLanes * t.Block
	inputs := []ref.Input{{Name: "noise", Values: noise(n, 1, 1)}, {Name: "heavy", Values: ref.Heavy(n)}, {Name: "special", Values: special(n)}}
	for _, in := range inputs {
		dst := make(ir.Memory, groups*ir.VectorLanes*t.Bytes)
		e.run(f, dst, floats(in.Values), make(ir.Memory, scratch), ir.Int(groups))
		for name, oracle := range oracles(t) {
			if oracle.Encode == nil {
				continue // the published format leaves encoding to its authors' search
			}
			want := make([]byte, len(dst))
			if oracle.Encode(want, in.Values); !bytes.Equal(dst, want) {
				e.Fatalf("%s: %s, against %s:\n got %x\nwant %x", f.Name, in.Name, name, []byte(dst), want)
			}
		}
	}
}

// special is noise with a special value, another one in every 8 blocks or so.
func special(n int) []float32 {
	x := noise(n, 2, 1)
	list := []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.Copysign(0, -1)), 1e-45, 1e-40, 1e-30, 3e38, -3e38, 0}
	for i := 0; i < n; i += max(1, n/37) {
		x[i] = list[i/max(1, n/37)%len(list)]
	}
	return x
}

// transform runs both directions on two runs of values.
func (e *evaluator) transform(t *spec.Transform) {
	for name, inverse := range map[string]bool{"forwardRuns": false, "inverseRuns": true} {
		f := e.lower(name+target.Ident(t.Name), func(c lower.Caps, name string) *ir.Func { return lower.Transform(t, c, inverse, name) })
		x, want := noise(2*t.Size, 3, 1), noise(2*t.Size, 3, 1)
		for k := range 2 {
			if inverse {
				interp.Inverse(t, want[k*t.Size:][:t.Size])
			} else {
				interp.Forward(t, want[k*t.Size:][:t.Size])
			}
		}
		memory := floats(x)
		e.run(f, memory, ir.Int(2))
		e.same(f, "against the interpreter", numbers(memory), want)
	}
}

// shared are the kernels that serve all types: the rounding of activations and operations on
// vectors.
func (e *evaluator) shared() {
	for _, group := range []int{32, 64, 128} {
		f := e.lower(fmt.Sprint("quantiseAct", group), func(c lower.Caps, name string) *ir.Func { return lower.QuantiseAct(c, group, name) })
		for _, x := range [][]float32{noise(3*group, 4, 1), special(3 * group)} {
			var want cpu.Act
			want.Resize(1, 3*group, group)
			cpu.QuantiseActGeneric(&want, x, 3*group, 1)
			q, d, s := make(ir.Memory, 3*group), make(ir.Memory, 12), make(ir.Memory, 12*group/16)
			e.run(f, q, d, s, floats(x), ir.Int(3), ir.Int(group), ir.Int(4), ir.Int(group/4))
			if !bytes.Equal(q, quants(want.Q)) {
				e.Fatalf("%s: quants\n got %x\nwant %x", f.Name, []byte(q), quants(want.Q))
			}
			e.same(f, "scales", numbers(d), want.D)
			e.same(f, "sums", numbers(s), want.S)
		}
	}
	e.gemmF32()
	for _, o := range lower.Vectors {
		e.vector(o)
	}
}

// vector runs an operation on whole vectors and on every rest.
func (e *evaluator) vector(o *lower.Vector) {
	f := e.lower("lanes"+o.Field, o.Kernel)
	for _, n := range []int{0, 1, 3, 7, 8, 9, 16, 30, 37, 70} {
		var got []ir.Memory
		var want [][]float32
		var args []ir.Argument
		for k, name := range o.Slices {
			x := special(n + n*boolInt(name == o.Wide))
			if k > 0 {
				slices.Reverse(x)
			}
			got, want = append(got, floats(x)), append(want, x)
			args = append(args, got[k])
		}
		args = append(args, ir.Int(n))
		scalars := map[string][]float32{"": nil, "ExpSum": {.5, 3}, "SoftCap": {30}, "Scale": {.3}, "ScaleMul": {.3}, "Blend": {.3, 1.7}}[o.Field]
		switch {
		case len(scalars) != len(o.Scalars):
			e.Fatalf("%s takes %v", o.Field, o.Scalars)
		case o.Field == "SoftCap": // what it takes of c: 2/c and c
			args = append(args, floats([]float32{2 / scalars[0], scalars[0]}))
		case len(scalars) > 0:
			args = append(args, floats(scalars))
		}
		var lanes ir.Memory
		if o.Partial != "" {
			lanes = make(ir.Memory, map[string]int{"float32": 32, "float64": 64}[o.Partial])
			args = append(args, lanes)
		}
		e.run(f, args...)
		result := generic(o.Field, want, scalars)
		for k := range got {
			e.same(f, o.Slices[k], numbers(got[k]), want[k])
		}
		if o.Partial != "" {
			e.result(f, o, lanes, result)
		}
	}
}

// result folds partial results as package cpu does.
func (e *evaluator) result(f *ir.Func, o *lower.Vector, lanes ir.Memory, want float64) {
	if o.Fold == "foldSquares" {
		var sums [8]float64
		for i := range sums {
			sums[i] = math.Float64frombits(binary.LittleEndian.Uint64(lanes[8*i:]))
		}
		for h := 4; h > 0; h /= 2 {
			for i := range h {
				sums[i] += sums[i+h]
			}
		}
		if sums[0] != want && (sums[0] == sums[0] || want == want) {
			e.Fatalf("%s: %g, want %g", f.Name, sums[0], want)
		}
		return
	}
	x := numbers(lanes)
	for h := 4; h > 0; h /= 2 {
		for i := range h {
			switch {
			case o.Fold == "foldSum":
				x[i] += x[i+h]
			case x[i+h] > x[i] || x[i+h] != x[i+h]:
				x[i] = x[i+h]
			}
		}
	}
	e.same(f, "the result", []float32{x[0] + 0}, []float32{float32(want)})
}

// generic is the operation in portable Go, in place.
func generic(field string, s [][]float32, c []float32) float64 {
	v := &cpu.VecGeneric
	switch field {
	case "Max":
		return float64(v.Max(s[0]))
	case "ExpSum":
		return float64(v.ExpSum(s[0], c[0], c[1]))
	case "SumSquares":
		return v.SumSquares(s[0])
	case "SiLUMul":
		v.SiLUMul(s[0], s[1])
	case "GELUMul":
		v.GELUMul(s[0], s[1])
	case "SoftCap":
		v.SoftCap(s[0], c[0])
	case "Add":
		v.Add(s[0], s[1])
	case "Scale":
		v.Scale(s[0], c[0])
	case "ScaleMul":
		v.ScaleMul(s[0], s[1], s[2], c[0])
	case "Blend":
		v.Blend(s[0], s[1], c[0], c[1])
	case "RopeAdjacent":
		v.RopeAdjacent(s[0], s[1], s[2])
	case "RopeHalves":
		v.RopeHalves(s[0], s[1], s[2], s[3])
	default:
		panic(field)
	}
	return 0
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
