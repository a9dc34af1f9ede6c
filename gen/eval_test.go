package gen_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/kvgen/kvgen/gen"
	"github.com/kvgen/kvgen/gen/interp"
	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/lower"
	"github.com/kvgen/kvgen/gen/spec"
	"github.com/kvgen/kvgen/gen/target"
	"github.com/kvgen/kvgen/gen/target/simd"
	"github.com/kvgen/kvgen/kernels/ref"
)

// The tests of files eval_*_test.go run every kernel that is lowered for a type that ships, by the
// meaning of its operations: no assembler and no machine is needed. What comes out is held to the
// oracles of kernels/ref and to the interpreter of the spec, within the bounds of the conformance
// suite; memory is exactly as large as a kernel may reach.

// evaluator runs the kernels of one instruction set.
type evaluator struct {
	*testing.T
	caps   lower.Caps
	suffix string
	ran    map[string]bool // names of kernels
}

// lower builds a kernel, nil where the type has none.
func (e *evaluator) lower(stem string, build func(c lower.Caps, name string) *ir.Func) *ir.Func {
	e.Helper()
	f, _ := lower.Try(func() *ir.Func { return build(e.caps, stem+e.suffix) })
	if f != nil {
		e.ran[f.Name] = true
	}
	return f
}

// run evaluates f.
func (e *evaluator) run(f *ir.Func, args ...ir.Argument) {
	e.Helper()
	if err := ir.Eval(f, args...); err != nil {
		e.Fatal(err)
	}
}

// few is a machine of 8 registers without a dot product, prefetches or free lookups.
var few = lower.Caps{Registers: 8, Chains: 1, Costs: map[ir.Op]int{ir.OpShuffle: 9, ir.OpLoadPair: 3}}

// TestEveryKernel evaluates what the instruction sets of all processors have, and what a machine
// with few registers and no dot product would have. That nothing is left out is seen by the names
// of the functions that were generated.
func TestEveryKernel(t *testing.T) {
	set, err := spec.Load(os.DirFS(filepath.Join(root, "kernels/spec")))
	if err != nil {
		t.Fatal(err)
	}
	ran := map[string]bool{}
	machines := []evaluator{{caps: few, suffix: "Few"}}
	for _, t := range gen.Targets() {
		if cpu, ok := t.(simd.Target); ok {
			for _, isa := range cpu.Machine.ISAs {
				machines = append(machines, evaluator{caps: isa.Caps, suffix: isa.Suffix})
			}
		}
	}
	for _, m := range machines {
		t.Run(m.suffix, func(t *testing.T) {
			for _, typ := range set.Types {
				t.Run(typ.Name, func(t *testing.T) {
					e := &evaluator{T: t, caps: m.caps, suffix: m.suffix, ran: ran}
					e.codec(typ)
					e.products(typ)
					e.mixes(typ)
				})
			}
			e := &evaluator{T: t, caps: m.caps, suffix: m.suffix, ran: ran}
			for _, tr := range set.Transforms {
				e.transform(tr)
			}
			e.shared()
		})
	}
	t.Logf("%d kernels evaluated", len(ran))
	for name := range generated(t) {
		if !ran[name] {
			t.Errorf("%s was generated and not evaluated", name)
		}
	}
}

// TestUnseenKernels evaluates the kernels of types that do not ship, whose layouts and arithmetic
// no shipped type has: all for a machine with few registers and for one that folds sums, codecs
// for every processor's first set.
func TestUnseenKernels(t *testing.T) {
	set, err := spec.Load(os.DirFS(filepath.Join(root, "testdata/unseen")))
	if err != nil {
		t.Fatal(err)
	}
	ran := map[string]bool{}
	machines := []evaluator{{caps: few, suffix: "Few"}}
	for _, t := range gen.Targets() {
		if cpu, ok := t.(simd.Target); ok {
			isa := cpu.Machine.ISAs[0]
			machines = append(machines, evaluator{caps: isa.Caps, suffix: isa.Suffix})
		}
	}
	for _, m := range machines {
		for _, typ := range set.Types {
			t.Run(m.suffix+"/"+typ.Name, func(t *testing.T) {
				e := &evaluator{T: t, caps: m.caps, suffix: m.suffix, ran: ran}
				if e.codec(typ); m.suffix == "Few" || m.caps.Folded {
					e.products(typ)
					e.mixes(typ)
				}
			})
		}
	}
	if len(ran) < 4*len(set.Types) {
		t.Errorf("%d kernels of %d types were evaluated", len(ran), len(set.Types))
	}
}

// generated are the names of the functions in assembly.
func generated(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "kernels/cpu/*.s"))
	names := map[string]bool{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^TEXT ·(\w+)\(SB\)`).FindAllSubmatch(text, -1) {
			names[string(m[1])] = true
		}
	}
	if err != nil || len(names) < 700 {
		t.Fatalf("%d functions: %v", len(names), err)
	}
	return names
}

// Memory as a kernel sees it.

func floats(x []float32) ir.Memory {
	var b []byte
	for _, v := range x {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

func float(m ir.Memory, i int) float32 {
	return math.Float32frombits(binary.LittleEndian.Uint32(m[4*i:]))
}

func numbers(m ir.Memory) []float32 {
	x := make([]float32, len(m)/4)
	for i := range x {
		x[i] = float(m, i)
	}
	return x
}

func quants(q []int8) ir.Memory {
	b := make([]byte, len(q))
	for i, v := range q {
		b[i] = byte(v)
	}
	return b
}

// noise is n values of a bell shape around 0.
func noise(n int, seed uint64, spread float32) []float32 {
	x := ref.LCG(n, seed, spread)
	for i, v := range ref.LCG(n, seed+1000, spread) {
		x[i] += v
	}
	return x
}

// row is n packed values of a type, decoded too: encoded noise or, where the type is only read,
// bytes that decode to finite values.
func (e *evaluator) row(t *spec.Type, n int, seed uint64) (row []byte, values []float32) {
	e.Helper()
	f := interp.Format(t)
	row, values = make([]byte, f.RowBytes(n)), make([]float32, n)
	if f.Encode != nil {
		f.Encode(row, noise(n, seed, 1))
		f.Decode(values, row)
		return row, values
	}
	for k := range n / f.Block {
		for try := uint64(0); ; try++ {
			block, y := row[k*f.Bytes:][:f.Bytes], values[k*f.Block:][:f.Block]
			copy(block, random(f.Bytes, seed+100*uint64(k)+try))
			if f.Decode(y, block); largest(y) < 1e6 {
				break
			}
			if try == 1000 {
				e.Fatalf("%s: no random block decodes to finite values", t.Name)
			}
		}
	}
	return row, values
}

// random is n bytes.
func random(n int, seed uint64) []byte {
	b := make([]byte, n)
	for i := range b {
		seed = seed*6364136223846793005 + 1442695040888963407
		b[i] = byte(seed >> 56)
	}
	return b
}

// largest is the largest magnitude, infinite where there is a NaN.
func largest(x []float32) (most float64) {
	for _, v := range x {
		if v != v {
			return math.Inf(1)
		}
		most = max(most, math.Abs(float64(v)))
	}
	return most
}

// within fails where got is farther from want than bound.
func (e *evaluator) within(f *ir.Func, what string, got float32, want, bound float64) {
	e.Helper()
	if d := math.Abs(float64(got) - want); !(d <= bound+1e-38) {
		e.Fatalf("%s: %s is %g, want %g: off by %.3g where %.3g is allowed", f.Name, what, got, want, d, bound)
	}
}

// same fails where bits differ. One NaN is as good as another.
func (e *evaluator) same(f *ir.Func, what string, got, want []float32) {
	e.Helper()
	for i, v := range got {
		if math.Float32bits(v) != math.Float32bits(want[i]) && (v == v || want[i] == want[i]) {
			e.Fatalf("%s: %s: value %d is %g (%08x), want %g (%08x)", f.Name, what, i, v, math.Float32bits(v), want[i], math.Float32bits(want[i]))
		}
	}
}

// oracles are the interpreter of the spec and, for a published format, the one written by hand.
func oracles(t *spec.Type) map[string]ref.Format {
	all := map[string]ref.Format{"the interpreter": interp.Format(t)}
	if f, ok := ref.ByName(t.Name); ok {
		all["the format by hand"] = f
	}
	return all
}

func id(t *spec.Type) string { return target.Ident(t.Name) }

// unitOf is the values and bytes of a loop turn of kernels that take whole units.
func (e *evaluator) unitOf(t *spec.Type) (values, bytes int) {
	if t.Block == 1 {
		return ir.VectorLanes, ir.VectorLanes * t.Bytes
	}
	return t.Block, t.Bytes
}

func xm(stem string, m int, id string) string { return fmt.Sprintf("%s%dx%s", stem, m, id) }
