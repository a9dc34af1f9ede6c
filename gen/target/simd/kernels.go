package simd

import (
	"slices"

	"github.com/dave/jennifer/jen"

	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/lower"
	"github.com/kvgen/kvgen/gen/target"
)

// kernels generates all kernels of the type under one instruction set and names the
// functions that callers use: "" where none of its parts differs from the next set's.
func (f *file) kernels(isa *ISA) target.Kernels {
	t := f.t
	names := target.NewKernels(t)
	decode := f.decode(isa)
	if own(isa, decode) {
		names.Set("Decode", f.stubs.decode(t, decode, isa, f.unit()))
	}
	f.missing(&names, "Decode", decode != nil)
	tiles := f.tiles(isa, "matmul", f.id, 4, func(c lower.Caps, m int, name string) *ir.Func { return lower.Matmul(t, c, m, name) })
	f.missing(&names, "Matmul", tiles != nil)
	if tiles != nil {
		gemm, owner := f.panels.gemmF32(isa)
		if own(isa, append(tiles, decode)...) || owner == isa {
			names.Set("Matmul", f.stubs.matmul(t, tiles, gemm, decode, isa, f.unit()))
		}
	}
	names.Set("MatmulQ8", f.matmulQ8(isa, &names))
	if isa == f.m.base() {
		encode := f.encode(isa)
		names.Set("Encode", encode)
		f.missing(&names, "Encode", encode != "")
	}
	if t.KV {
		names.Set("Mix", f.mix(isa, &names))
		names.Set("MixQ8", f.mixQ8(isa, &names))
	}
	return names
}

// missing notes why a kernel is not there.
func (f *file) missing(names *target.Kernels, kernel string, made bool) {
	if !made && f.why != "" {
		names.Why[kernel] = f.why
	}
}

// decode generates the decoder of the type.
func (f *file) decode(isa *ISA) *kernel {
	return f.function(isa, "decodeUnits"+f.id, func(c lower.Caps, name string) *ir.Func { return lower.Decode(f.t, c, name) })
}

// matmulQ8 generates the kernels on int8 activations.
func (f *file) matmulQ8(isa *ISA, names *target.Kernels) string {
	tiles := f.tiles(isa, "matmulQ8", f.id, 4, func(c lower.Caps, m int, name string) *ir.Func {
		return lower.MatmulQ8(f.t, c, m, max(1, 64/f.t.Block), name)
	})
	// Activations are interleaved by the rows of a tile, so no tile can stand in for another.
	made := tiles != nil && !slices.Contains(tiles, nil)
	if f.missing(names, "MatmulQ8", made); !made {
		return ""
	}
	rows, g := f.fours(isa), f.gemm(isa)
	if !own(isa, append(append(tiles, rows.tiles...), g.unpack, g.kernel)...) {
		return ""
	}
	return f.stubs.matmulQ8(f.t, tiles, rows, g, isa)
}

// encode generates the encoder of the type and the function that drives it; "" when the type has
// none or its statements have no vector form. The set is the last one, so that no other has
// compiled the kernel before, and scratch is known.
func (f *file) encode(isa *ISA) string {
	scratch := 0
	fn := f.function(isa, "encodeGroups"+f.id, func(c lower.Caps, name string) (fn *ir.Func) {
		fn, scratch = lower.Encode(f.t, c, name)
		return fn
	})
	if fn == nil {
		return ""
	}
	name := "encode" + f.id + isa.Suffix
	params, _ := target.Params("Encode", false)
	f.stubs.add(isa, jen.Func().Id(name).Params(params...).Block(
		jen.Id("driveEncode").Call(jen.Id(fn.Name), jen.Lit(ir.VectorLanes), jen.Lit(f.t.Block), jen.Lit(f.t.Bytes), jen.Lit(scratch), jen.Id("dst"), jen.Id("src"))))
	return name
}

// mix generates the kernels that add weighted rows: on rows of levels where the type has
// these, else the tiles of the type itself.
func (f *file) mix(isa *ISA, names *target.Kernels) string {
	levels := f.function(isa, "mixLevels"+f.id, func(c lower.Caps, name string) *ir.Func { return lower.Levels(f.t, c, name) })
	tiles, owner := "", (*ISA)(nil)
	if levels != nil {
		tiles, owner = f.panels.mixLevels(isa)
	}
	if tiles == "" {
		return f.mixTiles(isa, "mix", false, names, "Mix")
	}
	if !own(isa, levels) && owner != isa {
		return ""
	}
	return f.stubs.mixLevels(f.t, "mix", levels, tiles, isa)
}

// mixQ8 is mix with rounded levels: on pairs of rows where the type has these.
func (f *file) mixQ8(isa *ISA, names *target.Kernels) string {
	pairs := f.function(isa, "mixPairs"+f.id, func(c lower.Caps, name string) *ir.Func { return lower.Pairs(f.t, c, name) })
	parts, owner := "", (*ISA)(nil)
	if pairs != nil {
		parts, owner = f.panels.mixPairs(isa)
	}
	if parts == "" {
		return f.mixTiles(isa, "mixQ8", true, names, "MixQ8")
	}
	place := f.function(isa, "mixPlace"+f.id, func(c lower.Caps, name string) *ir.Func { return lower.Place(f.t, c, name) })
	if !own(isa, pairs, place) && owner != isa {
		return ""
	}
	return f.stubs.mixPairs(f.t, "mixQ8", pairs, place, parts, isa)
}

// mixTiles generates the tiles of a mix kernel.
func (f *file) mixTiles(isa *ISA, stem string, rounded bool, names *target.Kernels, field string) string {
	tiles := f.tiles(isa, stem, f.id, 6, func(c lower.Caps, m int, name string) *ir.Func {
		return lower.Mix(f.t, c, m, rounded, name)
	})
	f.missing(names, field, tiles != nil)
	if !own(isa, tiles...) {
		return ""
	}
	return f.stubs.mix(f.t, stem, tiles, isa, f.unit())
}

// fours is the kernels for rows in fours.
type fours struct {
	tiles    []*kernel
	oneBlock bool // rows are one block
}

// fours generates the kernels that take rows in fours: the form for rows of one block
// where the type has it, else the one for any rows.
func (f *file) fours(isa *ISA) fours {
	one := f.tiles(isa, "matmulQ8Block", f.id, 4, func(c lower.Caps, m int, name string) *ir.Func { return lower.MatmulQ8Block(f.t, c, m, name) })
	if one != nil && !slices.Contains(one, nil) {
		return fours{one, true}
	}
	tiles := f.tiles(isa, "matmulQ8Fours", f.id, 4, func(c lower.Caps, m int, name string) *ir.Func {
		return lower.MatmulQ8Fours(f.t, c, m, max(1, 64/f.t.Block), name)
	})
	if slices.Contains(tiles, nil) {
		tiles = nil
	}
	return fours{tiles, false}
}

// unit is the number of values of a loop turn.
func (f *file) unit() int {
	if f.t.Block == 1 {
		return ir.VectorLanes
	}
	return f.t.Block
}
