package simd

import (
	"fmt"
	"slices"

	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/lower"
)

// gemm is what a type needs to multiply many rows of activations.
type gemm struct {
	unpack *kernel
	kernel *kernel // for its form of records
	record int     // bytes
}

// panels is the file of the kernels on unpacked rows: one for each form of records and
// instruction set, made when the first type asks for it.
type panels struct {
	*file
	written map[string]bool // tables
}

func newPanels(m *Machine) *panels {
	return &panels{file: newFile(m, "", "gemm"), written: map[string]bool{}}
}

// table is the name of a table of functions under an instruction set, and the set whose
// table it is: a later one where no function differs. write declares it.
func (p *panels) table(isa *ISA, stem string, make func(isa *ISA) []*kernel, write func(isa *ISA, name string, list []*kernel)) (string, *ISA) {
	list := make(isa)
	for !own(isa, list...) {
		isa = p.m.after(isa)
		list = make(isa)
	}
	name := stem + isa.Suffix
	if !p.written[name] {
		p.written[name] = true
		write(isa, name, list)
	}
	return name, isa
}

// gemmF32 generates the kernels on decoded rows and names their table.
func (p *panels) gemmF32(isa *ISA) (string, *ISA) {
	return p.table(isa, "gemmF32Tiles", func(isa *ISA) []*kernel { return p.tiles(isa, "gemm", "F32", 3, lower.GemmF32) },
		func(isa *ISA, name string, tiles []*kernel) { p.stubs.variable(isa, name, "gemmF32Tiles", tiles) })
}

// mixLevels generates the kernels that add rows of bytes and names their table.
func (p *panels) mixLevels(isa *ISA) (string, *ISA) {
	return p.table(isa, "mixLevelsTiles", func(isa *ISA) []*kernel {
		tiles := p.tiles(isa, "mixLevels", "", 6, lower.MixLevels)
		if slices.Contains(tiles, nil) {
			panic(p.m.Name + ": a kernel on rows of bytes does not fit the registers")
		}
		return tiles
	}, func(isa *ISA, name string, tiles []*kernel) { p.stubs.variable(isa, name, "mixLevelsTiles", tiles) })
}

// mixPairs generates the kernels that add pairs of rows of bytes and the one that rounds their weights, and names
// their table.
func (p *panels) mixPairs(isa *ISA) (string, *ISA) {
	return p.table(isa, "mixPairsParts", func(isa *ISA) []*kernel {
		weights := p.function(isa, "mixWeights", lower.MixWeights)
		tiles := p.tiles(isa, "mixPairs", "", 6, lower.MixPairs)
		if weights == nil || slices.Contains(tiles, nil) {
			panic(p.m.Name + ": a kernel on pairs of rows of bytes does not fit the registers: " + p.why)
		}
		return append(tiles, weights)
	}, func(isa *ISA, name string, list []*kernel) {
		weights := len(list) - 1
		p.stubs.mixPairsParts(isa, name, list[weights], list[:weights])
	})
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
	kernel := f.panels.must(isa, "gemm"+form(p), func(c lower.Caps, name string) *ir.Func { return lower.Gemm(p, c, name) })
	return gemm{unpack, kernel, p.Bytes}
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
