package simd

import (
	"fmt"
	"slices"

	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/lower"
)

// gemm is what a type needs to multiply many rows of activations.
type gemm struct {
	unpack *ir.Func
	kernel string // name of the function for its form of records
	record int    // bytes
}

// panels is the file of the kernels on unpacked rows: one for each form of records and
// instruction set, made when the first type asks for it.
type panels struct {
	*file
	made map[string]bool
}

func newPanels(m *Machine) *panels {
	return &panels{file: newFile(m, "", "gemm"), made: map[string]bool{}}
}

// gemmF32 generates the kernels on decoded rows and returns the name of their table.
func (p *panels) gemmF32(isa *ISA) string {
	table := "gemmF32Tiles" + isa.Suffix
	if !p.made[table] {
		p.made[table] = true
		tiles := p.tiles(isa, "gemm", "F32", 3, lower.GemmF32)
		p.stubs.variable(table, "gemmF32Tiles", tiles)
	}
	return table
}

// mixLevels generates the kernels that add rows of bytes and returns the name of their table.
func (p *panels) mixLevels(isa *ISA) string {
	table := "mixLevelsTiles" + isa.Suffix
	if !p.made[table] {
		p.made[table] = true
		tiles := p.tiles(isa, "mixLevels", "", 6, lower.MixLevels)
		if slices.Contains(tiles, nil) {
			panic(p.m.Name + ": a kernel on rows of bytes does not fit the registers")
		}
		p.stubs.variable(table, "mixLevelsTiles", tiles)
	}
	return table
}

// mixPairs generates the kernels that add pairs of rows of bytes and the one that rounds their weights, and returns the
// name of their table.
func (p *panels) mixPairs(isa *ISA) string {
	table := "mixPairsParts" + isa.Suffix
	if !p.made[table] {
		p.made[table] = true
		weights := p.function(isa, "mixWeights", lower.MixWeights)
		tiles := p.tiles(isa, "mixPairs", "", 6, lower.MixPairs)
		if weights == nil || slices.Contains(tiles, nil) {
			panic(p.m.Name + ": a kernel on pairs of rows of bytes does not fit the registers: " + p.why)
		}
		p.stubs.mixPairsParts(table, weights, tiles)
	}
	return table
}

// gemm generates the unpacker of the type, and the kernel for its records.
func (f *file) gemm(isa *ISA) gemm {
	p, ok := lower.PanelOf(f.t)
	if !ok {
		return gemm{}
	}
	unpack := f.function(isa, "unpack"+f.id, func(c lower.Caps, name string) *ir.Func { return lower.Unpack(f.t, c, name) })
	if unpack == nil {
		return gemm{}
	}
	name := "gemm" + form(p) + isa.Suffix
	if !f.panels.made[name] {
		f.panels.made[name] = true
		f.panels.must(isa, "gemm"+form(p), func(c lower.Caps, name string) *ir.Func { return lower.Gemm(p, c, name) })
	}
	return gemm{unpack, name, p.Bytes}
}

// form names a form of records: signed levels, or unsigned ones of some bits; a scale
// for each half; with mins.
func form(p lower.Panel) string {
	name := "Signed"
	if !p.Signed {
		name = fmt.Sprintf("Unsigned%d", p.Bits)
	}
	if p.Halves {
		name += "Halves"
	}
	if p.Min {
		name += "Min"
	}
	return name
}
