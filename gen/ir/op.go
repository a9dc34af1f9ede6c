package ir

// Op is an operation.
type Op int

// Operations on addresses and words.
const (
	OpParam  Op = iota // Dst = parameter Imm
	OpSlot             // Dst = address of Imm bytes of the kernel's own frame, 32-byte granules
	OpCopy             // Dst = Args[0]
	OpAddImm           // Args[0] += Imm
	OpAddInt           // Args[0] += Args[1]

	// Memory and vectors.
	OpLoad          // Dst = lanes at Mem
	OpLoadLow       // Dst = first Imm f32 lanes at Mem, the others 0
	OpStore         // lanes of Args[0] to Mem
	OpStoreLow      // first Imm bytes of Args[0] to Mem (4 or 8)
	OpBroadcast     // Dst = the 4 bytes at Mem, an f32 or a pair of i16, all over the lanes
	OpPairBroadcast // Dst = the f32 at Mem in the low half of the lanes, the one at Mem2 in the high half
	OpLoadF16       // Dst = f16 lanes at Mem as f32
	OpBcastF16      // Dst = the f16 at Mem as f32 in all lanes
	OpStrideF16     // Dst = the f16 at Mem, Mem+Imm, Mem+2*Imm ... as f32, 4 lanes; Imm >= 4
	OpLoadBF16      // Dst = bf16 lanes at Mem as f32
	OpBcastBF16     // Dst = the bf16 at Mem as f32 in all lanes
	OpBcastE8M0     // Dst = 2^(e-127), 2^-127 for e = 0, in all lanes
	OpLoadDup       // Dst = Imm bytes at Mem, repeated over the lanes
	OpLoadPair      // Dst = 16 bytes at Mem in the low half, 16 bytes at Mem2 in the high half
	OpLoadBytes     // Dst = Imm bytes at Mem repeated in each 16-byte part, zero beyond Imm < 16
	OpWidenS8       // Dst i32 = signed bytes at Mem
	OpWidenU8       // Dst i32 = unsigned bytes at Mem
	OpGather        // Dst i32 = the 32-bit words at Mem + Const, byte offsets
	OpPrefetch      // the bytes at Mem are read soon: a hint, which may lie outside of what can be read
	OpConst         // Dst = Const
	OpZero          // Dst = 0
	OpAs            // Dst = the bits of Args[0] as another type of the same size

	// Bytes and integers. Shifts act on 32-bit lanes; Shl and Sar on those of i16 where that is their type.
	OpShuffle    // Dst = bytes of Args[0] picked by Const inside each 16-byte part; 0x80 gives 0
	OpShr        // Dst = Args[0] >> Imm, zeros shifted in
	OpShl        // Dst = Args[0] << Imm
	OpSar        // Dst = Args[0] >> Imm, sign shifted in
	OpShrVar     // Dst = Args[0] >> Const, lane by lane
	OpShlVar     // Dst = Args[0] << Const, lane by lane
	OpAnd        // Dst = Args[0] & Const or Args[1]
	OpOr         // Dst = Args[0] | Args[1]
	OpXor        // Dst = Args[0] ^ Const or Args[1]
	OpAddB       // Dst = Args[0] + Const, bytes
	OpEqB        // Dst = Args[0] == Const ? -1 : 0, bytes
	OpTable16    // Dst = Const[Args[0]], bytes, index 0..15, Const of 16 bytes
	OpSelectBit  // Dst = bit Imm of each byte of Args[0] ? Args[1] : Args[2]
	OpAbsB       // Dst = |Args[0]|, bytes
	OpSignB      // Dst = Args[0] * sign(Args[1]), bytes
	OpDotU8S8    // Dst i32 = sums of 4 products, Args[0] unsigned (at most 128) and Args[1] signed bytes
	OpPairsU8S8  // Dst i16 = sums of 2 products, Args[0] unsigned and Args[1] signed bytes; the sum must fit
	OpWidenPairs // Dst i32 = sums of 2 neighbours of Args[0], i16
	OpDotAcc     // Args[0] += the dot of Args[1], Args[2], in place
	OpAccumulate // Args[0] += Args[1], i16, i32 or f32 lanes, in place
	OpAddI       // Dst = Args[0] + Const or Args[1], i32
	OpPack4      // Dst bytes = the low bytes of the i32 lanes of Args[0..3], in order
	OpToF32      // Dst = f32 of i32 lanes
	OpTableF32   // Dst f32 = Const[Args[0]], i32 index below len(Const)/4 <= 64

	// Floats. The second operand may be a constant.
	OpAdd
	OpSub
	OpMul
	OpFMA  // Args[0] += Args[1]*Args[2], in place
	OpHSum // the sum of the lanes of Args[0] to the f32 at Mem
)

var opNames = [...]string{"param", "slot", "copy", "addimm", "addint", "load", "loadlow", "store", "storelow",
	"broadcast", "pairbroadcast", "loadf16", "bcastf16", "stridef16", "loadbf16", "bcastbf16", "bcaste8m0", "loaddup", "loadpair",
	"loadbytes", "widens8", "widenu8", "gather", "prefetch", "const", "zero", "as", "shuffle", "shr", "shl", "sar", "shrvar", "shlvar", "and", "or", "xor",
	"addb", "eqb", "table16", "selectbit", "absb", "signb", "dotu8s8", "pairsu8s8", "widenpairs", "dotacc", "accumulate", "addi", "pack4", "tof32", "tablef32",
	"add", "sub", "mul", "fma", "hsum"}

func (o Op) String() string {
	if o >= OpTable {
		return laneOps[o-OpTable].name
	}
	return opNames[o]
}
