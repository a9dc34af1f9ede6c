package attend

import (
	"fmt"

	"github.com/kvgen/kvgen/kernels/args"
	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/gpu/rows"
)

// Prefill computes attention of many tokens of a sequence at a time, in the fast form: a block has
// tens of query rows, operands are f16 and sums f32. Rows of other types become f16 before, once
// for all of them, in the workspace. It may serve any number of layers of its shape, one at a time.
//
// Against attention in f64 a result is off by about 2^-11 of its length, whatever the type.
type Prefill struct {
	Shape
	q       *gpu.Queue
	tile    tile
	rows    int // query rows of a block
	threads int
	// blocks that the GPU holds at once
	resident int
	prefill  gpu.Kernel
	join     gpu.Kernel
	// of the segments: keys, values, keys, values; nil for one that is read as it is
	sides []*unpack

	bandBytes uint64 // of the workspace that unpacked rows may take
}

// tile is what a block of prefill computes, see prefill.cu.
type tile struct{ warps, blocks, tiles, keys, slice int }

// unpack makes f16 of rows of a side.
type unpack struct {
	kernel      gpu.Kernel
	warps, line int // of a block; bytes of a row of f16
}

// FewestRows is the query rows that share a KV head from which Prefill is faster than Kernel where
// rows are read as they are, fewestUnpacked where they become f16 first: on an H200 that takes as
// long as some 200 query rows do.
const (
	FewestRows     = 64
	fewestUnpacked = 384
)

// mostSlice is the values of a head that a block sums at most, leastSlice those below which the
// scores, which every slice computes, are not worth it.
const mostSlice, leastSlice = 256, 64

// maxUnpacked is the most bytes that unpacked rows take in the workspace, but for one KV head: KV
// heads that do not fit together take turns.
const maxUnpacked = 256 << 20

// sliceOf is the largest part of a value row that a block sums.
func sliceOf(row int) int {
	for n := min(row, mostSlice); n >= leastSlice; n -= 16 {
		if row%n == 0 {
			return n
		}
	}
	if row <= mostSlice {
		return row
	}
	return 0
}

// mostPrefillParts bounds the parts that cells are cut into.
const mostPrefillParts = 32

func roundUp(n, m int) int { return (n + m - 1) / m * m }

// shared is the dynamic shared memory of a block.
func (t tile) shared(keyRow int) int {
	return 2*keyRow*16*t.tiles*t.warps + 2*2*t.keys*(keyRow+t.slice)
}

// fewestShared is the bytes of shared memory from which keys and values come through it. Where
// there is less, a block has its queries there, and reads keys, of at most mostStreamed values, and
// values where they lie.
const fewestShared, mostStreamed = 48 << 10, 576

// tileOf is the best tile of which a core with so much shared memory holds a block.
func (a Shape) tileOf(shared int) (tile, bool) {
	key, slice := roundUp(a.Key.Dim, 16), sliceOf(roundUp(a.Value.Dim, 16))
	if slice == 0 || 2*a.Key.Dim < slice {
		return tile{}, false
	}
	tiles := 2
	if slice > 128 {
		tiles = 1
	}
	if shared < fewestShared {
		return tile{warps: 4, blocks: 1, tiles: 1, keys: 32, slice: slice}, key <= mostStreamed
	}
	for _, warps := range []int{4, 2} {
		// what TestBenchPrefill chose
		t := tile{warps: warps, blocks: 2, tiles: tiles, keys: 32, slice: slice}
		if t.shared(key)+knownBytes(t) <= shared {
			return t, true
		}
	}
	return tile{}, false
}

// knownBytes is what a block knows of its query rows, and what the driver keeps of shared memory.
func knownBytes(t tile) int { return 8*16*t.tiles*t.warps + 8 + 1024 }

// Prefills says whether there is a kernel of many query rows for the shape: in the fast form, on a
// GPU that has one and whose cores have room for its tiles. Offsets of keys in a cache of several
// sequences have none.
func (a Shape) Prefills(q *gpu.Queue) bool {
	_, ok := a.tileOf(q.Limits().SharedBytes)
	return ok && q.Device.Dialect().Has("prefill") && a.Fast && !(a.Paged && a.Offset != nil)
}

// prefillSource is the program with the kernels prefill and join, which knows no type.
func (a Shape) prefillSource(d *gpu.Dialect, t tile) (*gpu.Source, error) {
	b := gpu.NewBuilder(d)
	for _, d := range []gpu.Define{
		{Name: "KEY_DIM", Value: a.Key.Dim}, {Name: "VALUE_DIM", Value: a.Value.Dim}, {Name: "SOFT_CAP", Value: a.SoftCap}, {Name: "PAGED", Value: a.Paged}, {Name: "SEGMENTS", Value: len(a.segments())},
		{Name: "WARPS", Value: t.warps}, {Name: "BLOCKS", Value: t.blocks}, {Name: "TILES", Value: t.tiles}, {Name: "KEYS", Value: t.keys}, {Name: "SLICE", Value: t.slice},
	} {
		b.Define(d.Name, d.Value)
	}
	b.Frame("prefill")
	return b.Source(fmt.Sprintf("prefill-%d-%d", a.Key.Dim, a.Value.Dim), false)
}

// unpackSource is the program with the kernel unpack of a side.
func (a Shape) unpackSource(d *gpu.Dialect, s rows.Side, key bool) (*gpu.Source, error) {
	o := rows.UnpackOptions{Paged: a.Paged}
	if key {
		o.Offset = a.Offset
	}
	return rows.UnpackSource(d, s, key, o)
}

// PrefillSources are the programs that prefill of the shape takes on a GPU with so much shared
// memory.
func (a Shape) PrefillSources(d *gpu.Dialect, shared int) (all []*gpu.Source, err error) {
	t, ok := a.tileOf(shared)
	if !ok {
		return nil, fmt.Errorf("gpu: a core must hold a tile of prefill: heads of %d and %d values do not fit %d bytes of shared memory", a.Key.Dim, a.Value.Dim, shared)
	}
	s, err := a.prefillSource(d, t)
	if err != nil {
		return nil, err
	}
	all = append(all, s)
	for _, p := range a.segments() {
		for i, s := range []rows.Side{p.Key, p.Value} {
			src, err := a.unpackSource(d, s, i == 0)
			if err != nil {
				return nil, err
			}
			all = append(all, src)
		}
	}
	return all, nil
}

// NewPrefill compiles the kernels of a shape for which Prefills is true.
func NewPrefill(q *gpu.Queue, a Shape) (*Prefill, error) {
	t, _ := a.tileOf(q.Limits().SharedBytes)
	return newPrefill(q, a, t)
}

func newPrefill(q *gpu.Queue, a Shape, t tile) (*Prefill, error) {
	if !a.Prefills(q) {
		return nil, fmt.Errorf("gpu: attention of many query rows is of the fast form, without offsets in a cache of several sequences, for heads whose tiles fit a core: fast %t, offset %t, several %t, heads of %d and %d values", a.Fast, a.Offset != nil, a.Paged, a.Key.Dim, a.Value.Dim)
	}
	m, err := q.Program(func(d *gpu.Dialect) (*gpu.Source, error) { return a.prefillSource(d, t) })
	if err != nil {
		return nil, err
	}
	sizes, err := m.Facts("prefill_sizes", 3)
	if err != nil {
		return nil, err
	}
	x := &Prefill{Shape: a, q: q, tile: t, rows: int(sizes[1]), threads: int(sizes[2]), bandBytes: maxUnpacked}
	if x.prefill, err = m.Kernel("prefill", int(sizes[0])); err != nil {
		return nil, err
	}
	if x.resident, err = x.prefill.Resident(x.threads); err != nil {
		return nil, err
	}
	x.resident *= q.Limits().Cores
	if x.join, err = m.Kernel("join", 0); err != nil {
		return nil, err
	}
	x.prefill, x.join = x.prefill.Overlap(), x.join.Overlap()
	for _, p := range a.segments() {
		for i, s := range []rows.Side{p.Key, p.Value} {
			u, err := newUnpack(q, a, s, i == 0)
			if err != nil {
				return nil, err
			}
			x.sides = append(x.sides, u)
		}
	}
	return x, nil
}

// newUnpack compiles what makes f16 of rows of a side; it is nil for rows that are read as they
// are.
func newUnpack(q *gpu.Queue, a Shape, s rows.Side, key bool) (*unpack, error) {
	m, err := q.Program(func(d *gpu.Dialect) (*gpu.Source, error) { return a.unpackSource(d, s, key) })
	if err != nil {
		return nil, err
	}
	sizes, err := m.Facts("unpack_sizes", 2)
	if err != nil || sizes[1] != 0 && s.Rotation == nil {
		return nil, err
	}
	u := &unpack{warps: rows.UnpackWarps(s), line: 2 * roundUp(s.Dim, 16)}
	if u.kernel, err = m.Kernel("unpack", int(sizes[0])); err != nil {
		return nil, err
	}
	u.kernel = u.kernel.Overlap()
	return u, nil
}

// Fewest is the query rows that share a KV head from which it is faster than Kernel.
func (x *Prefill) Fewest() int {
	for _, u := range x.sides {
		if u != nil {
			return fewestUnpacked
		}
	}
	return FewestRows
}

// layout is where things are in the workspace, and how much of it there is.
type layout struct {
	sides          []uint64 // that are unpacked
	partial, norms uint64
	end            uint64
	heads          int // KV heads that are computed together
	parts, groups  int // into which cells are cut; groups of query rows of a KV head
	cells          int // that may be in use, of the packed rows
}

// parts is how many parts the cells of some groups are cut into: none where there are as many
// blocks as the GPU holds, and else of at least eight steps.
func (x *Prefill) parts(blocks, cells int) int {
	if 2*blocks > x.resident {
		return 1
	}
	return max(1, min(x.resident/blocks, cells/(8*x.tile.keys), mostPrefillParts))
}

// layout is that for a batch of so many groups of each KV head, over so many cells of the packed
// rows.
func (x *Prefill) layout(l *Layer, groups, cells int) layout {
	y := layout{groups: groups, cells: min(roundUp(cells, 64), l.Keys.Capacity), heads: l.Keys.Heads}
	perHead := uint64(0) // bytes of unpacked rows
	all := l.segments()
	for i, u := range x.sides {
		if u != nil {
			perHead += uint64(u.line) * uint64(all[i/2].Keys.Capacity)
		}
	}
	if perHead > 0 {
		y.heads = int(max(1, min(uint64(y.heads), x.bandBytes/perHead)))
	}
	for i, u := range x.sides {
		y.sides = append(y.sides, y.end)
		if u != nil {
			y.end += uint64(y.heads) * uint64(u.line) * uint64(all[i/2].Keys.Capacity)
		}
	}
	valueRow := roundUp(x.Value.Dim, 16)
	if y.parts = x.parts(y.heads*groups*(valueRow/x.tile.slice), cells); y.parts > 1 {
		rows := uint64(y.heads * groups * y.parts * x.rows)
		y.partial = y.end
		y.norms = y.partial + 4*rows*uint64(valueRow)
		y.end = y.norms + 8*rows
	}
	return y
}

// Groups is how many groups of query rows of each KV head a batch has: a group is of one sequence.
func (x *Prefill) Groups(l *Layer, b *Batch) int {
	of := func(n int) int { return (n*l.Heads/l.Keys.Heads + x.rows - 1) / x.rows }
	if !x.Paged {
		return of(b.Queries)
	}
	n := 0
	for _, r := range b.Runs {
		n += of(r.N)
	}
	return n
}

// Workspace is the bytes of the device's workspace that Run takes at most for batches of up to so
// many tokens of some sequences, however many cells are in use.
func (x *Prefill) Workspace(l *Layer, tokens, sequences int) uint64 {
	most := uint64(0)
	groups := (tokens*l.Heads/l.Keys.Heads+x.rows-1)/x.rows + sequences - 1
	for n := 1; ; n = min(2*n, groups) {
		most = max(most, x.layout(l, n, l.Keys.Capacity).end)
		if n == groups {
			return most
		}
	}
}

// Run is that of Kernel: cells bounds the cells of the packed rows that a sequence of the batch
// sees, 0 for the capacity.
func (x *Prefill) Run(l *Layer, q, out *gpu.Buffer, b *Batch, cells int) error {
	k := Kernel{Shape: x.Shape, q: x.q}
	k.Rows = x.rows
	if err := k.checkLayer(l); err != nil {
		return err
	}
	if err := k.checkRuns(b); err != nil {
		return err
	}
	if err := k.check(l, q, out, b, []int{1}); err != nil {
		return err
	}
	if cells == 0 {
		cells = l.Keys.Capacity
	}
	y := x.layout(l, x.Groups(l, b), cells)
	space, err := x.q.Workspace(y.end)
	if err != nil {
		return err
	}
	for first := 0; first < l.Keys.Heads; first += y.heads {
		if err := x.band(l, q, out, b, &y, space.Address(), first); err != nil {
			return err
		}
	}
	return nil
}

// band is Run of the KV heads from first on that are computed together.
func (x *Prefill) band(l *Layer, q, out *gpu.Buffer, b *Batch, y *layout, space uint64, first int) error {
	many := min(y.heads, l.Keys.Heads-first)
	a := args.Prefill{First: int32(first), Many: int32(many), Parts: int32(y.parts), Attend: args.Attend{
		Q: q.Address(), Positions: b.Positions.Address(), Out: out.Address(),
		Queries: int32(b.Queries), Heads: int32(l.Heads), KVHeads: int32(l.Keys.Heads), Window: int32(l.Window),
		Scale: l.Scale, SoftCap: l.SoftCap,
	}}
	if l.Sinks != nil {
		a.Attend.Sinks = l.Sinks.Address()
	}
	if x.Paged {
		a.Attend.Runs, a.Attend.Count = b.RunsAt.Address(), int32(len(b.Runs))
	}
	for i, s := range l.segments() {
		seg := &a.Attend.Segments[i]
		*seg = args.Segment{Cells: s.Cells.Head.Address(), Positions: s.Cells.Positions.Address(), Capacity: int32(min(s.Keys.Capacity, s.Values.Capacity))}
		n := y.cells
		if i > 0 {
			n = s.Keys.Capacity
		}
		var err error
		if seg.Keys, seg.KeyHead, err = x.side(2*i, l, s.Keys, &s, b, y, space, n, first, many); err != nil {
			return err
		}
		if seg.Values, seg.ValueHead, err = x.side(2*i+1, l, s.Values, &s, b, y, space, n, first, many); err != nil {
			return err
		}
	}
	a.Attend.Segments[0].Partial, a.Attend.Segments[0].Norms = space+y.partial, space+y.norms
	slices := roundUp(x.Value.Dim, 16) / x.tile.slice
	if err := x.prefill.Launch(gpu.Grid{X: y.parts * slices, Y: many * y.groups, Threads: x.threads}, &a); err != nil {
		return err
	}
	if y.parts == 1 {
		return nil
	}
	return x.join.Launch(gpu.Grid{X: x.rows / 8, Y: many * y.groups, Threads: 256}, &a)
}

// side has rows of a side as f16: where those of KV head 0 would be, and the bytes of a head.
func (x *Prefill) side(i int, l *Layer, r *rows.Rows, s *rows.Segment, b *Batch, y *layout, space uint64, n, first, many int) (at uint64, head int64, err error) {
	u, from := x.sides[i], r.Args()
	if u == nil {
		return from.Rows, from.Head, nil
	}
	head = int64(u.line) * int64(r.Capacity)
	a := args.Unpack{From: from, To: args.Rows{Rows: space + y.sides[i], Head: head}, Cells: s.Cells.Head.Address(), Positions: s.Cells.Positions.Address(), First: int32(first), Many: int32(many)}
	runs := 1
	if x.Paged {
		a.Runs, runs = b.RunsAt.Address(), len(b.Runs)
	}
	if l.Offset != nil && i%2 == 0 {
		a.Mu = l.Offset.args()
	}
	block := 32 * u.warps
	err = u.kernel.Launch(gpu.Grid{X: (n + block - 1) / block, Y: many * runs, Threads: 32 * u.warps}, &a)
	return a.To.Rows - uint64(first)*uint64(head), head, err
}
