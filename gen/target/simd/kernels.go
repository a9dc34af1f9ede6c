package simd

import (
	"slices"

	"github.com/dave/jennifer/jen"
	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/lower"
	"github.com/kvgen/kvgen/gen/target"
)

// kernels generates all kernels of the type under one instruction set and names the
// functions that callers use.
func (f *file) kernels(isa *ISA) target.Kernels {
	t := f.t
	names := target.Kernels{Type: t.Name}
	fn := f.function(isa, "decodeUnits"+f.id, func(c lower.Caps, name string) *ir.Func { return lower.Decode(t, c, name) })
	if fn != nil {
		names.Decode = f.stubs.decode(t, fn, isa, f.unit(isa.Caps))
	}
	f.missing(&names, "Decode", names.Decode)
	tiles := f.tiles(isa, "matmul", f.id, 4, func(c lower.Caps, m int, name string) *ir.Func { return lower.Matmul(t, c, m, name) })
	if tiles != nil {
		names.Matmul = f.stubs.matmul(t, tiles, f.panels.gemmF32(isa), names.Decode, isa, f.unit(isa.Caps))
	}
	f.missing(&names, "Matmul", names.Matmul)
	tiles = f.tiles(isa, "matmulQ8", f.id, 4, func(c lower.Caps, m int, name string) *ir.Func {
		return lower.MatmulQ8(t, c, m, max(1, 64/t.Block), name)
	})
	// Activations are interleaved by the rows of a tile, so no tile can stand in for another.
	if tiles != nil && !slices.Contains(tiles, nil) {
		names.MatmulQ8 = f.stubs.matmulQ8(t, tiles, f.fours(isa), f.gemm(isa), isa)
	}
	f.missing(&names, "MatmulQ8", names.MatmulQ8)
	if isa == f.m.base() {
		names.Encode = f.encode(isa)
		f.missing(&names, "Encode", names.Encode)
	}
	if t.KV {
		names.Mix = f.mix(isa)
		f.missing(&names, "Mix", names.Mix)
		names.MixQ8 = f.mixQ8(isa)
		f.missing(&names, "MixQ8", names.MixQ8)
	}
	return names
}

// missing notes why a kernel is not there, when its function has no name.
func (f *file) missing(names *target.Kernels, kernel, name string) {
	if name != "" || f.why == "" {
		return
	}
	if names.Why == nil {
		names.Why = map[string]string{}
	}
	names.Why[kernel] = f.why
}

// encode generates the encoder of the type and the function that drives it; "" when the
// type has none or its statements have no vector form.
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
	f.stubs.f.Func().Id(name).Params(jen.Id("dst").Index().Byte(), jen.Id("src").Index().Float32()).Block(
		jen.Id("driveEncode").Call(jen.Id(fn.Name), jen.Lit(isa.Caps.Lanes), jen.Lit(f.t.Block), jen.Lit(f.t.Bytes), jen.Lit(scratch), jen.Id("dst"), jen.Id("src")))
	f.stubs.f.Line()
	return name
}

// mix generates the kernels that add weighted rows: on rows of levels where the type has
// these, else the tiles of the type itself.
func (f *file) mix(isa *ISA) string {
	levels := f.function(isa, "mixLevels"+f.id, func(c lower.Caps, name string) *ir.Func { return lower.Levels(f.t, c, name) })
	if levels != nil {
		return f.stubs.mixLevels(f.t, "mix", levels, f.panels.mixLevels(isa), isa)
	}
	return f.mixTiles(isa, "mix", false)
}

// mixQ8 is mix with rounded levels: on pairs of rows where the type has these.
func (f *file) mixQ8(isa *ISA) string {
	pairs := f.function(isa, "mixPairs"+f.id, func(c lower.Caps, name string) *ir.Func { return lower.Pairs(f.t, c, name) })
	if pairs != nil {
		place := f.function(isa, "mixPlace"+f.id, func(c lower.Caps, name string) *ir.Func { return lower.Place(f.t, c, name) })
		return f.stubs.mixPairs(f.t, "mixQ8", pairs, place, f.panels.mixPairs(isa), isa)
	}
	return f.mixTiles(isa, "mixQ8", true)
}

// mixTiles generates the tiles of a mix kernel: 12 sums fill the registers, so more than 3
// rows of o take fewer values at a time.
func (f *file) mixTiles(isa *ISA, kernel string, rounded bool) string {
	tiles := f.tiles(isa, kernel, f.id, 6, func(c lower.Caps, m int, name string) *ir.Func {
		return lower.Mix(f.t, c, m, min(4, 12/m), rounded, name)
	})
	if tiles == nil {
		return ""
	}
	return f.stubs.mix(f.t, kernel, tiles, isa, f.unit(isa.Caps))
}

// fours is the kernels for rows in fours.
type fours struct {
	tiles    []*ir.Func
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
func (f *file) unit(c lower.Caps) int {
	if f.t.Block == 1 {
		return c.Lanes
	}
	return f.t.Block
}
