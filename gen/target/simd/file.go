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
	text  map[*ISA][]string
	made  map[string]*compiled
	stubs *stubs
	why   string // the last kernel was not made; "" when it was

	t      *spec.Type
	panels *panels // the kernels that serve all types with one form of records
}

// newFile starts a file for what name names in the spec's file from.
func newFile(m *Machine, from, name string) *file {
	f := &file{m: m, pool: newPool(strings.ToLower(name)), stubs: newStubs(m, from), text: map[*ISA][]string{}, made: map[string]*compiled{}}
	if from != "" {
		f.id = target.Ident(name)
	}
	return f
}

// build makes a kernel of that name for a machine of such capabilities.
type build func(c lower.Caps, name string) *ir.Func

// kernel is a function of the file.
type kernel struct {
	*ir.Func
	isa *ISA // whose text it is: the one that was asked for, or a later one with the same text
}

// compiled is a function that the file may get.
type compiled struct {
	fn       *ir.Func
	requires []string
	text     string
	why      string // there is none; "" when there is one
	emitted  bool
}

// function selects instructions and registers and keeps the text, or returns nil when
// the type has no such kernel or the kernel does not fit the registers. Its name is
// stem and the suffix of the instruction set. Where the next instruction set has the
// same text, the function is the one of that.
func (f *file) function(isa *ISA, stem string, build build) *kernel {
	c := f.compile(isa, stem, build)
	if f.why = c.why; c.why != "" {
		return nil
	}
	if next := f.m.after(isa); next != nil {
		n := f.compile(next, stem, build)
		if n.why == "" && strings.ReplaceAll(c.text, stem+isa.Suffix, stem+next.Suffix) == n.text {
			return f.function(next, stem, build)
		}
	}
	if !c.emitted {
		c.emitted = true
		for _, feature := range c.requires {
			if !isa.Has(feature) {
				panic(fmt.Sprintf("%s: %s needs %s, which %s does not promise\n%s", f.m.Name, c.fn.Name, feature, isa.Name, c.text))
			}
		}
		f.text[isa] = append(f.text[isa], c.text)
		f.stubs.declare(isa, c.fn, c.requires)
	}
	return &kernel{c.fn, isa}
}

// compile makes a function of the file, once.
func (f *file) compile(isa *ISA, stem string, build build) *compiled {
	name := stem + isa.Suffix
	if c := f.made[name]; c != nil {
		return c
	}
	c := &compiled{}
	f.made[name] = c
	if c.fn, c.why = lower.Try(func() *ir.Func { return build(isa.Caps, name) }); c.why != "" {
		return c
	}
	fn := c.fn
	if f.m.Width < ir.VectorBytes {
		// Halving may take it beyond the number of operations that a kernel may have.
		if fn, c.why = lower.Try(func() *ir.Func { return ir.Halve(c.fn) }); c.why != "" {
			return c
		}
	}
	a, err := assemble(f.m, isa, fn, f.pool)
	if err != nil {
		c.why = err.Error()
		return c
	}
	body := a.Body(f.m.Syntax)
	c.requires = f.m.Features(body)
	a.Requires = c.requires
	c.text = a.Head() + body
	return c
}

// own reports whether one of the functions is of the instruction set itself.
func own(isa *ISA, list ...*kernel) bool {
	return slices.ContainsFunc(list, func(k *kernel) bool { return k != nil && k.isa == isa })
}

// tileStem is the name of a tile of m rows, less that of its instruction set.
func tileStem(stem string, m int, id string) string { return fmt.Sprintf("%s%dx%s", stem, m, id) }

// tiles generates a kernel for m = 1..most rows; an entry that does not fit the
// registers stays empty, and its work is done by smaller ones.
func (f *file) tiles(isa *ISA, stem, id string, most int, build func(c lower.Caps, m int, name string) *ir.Func) []*kernel {
	tiles := make([]*kernel, most)
	for m := 1; m <= most; m++ {
		tiles[m-1] = f.function(isa, tileStem(stem, m, id), func(c lower.Caps, name string) *ir.Func { return build(c, m, name) })
	}
	if tiles[0] == nil {
		return nil
	}
	return tiles
}

// finish adds two files whose paths begin so: assembly and the Go beside it.
func (f *file) finish(files map[string][]byte, from, path string) error {
	var functions []string
	for k := range f.m.ISAs {
		functions = append(functions, f.text[&f.m.ISAs[k]]...)
	}
	if len(functions) == 0 {
		return nil
	}
	base := path + "_" + f.m.Name
	text := target.Header(from) + "\n\n//go:build !noasm\n\n#include \"textflag.h\"\n\n" + f.pool.text() + strings.Join(functions, "\n")
	files[base+".s"] = []byte(text)
	code, err := f.stubs.render()
	if err != nil {
		return fmt.Errorf("%s.go: %w", base, err)
	}
	files[base+".go"] = code
	return nil
}
