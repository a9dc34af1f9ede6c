package cuda

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/kernels/cuda"
)

// Side is one side of a layer's cache.
type Side struct {
	Type     *kernels.Type
	Rotation *kernels.Rotation // nil for none
	Dim      int               // values of a head
}

// row is the number of values that device memory holds of a head: whole fragments of the tensor cores.
func (s Side) row() int { return (s.Type.HeadDim(s.Dim) + 15) / 16 * 16 }

// Texts finds the struct of a type or transform: type-NAME.cuh, transform-NAME.cuh. It is how a type that was compiled at run time
// joins those of the table.
type Texts func(name string) (text string, ok bool)

// Generated is the Texts of the table.
func Generated(name string) (string, bool) {
	text, err := fs.ReadFile(cuda.Files, name)
	return string(text), err == nil
}

// Source is a program for NVRTC: a main text and the headers that it includes, by name.
type Source struct {
	Name    string // for messages: attend-lm4_128-f16-128-128
	Main    string
	Headers map[string]string
	Options []string // but for the architecture
}

// builder collects what one program includes.
type builder struct {
	find    Texts
	headers map[string]string
	main    strings.Builder
}

func newBuilder(find Texts) (*builder, error) {
	b := &builder{find: find, headers: map[string]string{}}
	frames, err := fs.Glob(cuda.Files, "*.cu*")
	if err != nil {
		return nil, err
	}
	for _, name := range frames {
		if strings.Contains(name, "-") {
			continue
		}
		text, _ := Generated(name)
		b.headers[name] = text
	}
	b.include("numeric.cuh")
	return b, nil
}

func (b *builder) include(name string) { fmt.Fprintf(&b.main, "#include %q\n", name) }

// add includes the struct called name, once.
func (b *builder) add(kind, name string) error {
	file := kind + "-" + name + ".cuh"
	if _, done := b.headers[file]; done {
		return nil
	}
	text, ok := b.find(file)
	if !ok {
		return fmt.Errorf("cuda: there is no kernel text for the %s %s", kind, name)
	}
	b.headers[file] = text
	b.include(file)
	return nil
}

// side includes what a side needs and names its type and rotation.
func (b *builder) side(s Side, typ, rotation string) error {
	if d := s.Type.Domain; d != nil {
		if err := b.add("transform", d.Name); err != nil {
			return err
		}
	}
	if err := b.add("type", s.Type.Name); err != nil {
		return err
	}
	fmt.Fprintf(&b.main, "using %s = %s;\n", typ, cuda.Ident(s.Type.Name))
	if s.Rotation == nil {
		fmt.Fprintf(&b.main, "using %s = Identity;\n", rotation)
		return nil
	}
	t := s.Rotation.Transform.Name
	if err := b.add("transform", t); err != nil {
		return err
	}
	fmt.Fprintf(&b.main, "using %s = %s;\n", rotation, cuda.Ident(t))
	return nil
}

func (b *builder) define(name string, value any) {
	fmt.Fprintf(&b.main, "#define %s %v\n", name, value)
}

// Attention is the shape of the attention kernel of one layer.
type Attention struct {
	Key, Value Side
	SoftCap    bool // scores are capped
	Fast       bool // levels of a byte, also where that rounds a table of floats
	Warps      int  // of a block; 0 for the default
	Blocks     int  // that a multiprocessor should hold; 0 for the default
	Tiles      int  // of 32 rows that a warp takes at a time, 1 or 2; 0 for the default
	Rows       int  // query rows that share what is read and unpacked, 4, 8 or 16; 0 for the default
}

// slice is how many values of a head one warp sums: what its registers hold, in whole words of codes and whole runs of a scale.
func (a Attention) slice() int {
	row, block := a.Value.row(), a.Value.Type.Block
	most, step := 256, 64
	switch {
	case !a.Value.Type.Quantised && a.Value.Type.Bytes == 2:
		most, step = 128, 16
	case !a.Value.Type.Quantised:
		most, step = 64, 16
	}
	if row <= most {
		return row
	}
	for n := most; n >= step; n -= step {
		if row%n == 0 && (n%block == 0 || block%n == 0) {
			return n
		}
	}
	return row
}

// tiles is how many tiles a warp takes at a time. Two cost registers and save instructions, which is what codes need.
func (a Attention) tiles() int {
	if a.Tiles == 0 && a.Key.Type.Quantised && a.Value.Type.Quantised && max(a.Key.row(), a.slice()) <= 128 && a.rows() <= 8 {
		return 2
	}
	return orDefault(a.Tiles, 1)
}

// RowsFor is the Rows for attention of so many tokens at a time, where group query heads share a KV head: each step of 4 costs time
// on its own, and reading and unpacking the cache is shared.
func RowsFor(queries, group int) int {
	switch n := queries * group; {
	case n <= 4:
		return 4
	case n <= 8:
		return 8
	}
	return 16
}

// rows is how many query rows a block computes.
func (a Attention) rows() int { return orDefault(a.Rows, 8) }

// Source is the program with the kernels attend and combine.
func (a Attention) Source(find Texts) (*Source, error) {
	b, err := newBuilder(find)
	if err != nil {
		return nil, err
	}
	if err := b.side(a.Key, "Key", "KeyRotation"); err != nil {
		return nil, err
	}
	if err := b.side(a.Value, "Value", "ValueRotation"); err != nil {
		return nil, err
	}
	for _, d := range []struct {
		name  string
		value any
	}{
		{"KEY_DIM", a.Key.Dim}, {"KEY_ROW", a.Key.row()}, {"VALUE_DIM", a.Value.Dim}, {"VALUE_ROW", a.Value.row()},
		{"SLICE", a.slice()}, {"FAST", a.Fast}, {"SOFT_CAP", a.SoftCap}, {"WARPS", orDefault(a.Warps, defaultWarps)}, {"BLOCKS", orDefault(a.Blocks, 1)}, {"TILES", a.tiles()}, {"ROWS", a.rows()},
	} {
		b.define(d.name, d.value)
	}
	b.include("attend.cu")
	name := fmt.Sprintf("attend-%s-%s-%d-%d", a.Key.Type.Name, a.Value.Type.Name, a.Key.Dim, a.Value.Dim)
	return &Source{Name: name, Main: b.main.String(), Headers: b.headers}, nil
}

// defaultWarps is the number of warps of a block of attend.
const defaultWarps = 4

func orDefault(n, def int) int {
	if n == 0 {
		return def
	}
	return n
}

// StoreSource is the program with the kernel store of one side; key says which.
func StoreSource(s Side, key bool, find Texts) (*Source, error) {
	b, err := newBuilder(find)
	if err != nil {
		return nil, err
	}
	if err := b.side(s, "Type", "Rotation"); err != nil {
		return nil, err
	}
	b.define("SIDE", map[bool]string{true: "Side::key", false: "Side::value"}[key])
	b.define("HEAD_DIM", s.Dim)
	b.define("FILE_ROW", s.Type.HeadDim(s.Dim))
	b.define("HEAD_ROW", s.row())
	b.include("store.cu")
	name := fmt.Sprintf("store-%s-%d", s.Type.Name, s.Dim)
	return &Source{Name: name, Main: b.main.String(), Headers: b.headers, Options: []string{"--fmad=false"}}, nil
}

// headerNames are the sorted names of the headers.
func (s *Source) headerNames() []string { return slices.Sorted(maps.Keys(s.Headers)) }
