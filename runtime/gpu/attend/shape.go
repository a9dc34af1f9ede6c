package attend

import (
	"fmt"

	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/gpu/rope"
	"github.com/kvgen/kvgen/runtime/gpu/rows"
)

// Attention is the shape of the attention kernel of one layer.
type Shape struct {
	Key, Value rows.Side
	Exact      *rows.Pair    // the sides of the rows that stay exact; nil where there are none
	Offset     *rope.Pairing // of RoPE, where keys have an offset
	SoftCap    bool          // scores are capped
	Fast       bool          // levels of a byte, also where that rounds a table of floats
	Warps      int           // of a block; 0 for the default
	Blocks     int           // that a multiprocessor should hold; 0 for the default
	Tiles      int           // of 32 rows that a warp takes at a time, 1 or 2; 0 for the default
	// cells are those that the lists of several sequences name, see pages.write
	Paged bool
	// query rows that share what is read and unpacked, 4, 8 or 16; 0 for the default, see For
	Rows int
}

// DefaultWarps is the number of warps of a block of attend for more than 4 query rows; for 4 the
// kernel knows.
const DefaultWarps = 4

func OrDefault(n, def int) int {
	if n == 0 {
		return def
	}
	return n
}

// segments are the sides of all segments, the packed rows first.
func (a Shape) segments() []rows.Pair {
	all := []rows.Pair{{Key: a.Key, Value: a.Value}}
	if a.Exact != nil {
		all = append(all, *a.Exact)
	}
	return all
}

// SliceOf is how many values of a head one warp sums: what its registers hold, in whole words of
// codes and whole runs of a scale.
func SliceOf(p rows.Pair) int {
	row, block := p.Value.Row(), p.Value.Type.Block
	most, step := 256, 64
	switch {
	case !p.Value.Type.Quantised && p.Value.Type.Bytes == 2:
		most, step = 128, 16
	case !p.Value.Type.Quantised:
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

// slicesOf is how many blocks share the values of a part.
func slicesOf(p rows.Pair) int { return p.Value.Row() / SliceOf(p) }

// RowsFor is the Rows for attention of so many tokens at a time, where group query heads share a KV
// head: each step of 4 costs time on its own, and reading and unpacking the cache is shared.
func RowsFor(queries, group int) int {
	switch n := queries * group; {
	case n <= 4:
		return 4
	case n <= 8:
		return 8
	}
	return 16
}

// For is a with the Rows for attention of so many tokens at a time, or fewer if a block could not
// hold what it knows of them.
func (a Shape) For(queries, group int) Shape {
	for a.Rows = RowsFor(queries, group); a.Rows > 4 && !a.holds(a.Rows); a.Rows /= 2 {
	}
	return a
}

// mostSums is how many values a lane sums; mostShared is the bytes of shared memory that a block
// has on every GPU.
const (
	mostSums   = 64
	mostShared = 64 << 10
)

// holds says whether registers hold the sums of so many query rows, and shared memory the rest.
func (a Shape) holds(rows int) bool {
	// bytes for each query row
	queries, outputs, area := 0, 8, 4*mostParts+16*OrDefault(a.Warps, DefaultWarps)
	for _, p := range a.segments() {
		if rows*SliceOf(p)/32 > mostSums {
			return false
		}
		queries = max(queries, 4*(p.Key.Row()+64)+4*(1+p.Key.Row()/32))
		outputs += 4 * p.Value.Row()
		area = max(area, 4*p.Key.Row(), 4*(min(4, OrDefault(a.Warps, DefaultWarps))*(SliceOf(p)+8)+2*OrDefault(a.Warps, DefaultWarps)))
	}
	table := 0
	if a.Offset != nil {
		steps := (a.Offset.Pairs + rope.StepPairs - 1) / rope.StepPairs
		queries += 64*(steps+1) + 8
		if table = 2048 * steps; table > 32<<10 {
			table = 0
		}
	}
	return max(rows*queries+table, rows*outputs)+rows*area+2048+64 <= mostShared
}

// rows is how many query rows a block computes.
func (a Shape) rows() int { return OrDefault(a.Rows, 8) }

// TilesOf is how many tiles a warp takes at a time of a segment. Two cost registers and save
// instructions, which is what codes need; the scores of an offset need the registers.
func (a Shape) TilesOf(segment int) int {
	p, n := a.segments()[segment], a.Tiles
	if segment > 0 {
		n = 0
	}
	if n == 0 && a.Offset == nil && p.Key.Type.Quantised && p.Value.Type.Quantised && max(p.Key.Row(), SliceOf(p)) <= 128 && a.rows() <= 8 {
		return 2
	}
	return OrDefault(n, 1)
}

// Source is the program with the kernel attend.
func (a Shape) Source(d *gpu.Dialect) (*gpu.Source, error) { return a.source(d, "attend") }

// CombineSource is the program with the kernel combine, for GPUs on which it adds the parts.
func (a Shape) CombineSource(d *gpu.Dialect) (*gpu.Source, error) { return a.source(d, "combine") }

func (a Shape) source(d *gpu.Dialect, frame string) (*gpu.Source, error) {
	b := gpu.NewBuilder(d)
	offset := rope.Pairing{Pairs: -1}
	if a.Offset != nil {
		offset = *a.Offset
	}
	if 2*offset.Pairs > a.Key.Dim {
		return nil, fmt.Errorf("gpu: RoPE has at most %d pairs of a head of %d values: the offset of the keys is for %d", a.Key.Dim/2, a.Key.Dim, offset.Pairs)
	}
	for i, p := range a.segments() {
		if p.Key.Dim != a.Key.Dim || p.Value.Dim != a.Value.Dim {
			return nil, fmt.Errorf("gpu: exact and packed rows have heads of one size: K %d and V %d values beside K %d and V %d", p.Key.Dim, p.Value.Dim, a.Key.Dim, a.Value.Dim)
		}
		key, keyRotation := p.Key.Include(b)
		value, valueRotation := p.Value.Include(b)
		b.Add("struct Segment%d {\n  using Key = %s;\n  using KeyRotation = %s;\n  using Value = %s;\n  using ValueRotation = %s;\n", i, key, keyRotation, value, valueRotation)
		b.Add("  %s int key_row = %d, value_row = %d, slice = %d, tiles = %d;\n};\n", d.Constant, p.Key.Row(), p.Value.Row(), SliceOf(p), a.TilesOf(i))
	}
	for _, d := range []struct {
		name  string
		value any
	}{
		{"KEY_DIM", a.Key.Dim}, {"VALUE_DIM", a.Value.Dim}, {"FAST", a.Fast}, {"SOFT_CAP", a.SoftCap}, {"OFFSET", offset.Pairs}, {"ADJACENT", offset.Adjacent},
		{"WARPS", a.Warps}, {"BLOCKS", a.Blocks}, {"ROWS", a.rows()}, {"SEGMENTS", len(a.segments())}, {"PAGED", a.Paged},
	} {
		b.Define(d.name, d.value)
	}
	b.Frame(frame)
	return b.Source(fmt.Sprintf("%s-%s-%s-%d-%d", frame, a.Key.Type.Name, a.Value.Type.Name, a.Key.Dim, a.Value.Dim), false)
}
