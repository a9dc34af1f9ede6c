// Package lower compiles a checked type to kernels in the lane IR. The steps, in order: split finds
// what of Value changes per value and what per run (affine.go). gather finds loads, shuffles and
// shifts for each code (gather.go, gather_words.go). runs evaluates packed scales once per block
// (runs.go). One file per kernel puts them in its loops (decode.go, matmul.go, matmulq8.go,
// mix.go). A value that is no product of levels and scales is evaluated as it stands (plain.go).
// Encoders go another way: a block per lane, and the statements of the spec as loops (encode.go and
// its kin). Both compute expressions of the spec lane by lane (expr.go).
package lower

import (
	"fmt"

	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/spec"
)

// Caps is what lowering must know of a machine.
type Caps struct {
	Registers int  // for vectors of ir.VectorBytes; a machine of 16 bytes has half its own
	Dot4      bool // sums of 4 products of bytes are one instruction, not two through 16 bits
	SignedDot bool // both factors may be signed, for no more than unsigned by signed ones
	// sums of signed products of both halves of a vector are added for nothing, and a lane that
	// fills a vector costs nothing as a factor
	Folded   bool
	Chains   int // sums side by side that hide how long an addition takes
	Prefetch Prefetch

	// Costs are the operations that are more than one instruction, or about as slow as so many.
	Costs map[ir.Op]int
}

// Prefetch is how a machine is asked for memory early. What it fetches by itself ends with each
// page.
type Prefetch struct {
	Ahead int // bytes from what is read to what is asked for; 0: nothing is asked for
	Line  int // bytes that one hint fetches
}

// sums is how many sums of vectors fit the registers: factors and what is loaded take the others.
func (c Caps) sums() int { return c.Registers - 4 }

// vectors is how many vectors of each of m rows are summed together, a power of two up to most:
// their sums, so many of them to a vector, fill the registers.
func (c Caps) vectors(m, each, most int) int {
	n := 1
	for 2*n <= min(most, c.sums()/(m*each)) {
		n *= 2
	}
	return n
}

// unsupported is why a kernel of a type has no vector form; portable Go serves it.
type unsupported struct{ why string }

func (e unsupported) Error() string { return e.why }

func giveUp(format string, args ...any) { panic(unsupported{fmt.Sprintf(format, args...)}) }

// Try runs build and returns its kernel, or why the type has none.
func Try(build func() *ir.Func) (f *ir.Func, why string) {
	why = reason(func() { f = build() })
	if why != "" {
		return nil, why
	}
	if err := ir.Verify(f); err != nil {
		panic(err)
	}
	return f, ""
}

// reason runs do and returns why it gave up, or "".
func reason(do func()) (why string) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case unsupported:
			why = r.why
		case ir.TooLong:
			why = r.Error()
		default:
			panic(r)
		}
	}()
	do()
	return ""
}

// unit is the smallest run of blocks that a loop turn handles: one block, or for
// float types, whose block is one value, as many as a vector has lanes.
type unit struct {
	t      *spec.Type
	values int
	bytes  int
	blocks int
}

func unitOf(t *spec.Type) unit {
	if t.Block == 1 {
		return unit{t, ir.VectorLanes, ir.VectorLanes * t.Bytes, ir.VectorLanes}
	}
	if t.Block%ir.VectorLanes != 0 {
		giveUp("the block of %d is no multiple of %d lanes", t.Block, ir.VectorLanes)
	}
	return unit{t, t.Block, t.Bytes, 1}
}

func f32s(n int) ir.Type  { return ir.Type{Elem: ir.F32, Lanes: n} }
func i32s(n int) ir.Type  { return ir.Type{Elem: ir.I32, Lanes: n} }
func i16s(n int) ir.Type  { return ir.Type{Elem: ir.I16, Lanes: n} }
func bytes(n int) ir.Type { return ir.Type{Elem: ir.I8, Lanes: n} }

var (
	addr = ir.Type{Elem: ir.Addr, Lanes: 1}
	word = ir.Type{Elem: ir.Word, Lanes: 1}
)
