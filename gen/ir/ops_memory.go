package ir

import (
	"encoding/binary"
	"math"
)

// Loads. Those of numbers of other types give f32.

// OpLoad is the lanes at Mem.
var OpLoad = declare(Operation{Name: "load", Makes: vectors, Mem: Reads,
	mean: func(e *evaluation, in *Instr) { copy(e.result(in), e.read(in.Mem, in.Dst.Type.Bytes())) }})

// OpLoadLow is the first Imm f32 lanes at Mem, and zeros.
var OpLoadLow = declare(Operation{Name: "loadlow", Makes: []Elem{F32}, Mem: Reads, Imm: []int{1, 2, 4, 8},
	mean: func(e *evaluation, in *Instr) {
		d := e.result(in)
		clear(d)
		copy(d, e.read(in.Mem, 4*in.Imm))
	}})

// OpBroadcast is the 4 bytes at Mem, an f32 or a pair of i16, all over the lanes.
var OpBroadcast = declare(Operation{Name: "broadcast", Makes: []Elem{F32, I32, I16}, Mem: Reads,
	mean: func(e *evaluation, in *Instr) { repeat(e.result(in), e.read(in.Mem, 4)) }})

// OpPairBroadcast is the f32 at Mem in the low half of the lanes, the one at Mem2 in the high half.
var OpPairBroadcast = declare(Operation{Name: "pairbroadcast", Makes: []Elem{F32}, Mem: ReadsTwo,
	mean: func(e *evaluation, in *Instr) {
		lo, hi := halves(e.result(in))
		repeat(lo, e.read(in.Mem, 4))
		repeat(hi, e.read(in.Mem2, 4))
	}})

// OpLoadF16 is the f16 lanes at Mem, as f32.
var OpLoadF16 = declare(Operation{Name: "loadf16", Makes: []Elem{F32}, Mem: Reads, NaN: true,
	mean: func(e *evaluation, in *Instr) {
		from := e.read(in.Mem, 2*in.Dst.Type.Lanes)
		e.fillF32(in, func(l int) float32 { return fromF16(half(from, l)) })
	}})

// OpBcastF16 is the f16 at Mem as f32 in all lanes.
var OpBcastF16 = declare(Operation{Name: "bcastf16", Makes: []Elem{F32}, Mem: Reads, NaN: true,
	mean: func(e *evaluation, in *Instr) {
		x := fromF16(half(e.read(in.Mem, 2), 0))
		e.fillF32(in, func(int) float32 { return x })
	}})

// OpStrideF16 is the f16 at Mem, Mem+Imm, Mem+2*Imm ... as f32, 4 lanes; Imm >= 4. The first may be
// read with the 2 bytes after it.
var OpStrideF16 = declare(Operation{Name: "stridef16", Makes: []Elem{F32}, Mem: Reads, Count: Bytes, NaN: true,
	More: func(in *Instr) string {
		if in.Imm < 4 || in.Dst.Type.Lanes != 4 {
			return "4 numbers at least 4 bytes apart"
		}
		return ""
	},
	mean: func(e *evaluation, in *Instr) {
		e.read(in.Mem, 4)
		e.fillF32(in, func(l int) float32 { return fromF16(half(e.read(in.Mem.Plus(l*in.Imm), 2), 0)) })
	}})

// OpLoadBF16 is the bf16 lanes at Mem, as f32.
var OpLoadBF16 = declare(Operation{Name: "loadbf16", Makes: []Elem{F32}, Mem: Reads,
	mean: func(e *evaluation, in *Instr) {
		from := e.read(in.Mem, 2*in.Dst.Type.Lanes)
		e.fill32(in, func(l int) uint32 { return uint32(half(from, l)) << 16 })
	}})

// OpBcastBF16 is the bf16 at Mem as f32 in all lanes.
var OpBcastBF16 = declare(Operation{Name: "bcastbf16", Makes: []Elem{F32}, Mem: Reads,
	mean: func(e *evaluation, in *Instr) {
		x := uint32(half(e.read(in.Mem, 2), 0)) << 16
		e.fill32(in, func(int) uint32 { return x })
	}})

// OpBcastE8M0 is 2^(e-127) for the byte e at Mem, 2^-127 for e = 0, in all lanes.
var OpBcastE8M0 = declare(Operation{Name: "bcaste8m0", Makes: []Elem{F32}, Mem: Reads,
	mean: func(e *evaluation, in *Instr) {
		x := uint32(e.read(in.Mem, 1)[0]) << 23
		if x == 0 {
			x = 1 << 22
		}
		e.fill32(in, func(int) uint32 { return x })
	}})

// OpLoadDup is Imm bytes at Mem, repeated over the lanes.
var OpLoadDup = declare(Operation{Name: "loaddup", Makes: []Elem{I8}, Mem: Reads, Imm: []int{4, 8, 16, 32},
	mean: func(e *evaluation, in *Instr) { repeat(e.result(in), e.read(in.Mem, in.Imm)) }})

// OpLoadPair is 16 bytes at Mem in the low half, 16 bytes at Mem2 in the high half.
var OpLoadPair = declare(Operation{Name: "loadpair", Makes: []Elem{I8}, Mem: ReadsTwo,
	mean: func(e *evaluation, in *Instr) {
		lo, hi := halves(e.result(in))
		copy(lo, e.read(in.Mem, 16))
		copy(hi, e.read(in.Mem2, 16))
	}})

// OpLoadBytes is Imm bytes at Mem in each 16 bytes, zeros beyond Imm.
var OpLoadBytes = declare(Operation{Name: "loadbytes", Makes: []Elem{I8}, Mem: Reads, Imm: []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
	mean: func(e *evaluation, in *Instr) {
		part := make([]byte, 16)
		copy(part, e.read(in.Mem, in.Imm))
		repeat(e.result(in), part)
	}})

// OpWidenS8 is the signed bytes at Mem.
var OpWidenS8 = declare(Operation{Name: "widens8", Makes: []Elem{I32}, Mem: Reads,
	mean: func(e *evaluation, in *Instr) {
		from := e.read(in.Mem, in.Dst.Type.Lanes)
		e.fill32(in, func(l int) uint32 { return uint32(int8(from[l])) })
	}})

// OpWidenU8 is the unsigned bytes at Mem.
var OpWidenU8 = declare(Operation{Name: "widenu8", Makes: []Elem{I32}, Mem: Reads,
	mean: func(e *evaluation, in *Instr) {
		from := e.read(in.Mem, in.Dst.Type.Lanes)
		e.fill32(in, func(l int) uint32 { return uint32(from[l]) })
	}})

// OpGather is the words at Mem plus each of Const.
var OpGather = declare(Operation{Name: "gather", Makes: []Elem{I32}, Mem: Reads, Const: Distances,
	mean: func(e *evaluation, in *Instr) {
		e.fill32(in, func(l int) uint32 {
			off := int(int32(binary.LittleEndian.Uint32(in.Const[4*l:])))
			return binary.LittleEndian.Uint32(e.read(in.Mem.Plus(off), 4))
		})
	}})

// OpLevels is word Args[0] of the table at Mem.
var OpLevels = declare(Operation{Name: "levels", Args: []Arg{vec(I32)}, Makes: []Elem{F32}, Mem: Reads,
	mean: func(e *evaluation, in *Instr) {
		index := e.lanes(in.Args[0])
		e.fill32(in, func(l int) uint32 {
			return binary.LittleEndian.Uint32(e.read(in.Mem.Plus(4*int(int32(word(index, l)))), 4))
		})
	}})

// OpLevels8 is 8 bytes of the table at Mem, in two lanes: those that the first of the two in
// Args[0] selects.
var OpLevels8 = declare(Operation{Name: "levels8", Args: []Arg{vec(I32)}, Makes: []Elem{F32}, Mem: Reads,
	mean: func(e *evaluation, in *Instr) {
		index := e.lanes(in.Args[0])
		e.fill32(in, func(l int) uint32 {
			return binary.LittleEndian.Uint32(e.read(in.Mem.Plus(8*int(int32(word(index, l/2*2)))+4*(l%2)), 4))
		})
	}})

// OpLoadWhere is the lanes at Mem where the mask is set, else 0; only these are read.
var OpLoadWhere = declare(Operation{Name: "loadwhere", Args: []Arg{vec(I32).mask()}, Makes: []Elem{F32}, Mem: Reads,
	mean: func(e *evaluation, in *Instr) {
		set := e.lanes(in.Args[0])
		e.fill32(in, func(l int) uint32 {
			if word(set, l)>>31 == 0 {
				return 0
			}
			return binary.LittleEndian.Uint32(e.read(in.Mem.Plus(4*l), 4))
		})
	}})

// OpPrefetch says that the bytes at Mem are read soon: a hint, which may lie outside of what can be
// read.
var OpPrefetch = declare(Operation{Name: "prefetch", Mem: Hints, mean: func(*evaluation, *Instr) {}})

// Stores.

// OpStore is the lanes of Args[0] to Mem.
var OpStore = declare(Operation{Name: "store", Args: []Arg{vec(vectors...)}, Mem: Writes,
	mean: func(e *evaluation, in *Instr) { e.write(in.Mem, e.lanes(in.Args[0])) }})

// OpStoreLow is the first Imm bytes of Args[0] to Mem.
var OpStoreLow = declare(Operation{Name: "storelow", Args: []Arg{vec(vectors...)}, Mem: Writes, Imm: []int{4, 8, 16},
	mean: func(e *evaluation, in *Instr) { e.write(in.Mem, e.lanes(in.Args[0])[:in.Imm]) }})

// OpStoreWhere is the lanes of Args[0] to Mem where the mask Args[1] is set; only these are
// written.
var OpStoreWhere = declare(Operation{Name: "storewhere", Args: []Arg{vec(F32), vec(I32).mask()}, Mem: Writes,
	mean: func(e *evaluation, in *Instr) {
		x, set := e.lanes(in.Args[0]), e.lanes(in.Args[1])
		for l := range in.Args[0].Type.Lanes {
			if word(set, l)>>31 != 0 {
				e.write(in.Mem.Plus(4*l), x[4*l:4*l+4])
			}
		}
	}})

// OpStoreHalves is the low 2 bytes of all lanes of Args[0], one after the other.
var OpStoreHalves = declare(Operation{Name: "storehalves", Args: []Arg{vec(I32).within(0, math.MaxUint16)}, Mem: Writes, Lanes: Across,
	mean: func(e *evaluation, in *Instr) {
		x := e.lanes(in.Args[0])
		for l := range in.Args[0].Type.Lanes {
			e.write(in.Mem.Plus(2*l), x[4*l:4*l+2])
		}
	}})

// OpScatterHalf is the low 2 bytes of lane l of Args[0] to Mem + l*Imm.
var OpScatterHalf = declare(Operation{Name: "scatterhalf", Args: []Arg{vec(I32)}, Mem: Writes, Count: Bytes,
	mean: func(e *evaluation, in *Instr) { e.scatter(in, 2) }})

// OpScatterByte is the low byte of lane l of Args[0] to Mem + l*Imm.
var OpScatterByte = declare(Operation{Name: "scatterbyte", Args: []Arg{vec(I32)}, Mem: Writes, Count: Bytes,
	mean: func(e *evaluation, in *Instr) { e.scatter(in, 1) }})

// OpScatter is lane l of Args[0], Args[1] ... as one run of words to Mem + l*Imm.
var OpScatter = declare(Operation{Name: "scatter", Args: []Arg{vec(I32, F32).times(1, 2, 4).spent()}, Mem: Writes, Count: Bytes, Lanes: Across,
	mean: func(e *evaluation, in *Instr) { e.scatter(in, 4) }})

// scatter writes the low size bytes of each lane of each argument, a run for each lane.
func (e *evaluation) scatter(in *Instr, size int) {
	for l := range in.Args[0].Type.Lanes {
		for k, v := range in.Args {
			e.write(in.Mem.Plus(l*in.Imm+size*k), e.lanes(v)[4*l:4*l+size])
		}
	}
}

// OpHSum is the sum of the lanes of Args[0] to the f32 at Mem: halves are added until one lane is
// left.
var OpHSum = declare(Operation{Name: "hsum", Args: []Arg{vec(F32)}, Mem: Writes, Lanes: Across, NaN: true,
	mean: func(e *evaluation, in *Instr) {
		x := e.lanes(in.Args[0])
		sums := make([]float32, in.Args[0].Type.Lanes)
		for l := range sums {
			sums[l] = number(x, l)
		}
		for n := len(sums) / 2; n > 0; n /= 2 {
			for l := range n {
				sums[l] = sums[l] + sums[l+n]
			}
		}
		e.write(in.Mem, binary.LittleEndian.AppendUint32(nil, math.Float32bits(sums[0])))
	}})
