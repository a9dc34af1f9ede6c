package simd

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/lower"
	"github.com/kvgen/kvgen/gen/spec"
	"github.com/kvgen/kvgen/gen/target"
)

// file collects what belongs to one type, one transform or all of them: an assembly file
// and the Go file beside it.
type file struct {
	m     *Machine
	id    string // in names of functions
	pool  *pool
	text  []string
	stubs *stubs
	why   string // the last kernel was not made; "" when it was

	t      *spec.Type
	panels *panels // the kernels that serve all types with one form of records
}

// newFile starts a file for what name names in the spec's file from.
func newFile(m *Machine, from, name string) *file {
	f := &file{m: m, pool: newPool(strings.ToLower(name)), stubs: newStubs(m, from)}
	if from != "" {
		f.id = target.Ident(name)
	}
	return f
}

// build makes a kernel of that name for a machine of such capabilities.
type build func(c lower.Caps, name string) *ir.Func

// function selects instructions and registers and keeps the text, or returns nil when
// the type has no such kernel or the kernel does not fit the registers. Its name is
// stem and the suffix of the instruction set.
func (f *file) function(isa *ISA, stem string, build build) *ir.Func {
	fn, why := lower.Try(func() *ir.Func { return build(isa.Caps, stem+isa.Suffix) })
	if f.why = why; why != "" {
		return nil
	}
	a, err := assemble(f.m, isa, fn, f.pool)
	if err != nil {
		f.why = err.Error()
		return nil
	}
	a.Requires = f.m.Features(a.Text(f.m.Syntax))
	text := a.Text(f.m.Syntax)
	for _, name := range a.Requires {
		if !isa.Has(name) && !slices.Contains(isa.Implied, name) {
			panic(fmt.Sprintf("%s: %s needs %s, which %s does not promise\n%s", f.m.Name, fn.Name, name, isa.Name, text))
		}
	}
	f.text = append(f.text, text)
	f.stubs.declare(fn, a.Requires)
	return fn
}

// must is function for a kernel that every machine has.
func (f *file) must(isa *ISA, stem string, build build) *ir.Func {
	fn := f.function(isa, stem, build)
	if fn == nil {
		panic(fmt.Sprintf("%s: %s%s: %s", f.m.Name, stem, isa.Suffix, f.why))
	}
	return fn
}

// tiles generates a kernel for m = 1..most rows; an entry that does not fit the
// registers stays empty, and its work is done by smaller ones.
func (f *file) tiles(isa *ISA, kernel, id string, most int, build func(c lower.Caps, m int, name string) *ir.Func) []*ir.Func {
	tiles := make([]*ir.Func, most)
	for m := 1; m <= most; m++ {
		tiles[m-1] = f.function(isa, fmt.Sprintf("%s%dx%s", kernel, m, id), func(c lower.Caps, name string) *ir.Func { return build(c, m, name) })
	}
	if tiles[0] == nil {
		return nil
	}
	return tiles
}

// finish adds two files whose paths begin so: assembly and the Go beside it.
func (f *file) finish(files map[string][]byte, from, path string) error {
	if len(f.text) == 0 {
		return nil
	}
	base := path + "_" + f.m.Name
	text := target.Header(from) + "\n\n//go:build !noasm\n\n#include \"textflag.h\"\n\n" + f.pool.text() + strings.Join(f.text, "\n")
	files[base+".s"] = []byte(text)
	code, err := f.stubs.render()
	if err != nil {
		return fmt.Errorf("%s.go: %w", base, err)
	}
	files[base+".go"] = code
	return nil
}
