package ir

import "fmt"

// Operations of encoders, transforms and the rounding of activations. Floats round once
// per operation; a mask is an i32 vector of lanes that are all ones or all zeros.
const (
	// Addresses.
	OpTable Op = iota + 128 // Dst = the address of Const, kept with the code
	OpAlign                 // Args[0] is rounded up to a multiple of Imm, in place

	// Floats.
	OpDiv      // Dst = Args[0] / Args[1]
	OpSqrt     // Dst = the square root of Args[0]
	OpFloor    // Dst = the integer below Args[0]
	OpMinF     // Dst = Args[0] < Args[1] ? Args[0] : Args[1]
	OpMaxF     // Dst = Args[0] > Args[1] ? Args[0] : Args[1]
	OpCompareF // Dst mask = Args[0] Imm Args[1], Imm a Relation
	OpTruncI   // Dst i32 = Args[0] toward zero; NaN and what does not fit give -2^31
	OpRintI    // Dst i32 = Args[0] to nearest, ties to even; NaN and what does not fit give -2^31
	OpToF16    // Dst i32 = the nearest f16 to Args[0]; NaN gives sign|0x7E00
	OpRoundF16 // Dst = the nearest f16 to Args[0], as f32; NaN as in OpToF16
	OpToBF16   // Dst i32 = the nearest bf16 to Args[0]; NaN keeps its upper bits and is made quiet

	// Integers.
	OpSubI     // Dst = Args[0] - Args[1]
	OpMulI     // Dst = the low 32 bits of Args[0] * Args[1]
	OpDivI     // Dst = Args[0] / Args[1] toward zero, 0 where Args[1] is 0
	OpMinI     // Dst = the smaller, signed
	OpMaxI     // Dst = the larger, signed
	OpAbsI     // Dst = |Args[0]|
	OpCompareI // Dst mask = Args[0] Imm Args[1], Imm is Equal or Greater
	OpSelect   // Dst = Args[0] ? Args[1] : Args[2], Args[0] a mask
	OpLevels   // Dst f32 = the 32-bit word Args[0] of the table at Mem, i32 index

	// Between lanes. The number of lanes is a power of two.
	OpSwap      // Dst = lane l of Args[0] is lane l^Imm, Imm = 1, 2, 4 ...
	OpMerge     // Dst = lane l of Args[1] where l&Imm is not 0, else of Args[0]
	OpOrder     // Dst = lane Const[l] of Args[0]
	OpSum4      // Dst, 4 lanes = the sums of all lanes of Args[0], [1], [2], [3], i32 or f32
	OpAverage   // Dst bytes = (Args[0] + Args[1] + 1) / 2, unsigned
	OpAddPairs  // Dst i32 = in each 4 lanes the sums of 2 neighbours, of Args[0] and then of Args[1]
	OpPackS2    // Dst i16 = the i32 lanes of Args[0], Args[1] in order, saturated to i16
	OpPackS4    // Dst bytes = the i32 lanes of Args[0..3] in order, saturated to signed bytes
	OpZipWords  // Dst = 2 bytes of Args[0], 2 of Args[1] and so on, from half Imm of each 16-byte part
	OpZip       // Dst = lanes of Args[0] and Args[1] in turn, from half Imm of all lanes
	OpPairsAcc  // Args[0] i32 += sums of 2 products of neighbours, Args[1] and Args[2] i16, in place
	OpTranspose // Args are as many vectors as lanes; lane l of Args[k] and lane k of Args[l] change places

	// Stores of one piece per lane: lane l goes to Mem + l*Imm.
	OpScatter     // lane l of Args[0], Args[1] ... as one run of words; 1, 2 or 4 arguments, which it uses up
	OpScatterHalf // the low 2 bytes of lane l of Args[0]
	OpScatterByte // the low byte of lane l of Args[0]
	OpStoreHalves // the low 2 bytes of all lanes of Args[0], one after the other

	// Vectors of any length: the last lanes stand behind a mask.
	OpFirst      // Dst mask = the lanes below Args[0], a word
	OpLoadWhere  // Dst f32 = the lanes at Mem where the mask Args[0] is set, else 0; only these are read
	OpStoreWhere // lanes of Args[0] to Mem where the mask Args[1] is set; only these are written
	OpRaise      // Args[0] = Args[1] > Args[0] ? Args[1] : Args[0], f32, in place
	OpAddSquares // Args[0] f64 += the squares of half Imm of the lanes of Args[1], f32, in place
)

// Relation is how OpCompareF and OpCompareI compare. Only NotEqual and NotLess hold for a NaN.
type Relation = int

const (
	Equal Relation = iota
	NotEqual
	Less
	LessEqual
	Greater
	GreaterEqual
	NotLess
)

// laneOps are the names of the operations and the elements of their arguments.
var laneOps = [...]struct {
	name string
	args []Elem
}{
	{"table", nil}, {"align", []Elem{Addr}},
	{"div", []Elem{F32, F32}}, {"sqrt", []Elem{F32}}, {"floor", []Elem{F32}}, {"minf", []Elem{F32, F32}}, {"maxf", []Elem{F32, F32}},
	{"comparef", []Elem{F32, F32}}, {"trunci", []Elem{F32}}, {"rinti", []Elem{F32}}, {"tof16", []Elem{F32}}, {"roundf16", []Elem{F32}}, {"tobf16", []Elem{F32}},
	{"subi", []Elem{I32, I32}}, {"muli", []Elem{I32, I32}}, {"divi", []Elem{I32, I32}}, {"mini", []Elem{I32, I32}}, {"maxi", []Elem{I32, I32}},
	{"absi", []Elem{I32}}, {"comparei", []Elem{I32, I32}}, {"select", nil}, {"levels", []Elem{I32}},
	{"swap", nil}, {"merge", nil}, {"order", nil}, {"sum4", nil}, {"average", []Elem{I8, I8}}, {"addpairs", []Elem{I32, I32}}, {"packs2", []Elem{I32, I32}}, {"packs4", []Elem{I32, I32, I32, I32}}, {"zipwords", []Elem{I8, I8}}, {"zip", nil}, {"pairsacc", []Elem{I32, I16, I16}}, {"transpose", nil},
	{"scatter", nil}, {"scatterhalf", []Elem{I32}}, {"scatterbyte", []Elem{I32}}, {"storehalves", []Elem{I32}},
	{"first", []Elem{Word}}, {"loadwhere", []Elem{I32}}, {"storewhere", []Elem{F32, I32}}, {"raise", []Elem{F32, F32}}, {"addsquares", []Elem{F64, F32}},
}

// constantArg reports whether an operation takes a constant in place of its last argument.
func constantArg(op Op) bool {
	switch op {
	case OpAdd, OpSub, OpMul, OpDiv, OpMinF, OpMaxF, OpCompareF, OpSubI, OpMulI, OpMinI, OpMaxI, OpCompareI, OpAnd, OpXor, OpAddI:
		return true
	}
	return false
}

// laneSignature checks the arguments of the operations of this file.
func laneSignature(n *Instr) error {
	want := laneOps[n.Op-OpTable].args
	if constantArg(n.Op) && n.Const != nil {
		want = want[:len(want)-1]
	}
	if want != nil && len(n.Args) != len(want) {
		return fmt.Errorf("%d arguments, want %d", len(n.Args), len(want))
	}
	for i, e := range want {
		if n.Args[i].Type.Elem != e {
			return fmt.Errorf("argument %d is %v", i, n.Args[i].Type)
		}
	}
	switch n.Op {
	case OpSelect:
		if len(n.Args) != 3 || n.Args[0].Type.Elem != I32 || n.Args[1].Type != n.Args[2].Type || n.Dst.Type != n.Args[1].Type {
			return fmt.Errorf("select takes a mask and two values of its own type")
		}
	case OpTranspose:
		if len(n.Args) == 0 || len(n.Args) != n.Args[0].Type.Lanes {
			return fmt.Errorf("%d vectors are no square", len(n.Args))
		}
	case OpScatter:
		if k := len(n.Args); k != 1 && k != 2 && k != 4 {
			return fmt.Errorf("%d words in a run", k)
		}
	case OpSum4:
		if len(n.Args) != 4 || n.Dst.Type.Lanes != 4 || n.Args[0].Type.Elem != n.Dst.Type.Elem {
			return fmt.Errorf("sum4 makes one vector of 4 lanes of 4 vectors")
		}
	case OpMerge, OpZip:
		if len(n.Args) != 2 || n.Args[0].Type != n.Args[1].Type {
			return fmt.Errorf("arguments differ in type")
		}
	}
	return nil
}
