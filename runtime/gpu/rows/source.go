package rows

import (
	"fmt"

	"github.com/kvgen/kvgen/runtime/gpu"
)

// source is a program of rows of one side; key says which. The two sides of a layer lie
// differently.
func source(d *gpu.Dialect, s Side, key bool, frame string, more ...gpu.Define) (*gpu.Source, error) {
	b := gpu.NewBuilder(d)
	typ, rotation := s.Include(b)
	b.Add("using Type = %s;\nusing Rotation = %s;\n", typ, rotation)
	b.Define("SIDE", map[bool]string{true: "Side::key", false: "Side::value"}[key])
	b.Define("HEAD_DIM", s.Dim)
	b.Define("FILE_ROW", s.Type.HeadDim(s.Dim))
	for _, m := range more {
		b.Define(m.Name, m.Value)
	}
	b.Frame(frame)
	return b.Source(fmt.Sprintf("%s-%s-%d", frame, s.Type.Name, s.Dim), true)
}

// StoreSource is the program with the kernel store of one side.
func StoreSource(d *gpu.Dialect, s Side, key bool) (*gpu.Source, error) {
	return source(d, s, key, "store")
}

// MoveSource is the program with the kernels that read rows of one side: read_rows, export_rows,
// rope_rows. It does not compile for a type of which rows do not keep all of a block.
func MoveSource(d *gpu.Dialect, s Side, key bool) (*gpu.Source, error) {
	return source(d, s, key, "move")
}

// lay includes a side and declares its Lay. packed.cuh must have been included.
func lay(b *gpu.Builder, name string, s Side, side string) {
	typ, rotation := s.Include(b)
	b.Add("using %s = Lay<%s, %s, Side::%s, %d, %d>;\n", name, typ, rotation, side, s.Dim, s.Type.HeadDim(s.Dim))
}

// PairsSource is a program of both sides of the given pairs, called NAMEKeyRows and NAMEValueRows.
func PairsSource(d *gpu.Dialect, frame string, names []string, pairs ...Pair) (*gpu.Source, error) {
	b := gpu.NewBuilder(d)
	b.Include("packed")
	for i, p := range pairs {
		lay(b, names[i]+"KeyRows", p.Key, "key")
		lay(b, names[i]+"ValueRows", p.Value, "value")
	}
	b.Frame(frame)
	p := pairs[0]
	return b.Source(fmt.Sprintf("%s-%s-%s-%d-%d", frame, p.Key.Type.Name, p.Value.Type.Name, p.Key.Dim, p.Value.Dim), true)
}

// EvictSource is the program with the kernel take, which packs exact rows.
func EvictSource(d *gpu.Dialect, packed, exact Pair) (*gpu.Source, error) {
	return PairsSource(d, "evict", []string{"", "Exact"}, packed, exact)
}
