package lower

import (
	"fmt"
	"strings"

	"github.com/kvgen/kvgen/gen/ir"
)

// Vector is an operation on vectors of f32 of any length, for every type the same: what
// a model does between its matrices. Its kernel has no fused multiplications, so that
// portable Go gives the same bits.
type Vector struct {
	Field   string   // of cpu.Vec, whose comment is the definition
	Slices  []string // parameters, []float32
	Wide    string   // the slice that has two values a turn, "" for none
	Scalars []string // parameters after the slices, float32
	Args    []string // what the kernel takes of them, as Go expressions
	Partial string   // Go type of the partial results in 8 lanes, "" for none
	Fold    string   // the Go function that makes the result of them
	Result  string   // and its type
	Loop    []string // the body of the loop that the kernel replaces

	build func(v *vector)
}

// Kernel lowers the operation. The parameters are the slices' first values, the number of
// turns, the scalars and the partial results, which a kernel writes and does not read.
func (o *Vector) Kernel(c Caps, name string) *ir.Func {
	var params []ir.Param
	for _, s := range o.Slices {
		params = append(params, ir.Param{Name: s, Type: addr, Go: "*float32"})
	}
	params = append(params, ir.Param{Name: "n", Type: word, Go: "int"})
	if len(o.Args) > 0 {
		params = append(params, ir.Param{Name: "args", Type: addr, Go: "*float32"})
	}
	if o.Partial != "" {
		params = append(params, ir.Param{Name: "lanes", Type: addr, Go: "*" + o.Partial})
	}
	doc := []string{fmt.Sprintf("%s is the loop of %s over vectors.", name, o.Field), "", "\tfor i := range n {"}
	for _, line := range o.Loop {
		doc = append(doc, "\t\t"+line)
	}
	v := &vector{b: ir.Build(name, params, append(doc, "\t}")...), n: ir.VectorLanes, wide: -1}
	b := v.b
	for i, s := range o.Slices {
		v.slices = append(v.slices, b.Param(i))
		if s == o.Wide {
			v.wide = i
		}
	}
	next := len(o.Slices)
	v.turns = b.Param(next)
	if len(o.Args) > 0 {
		next++
		at := b.Param(next)
		for i, a := range o.Args {
			name, _, _ := strings.Cut(a, " ")
			v.args = append(v.args, b.Broadcast(f32s(v.n), ir.At(at, 4*i), name))
		}
	}
	if o.Partial != "" {
		v.out = b.Param(next + 1)
	}
	o.build(v)
	return b.F
}

// vector is the state of one kernel.
type vector struct {
	b      *ir.Builder
	n      int // lanes
	slices []*ir.Value
	wide   int // of slices, -1 for none
	turns  *ir.Value
	args   []*ir.Value // in all lanes
	out    *ir.Value
}

// piece is where a turn of the loop stands: part of several, or what is left at the end.
type piece struct {
	v    *vector
	part int
	mask *ir.Value // nil for whole vectors
}

// each goes through the slices: unroll vectors a turn, then single ones, then the rest.
func (v *vector) each(unroll int, body func(p piece)) {
	b := v.b
	steps := []int{unroll, 1}
	if unroll == 1 {
		steps = steps[1:]
	}
	for _, step := range steps {
		b.Loop(v.turns, step*v.n, func() {
			for part := range step {
				body(piece{v: v, part: part})
			}
			for i, s := range v.slices {
				b.AddImm(s, v.bytes(i)*step)
			}
		})
	}
	b.Note("what is left, fewer than a vector")
	mask := b.First(v.turns, v.n)
	b.Loop(v.turns, 1, func() {
		body(piece{v: v, mask: mask})
		b.AddImm(v.turns, -v.n) // one turn does all of it
	})
}

// bytes is how far slice i moves per vector of turns.
func (v *vector) bytes(i int) int {
	if i == v.wide {
		return 8 * v.n
	}
	return 4 * v.n
}

// at is the place of slice i and the mask of its lanes; half is the second half of what the wide
// slice has.
func (p piece) at(i, half int) (ir.Mem, *ir.Value) {
	v, mask := p.v, p.mask
	if mask != nil && i == v.wide {
		mask = v.twice(mask, half)
	}
	return ir.At(v.slices[i], v.bytes(i)*p.part+4*v.n*half), mask
}

// load is the next vector of slice i, zero where there is nothing left.
func (p piece) load(i int) *ir.Value { return p.loadHalf(i, 0) }

func (p piece) loadHalf(i, half int) *ir.Value {
	at, mask := p.at(i, half)
	if mask == nil {
		return p.v.b.Load(f32s(p.v.n), at, "x")
	}
	return p.v.b.LoadWhere(f32s(p.v.n), mask, at, "x")
}

func (p piece) store(i int, x *ir.Value) { p.storeHalf(i, 0, x) }

func (p piece) storeHalf(i, half int, x *ir.Value) {
	at, mask := p.at(i, half)
	if mask == nil {
		p.v.b.Store(x, at)
		return
	}
	p.v.b.StoreWhere(x, mask, at)
}

// twice repeats each lane of one half of x.
func (v *vector) twice(x *ir.Value, half int) *ir.Value {
	order := make([]uint32, v.n)
	for l := range order {
		order[l] = uint32(v.n/2*half + l/2)
	}
	return v.b.Order(x, dwordConst(order))
}

// Arithmetic, one rounding each. The constants of c are operands in memory.
func (v *vector) add(x, y *ir.Value) *ir.Value { return v.b.Add(x, y) }
func (v *vector) sub(x, y *ir.Value) *ir.Value { return v.b.Sub(x, y) }
func (v *vector) mul(x, y *ir.Value) *ir.Value { return v.b.Mul(x, y) }
func (v *vector) div(x, y *ir.Value) *ir.Value { return v.b.Div(x, y) }

func (v *vector) addC(x *ir.Value, c float32) *ir.Value {
	return v.b.Add(x, ir.SplatF32(c))
}

func (v *vector) subC(x *ir.Value, c float32) *ir.Value {
	return v.b.Sub(x, ir.SplatF32(c))
}

func (v *vector) mulC(x *ir.Value, c float32) *ir.Value {
	return v.b.Mul(x, ir.SplatF32(c))
}

// constant fills a register, for all turns when called before each.
func (v *vector) constant(c float32, name string) *ir.Value {
	return v.b.Const(f32s(v.n), splatF32(c, v.n), name)
}
