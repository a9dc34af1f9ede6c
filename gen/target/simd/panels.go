package simd

import (
	"fmt"

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

// table is the name of a table of functions under an instruction set, and the set whose table it
// is: a later one where no function differs; "" where a function is missing. write declares it.
func (p *panels) table(isa *ISA, stem string, make func(isa *ISA) []*kernel, write func(isa *ISA, name string, list []*kernel)) (string, *ISA) {
	list := make(isa)
	if list == nil {
		return "", nil
	}
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

// whole is tiles where none is missing.
func (p *panels) whole(isa *ISA, stem, id string, most int, build func(c lower.Caps, m int, name string) *ir.Func) []*kernel {
	for m := 1; m <= most; m++ {
		if p.compile(isa, tileStem(stem, m, id), func(c lower.Caps, name string) *ir.Func { return build(c, m, name) }).why != "" {
			return nil
		}
	}
	return p.tiles(isa, stem, id, most, build)
}

// gemmF32 generates the kernels on decoded rows and names their table.
func (p *panels) gemmF32(isa *ISA) (string, *ISA) {
	return p.table(isa, "gemmF32Tiles", func(isa *ISA) []*kernel { return p.whole(isa, "gemm", "F32", 3, lower.GemmF32) },
		func(isa *ISA, name string, tiles []*kernel) { p.stubs.variable(isa, name, "gemmF32Tiles", tiles) })
}

// mixLevels generates the kernels that add rows of bytes and names their table.
func (p *panels) mixLevels(isa *ISA) (string, *ISA) {
	return p.table(isa, "mixLevelsTiles", func(isa *ISA) []*kernel {
		return p.whole(isa, "mixLevels", "", 6, lower.MixLevels)
	}, func(isa *ISA, name string, tiles []*kernel) { p.stubs.variable(isa, name, "mixLevelsTiles", tiles) })
}

// mixPairs generates the kernels that add pairs of rows of bytes and the one that rounds their
// weights, and names their table.
func (p *panels) mixPairs(isa *ISA) (string, *ISA) {
	return p.table(isa, "mixPairsParts", func(isa *ISA) []*kernel {
		tiles := p.whole(isa, "mixPairs", "", 6, lower.MixPairs)
		if weights := p.function(isa, "mixWeights", lower.MixWeights); tiles != nil && weights != nil {
			return append(tiles, weights)
		}
		return nil
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
	kernel := f.panels.function(isa, "gemm"+form(p), func(c lower.Caps, name string) *ir.Func { return lower.Gemm(p, c, name) })
	if kernel == nil {
		return gemm{}
	}
	unpack := f.function(isa, "unpack"+f.id, func(c lower.Caps, name string) *ir.Func { return lower.Unpack(f.t, c, name) })
	if unpack == nil {
		return gemm{}
	}
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
