package amd64

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/lower"
	"github.com/kvgen/kvgen/gen/spec"
	"github.com/kvgen/kvgen/gen/target"
	"github.com/kvgen/kvgen/gen/target/amd64/feature"
)

// Target is the x86-64 back end.
type Target struct{}

// Name is "amd64".
func (Target) Name() string { return "amd64" }

// Generate makes an assembly file and a Go file per type, each with the kernels of all instruction sets.
func (Target) Generate(set *spec.Set) (*target.Output, error) {
	out := &target.Output{Files: map[string][]byte{}}
	for _, isa := range ISAs {
		out.ISAs = append(out.ISAs, target.ISA{Name: isa.Name, Arch: "amd64", Needs: isa.Needs})
	}
	panels := newPanels()
	for _, t := range set.Types {
		f := newFile(t)
		f.panels = panels
		for i, isa := range ISAs {
			out.ISAs[i].Types = append(out.ISAs[i].Types, f.kernels(isa))
		}
		if err := f.finish(out.Files, t.File, target.TypeFile(t.Name)); err != nil {
			return nil, err
		}
	}
	if err := panels.finish(out.Files, "", target.SharedFile("gemm")); err != nil {
		return nil, err
	}
	return out, shared(set, out)
}

// shared adds the kernels that the lowest instruction set has for all of them.
func shared(set *spec.Set, out *target.Output) error {
	least := &out.ISAs[len(ISAs)-1]
	for _, t := range set.Transforms {
		names, err := transformFile(t, base(), out.Files)
		if err != nil {
			return err
		}
		least.Transforms = append(least.Transforms, names)
	}
	var err error
	if least.QuantiseAct, err = quantiseFile(base(), out.Files); err != nil {
		return err
	}
	least.Vectors, err = vectorsFile(base(), out.Files)
	return err
}

// file collects what belongs to one type.
type file struct {
	t     *spec.Type
	id    string
	pool  *pool
	text  []string
	stubs *stubs

	panels *panels // the kernels that serve all types with one form of records
	why    string  // the last kernel of the type was not made; "" when it was
}

func newFile(t *spec.Type) *file {
	id := target.Ident(t.Name)
	return &file{t: t, id: id, pool: newPool(strings.ToLower(t.Name)), stubs: newStubs(t.File)}
}

// kernels generates all kernels of the type under one instruction set and names the
// functions that callers use.
func (f *file) kernels(isa ISA) target.Kernels {
	names := target.Kernels{Type: f.t.Name}
	caps := lower.Caps{Lanes: isa.Lanes, Dot4: isa.VNNI}
	if fn := f.function(isa, func() *ir.Func { return lower.Decode(f.t, caps, "decodeUnits"+f.id+isa.Suffix) }); fn != nil {
		names.Decode = f.stubs.decode(f.t, fn, isa, f.unit(caps))
	}
	f.missing(&names, "Decode", names.Decode)
	if tiles := f.tiles(isa, func(m int, name string) *ir.Func { return lower.Matmul(f.t, caps, m, name) }, "matmul", f.id, 4); tiles != nil {
		names.Matmul = f.stubs.matmul(f.t, tiles, f.panels.gemmF32(isa, caps), names.Decode, isa, f.unit(caps))
	}
	f.missing(&names, "Matmul", names.Matmul)
	if tiles := f.tiles(isa, func(m int, name string) *ir.Func {
		return lower.MatmulQ8(f.t, caps, m, max(1, 64/f.t.Block), name)
	}, "matmulQ8", f.id, 4); tiles != nil {
		// Activations are interleaved by the rows of a tile, so no tile can stand in for another.
		if !slices.Contains(tiles, nil) {
			names.MatmulQ8 = f.stubs.matmulQ8(f.t, tiles, f.fours(isa, caps), f.gemm(isa, caps), isa)
		}
	}
	f.missing(&names, "MatmulQ8", names.MatmulQ8)
	if isa.Name == base().Name {
		names.Encode = f.encode(isa)
		f.missing(&names, "Encode", names.Encode)
	}
	if f.t.KV {
		names.Mix = f.mix(isa, caps, "mix", false)
		f.missing(&names, "Mix", names.Mix)
		names.MixQ8 = f.mix(isa, caps, "mixQ8", true)
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

// mix generates the tiles of a mix kernel: 12 sums fill the registers, so more than 3
// rows of o take fewer values at a time.
func (f *file) mix(isa ISA, caps lower.Caps, kernel string, rounded bool) string {
	if rounded {
		if pairs := f.function(isa, func() *ir.Func { return lower.Pairs(f.t, caps, "mixPairs"+f.id+isa.Suffix) }); pairs != nil {
			place := f.function(isa, func() *ir.Func { return lower.Place(f.t, caps, "mixPlace"+f.id+isa.Suffix) })
			return f.stubs.mixPairs(f.t, kernel, pairs, place, f.panels.mixPairs(isa, caps), isa)
		}
	} else if levels := f.function(isa, func() *ir.Func { return lower.Levels(f.t, caps, "mixLevels"+f.id+isa.Suffix) }); levels != nil {
		return f.stubs.mixLevels(f.t, kernel, levels, f.panels.mixLevels(isa, caps), isa)
	}
	tiles := f.tiles(isa, func(m int, name string) *ir.Func {
		return lower.Mix(f.t, caps, m, min(4, 12/m), rounded, name)
	}, kernel, f.id, 6)
	if tiles == nil {
		return ""
	}
	return f.stubs.mix(f.t, kernel, tiles, isa, f.unit(caps))
}

// fours generates the kernels that take rows in fours: the form for rows of one block
// where the type has it, else the one for any rows.
func (f *file) fours(isa ISA, caps lower.Caps) fours {
	one := f.tiles(isa, func(m int, name string) *ir.Func { return lower.MatmulQ8Block(f.t, caps, m, name) }, "matmulQ8Block", f.id, 4)
	if one != nil && !slices.Contains(one, nil) {
		return fours{one, true}
	}
	any := f.tiles(isa, func(m int, name string) *ir.Func {
		return lower.MatmulQ8Fours(f.t, caps, m, max(1, 64/f.t.Block), name)
	}, "matmulQ8Fours", f.id, 4)
	if slices.Contains(any, nil) {
		any = nil
	}
	return fours{any, false}
}

// fours is the kernels for rows in fours.
type fours struct {
	tiles    []*ir.Func
	oneBlock bool // rows are one block
}

// unit is the number of values of a loop turn.
func (f *file) unit(c lower.Caps) int {
	if f.t.Block == 1 {
		return c.Lanes
	}
	return f.t.Block
}

// tiles generates a kernel for m = 1..most rows; an entry that does not fit the
// registers stays empty, and its work is done by smaller ones.
func (f *file) tiles(isa ISA, build func(m int, name string) *ir.Func, kernel, id string, most int) []*ir.Func {
	tiles := make([]*ir.Func, most)
	for m := 1; m <= most; m++ {
		name := fmt.Sprintf("%s%dx%s%s", kernel, m, id, isa.Suffix)
		tiles[m-1] = f.function(isa, func() *ir.Func { return build(m, name) })
	}
	if tiles[0] == nil {
		return nil
	}
	return tiles
}

// function selects instructions and registers and keeps the text, or returns nil when
// the type has no such kernel or the kernel does not fit the registers.
func (f *file) function(isa ISA, build func() *ir.Func) *ir.Func {
	fn, why := lower.Try(build)
	if f.why = why; why != "" {
		return nil
	}
	a, err := assemble(fn, isa, f.pool)
	if err != nil {
		f.why = err.Error()
		return nil
	}
	a.Requires = feature.Required(a.Text(machine()))
	for _, name := range a.Requires {
		if !slices.Contains(isa.Requires, name) && name != "AVX" { // every set of the list has AVX
			panic(fmt.Sprintf("amd64: %s needs %s, which %s does not promise\n%s", fn.Name, name, isa.Name, a.Text(machine())))
		}
	}
	f.text = append(f.text, a.Text(machine()))
	f.stubs.declare(fn, a.Requires)
	return fn
}

// finish adds two files whose paths begin so: assembly and the Go beside it.
func (f *file) finish(files map[string][]byte, from, path string) error {
	if len(f.text) == 0 {
		return nil
	}
	base := path + "_amd64"
	text := target.Header(from) + "\n\n//go:build !noasm\n\n#include \"textflag.h\"\n\n" + f.pool.text() + strings.Join(f.text, "\n")
	files[base+".s"] = []byte(text)
	code, err := f.stubs.render()
	if err != nil {
		return fmt.Errorf("%s.go: %w", base, err)
	}
	files[base+".go"] = code
	return nil
}
