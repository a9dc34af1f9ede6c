package attend

import (
	"errors"
	"fmt"
	"math/bits"

	"github.com/kvgen/kvgen/kernels/args"
	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/gpu/cells"
	"github.com/kvgen/kvgen/runtime/gpu/rope"
	"github.com/kvgen/kvgen/runtime/gpu/rows"
	"github.com/kvgen/kvgen/runtime/kv"
)

// Layer is what attention needs to know of a layer; the contract is that of attention.Layer in
// runtime/attention.
type Layer struct {
	Heads   int
	Scale   float32
	SoftCap float32     // 0 for none
	Window  int         // 0 for none
	Sinks   *gpu.Buffer // [Heads] of float32, nil for none
	Offset  *Offset     // what was taken out of the keys; nil for nothing

	Keys, Values *rows.Rows
	Cells        *cells.Cells  // of both
	Exact        *rows.Segment // the rows that stay exact, nil where there are none
}

// segments are all of the layer's, the packed rows first.
func (l *Layer) segments() []rows.Segment {
	all := []rows.Segment{{Keys: l.Keys, Values: l.Values, Cells: l.Cells}}
	if l.Exact != nil {
		all = append(all, *l.Exact)
	}
	return all
}

// Batch is the queries of one call.
type Batch struct {
	Positions *gpu.Buffer // [Queries] of int32; a query at a position below 0 sees nothing
	Queries   int

	// Of rows of several sequences: whose the queries are, one run after another, and the same on
	// the device, [runs][4] of int32: first query, queries, sequence, 0.
	Runs   []kv.Run
	RunsAt *gpu.Buffer
}

// Attend computes attention of one shape. It may serve any number of layers of that shape, one at a
// time.
type Kernel struct {
	Shape
	q        *gpu.Queue
	attend   gpu.Kernel
	combine  gpu.Kernel // adds the parts; nil where the block that is done last does
	warps    int
	resident int

	parts   *gpu.Buffer // of all segments: sums, and what they are relative to
	arrived *gpu.Buffer // [KV heads][groups] of uint32, 0 between launches
}

// mostParts is how many parts the block that adds them has room for.
const mostParts = 256

// busyWarps of a block have work before there are more blocks.
const busyWarps = 4

// NewAttend compiles the kernel of a shape.
func New(q *gpu.Queue, a Shape) (*Kernel, error) {
	d := q.Device.Dialect()
	src, err := a.Source(d)
	if err != nil {
		return nil, err
	}
	x, err := newKernel(q, a, src)
	if err != nil || !d.Has("combine") {
		return x, err
	}
	x.combine, err = q.Kernel("combine", func(d *gpu.Dialect) (*gpu.Source, error) { return a.source(d, "combine") })
	return x, err
}

func newKernel(q *gpu.Queue, a Shape, src *gpu.Source) (*Kernel, error) {
	m, err := q.Build(src)
	if err != nil {
		return nil, err
	}
	shared, err := m.Facts("attend_shared", 1)
	if err != nil {
		return nil, err
	}
	warps, err := m.Facts("attend_warps", 1)
	if err != nil {
		return nil, err
	}
	x := &Kernel{Shape: a, q: q, warps: int(warps[0])}
	if x.attend, err = m.Kernel("attend", int(shared[0])); err != nil {
		return nil, err
	}
	if x.resident, err = x.attend.Resident(32 * x.warps); err != nil {
		return nil, err
	}
	x.attend = x.attend.Overlap()
	if x.resident < 1 {
		return nil, fmt.Errorf("gpu: a block of %s must fit a core: its registers and shared memory do not fit one of %s", src.Name, q.Limits().Name)
	}
	return x, nil
}

// Groups is how many groups of query rows, each computed by a block, share each KV head.
func (x *Kernel) Groups(l *Layer, queries int) int {
	return (queries*l.Heads/l.Keys.Heads + x.rows() - 1) / x.rows()
}

// GroupsOf is groups of a batch: a group is of one sequence.
func (x *Kernel) GroupsOf(l *Layer, b *Batch) int {
	if !x.Paged {
		return x.Groups(l, b.Queries)
	}
	n := 0
	for _, r := range b.Runs {
		n += x.Groups(l, r.N)
	}
	return n
}

// Splits is the number of parts that the packed rows are cut into at most for so many queries of a
// layer: as many blocks as the GPU holds at once, and no more than cells in use can keep busy. The
// kernel uses as many of them as there is work for when it runs, and the others cost next to
// nothing, so a graph may be recorded once for the capacity of the cache. It pays to record one for
// each power of two of cells, which is what cells is rounded up to.
func (x *Kernel) Splits(l *Layer, queries, cells int) int {
	return x.Cut(l, x.Groups(l, queries), cells)
}

// Cut is Splits for so many groups.
func (x *Kernel) Cut(l *Layer, groups, cells int) int {
	cells = min(1<<bits.Len(uint(max(cells, 1)-1)), l.Keys.Capacity)
	rows := l.Keys.Heads * groups * slicesOf(x.segments()[0])
	return max(1, min(x.q.Limits().Cores*x.resident/rows, x.mostSplits(0, cells), mostParts-1))
}

// mostSplits is how many parts so many rows of a segment can be cut into, so that each warp has
// some.
func (x *Kernel) mostSplits(segment, cells int) int {
	step := rope.Tile * x.TilesOf(segment) * min(x.warps, busyWarps)
	return (cells + step - 1) / step
}

// splits is that of every segment. The exact rows are few.
func (x *Kernel) splits(l *Layer, groups, packed int) (all []int) {
	if packed == 0 {
		packed = x.Cut(l, groups, l.Keys.Capacity)
	}
	all = []int{packed}
	if l.Exact != nil {
		all = append(all, max(1, min(x.mostSplits(1, l.Exact.Keys.Capacity), packed, mostParts-packed)))
	}
	return all
}

// Reserve makes room for calls of up to so many queries and splits. A later call that needs no more
// allocates nothing, as is needed while a graph is recorded, and leaves graphs valid that were
// recorded before.
func (x *Kernel) Reserve(l *Layer, queries, splits int) error {
	return x.Hold(l, x.Groups(l, queries), splits)
}

// Hold is Reserve for so many groups.
func (x *Kernel) Hold(l *Layer, groups, splits int) error {
	_, err := x.reserve(l, groups, x.splits(l, groups, splits))
	return err
}

// reserve returns where the parts of each segment begin, in floats; its last element is where they
// end.
func (x *Kernel) reserve(l *Layer, groups int, splits []int) (at []int, err error) {
	rows := l.Keys.Heads * groups * x.rows()
	blocks, end := 0, 0
	for i, s := range x.segments() {
		blocks += splits[i] * slicesOf(s)
		at = append(at, end)
		end += rows * splits[i] * (s.Value.Row() + 2)
	}
	if blocks == 1 && x.combine == nil {
		end = 0 // the only block needs no room
	}
	if err := x.q.Grow(&x.parts, uint64(4*end)); err != nil {
		return nil, err
	}
	return at, x.q.Grow(&x.arrived, uint64(rows/x.rows()*4))
}

// checkLayer says what of a layer is not what the kernel was compiled for.
func (x *Kernel) checkLayer(l *Layer) error {
	all := l.segments()
	if len(all) != len(x.segments()) {
		return fmt.Errorf("gpu: a kernel attends over the segments that it was compiled for, %d: the layer has %d", len(x.segments()), len(all))
	}
	for i, s := range all {
		want := x.segments()[i]
		if s.Keys.Side != want.Key || s.Values.Side != want.Value || !s.Keys.Key || s.Values.Key {
			return fmt.Errorf("gpu: the kernel was compiled for K %s and V %s in segment %d: the layer has K %s and V %s, or another size or rotation", want.Key.Type.Name, want.Value.Type.Name, i, s.Keys.Type.Name, s.Values.Type.Name)
		}
		if s.Keys.Heads != l.Keys.Heads || s.Values.Heads != l.Keys.Heads || l.Heads%l.Keys.Heads != 0 {
			return fmt.Errorf("gpu: query heads are a multiple of the KV heads, of which K and V have as many: %d query heads, %d of K and %d of V in segment %d", l.Heads, s.Keys.Heads, s.Values.Heads, i)
		}
		c := min(s.Keys.Capacity, s.Values.Capacity)
		if s.Cells == nil {
			return fmt.Errorf("gpu: rows need the cells that they lie in: segment %d has none", i)
		}
		if s.Cells.Capacity < c {
			return fmt.Errorf("gpu: there is a cell for every row: segment %d has %d rows and %d cells", i, c, s.Cells.Capacity)
		}
	}
	if x.SoftCap != (l.SoftCap > 0) {
		return fmt.Errorf("gpu: a kernel caps scores or does not, as it was compiled (%t): the layer has a soft cap of %g", x.SoftCap, l.SoftCap)
	}
	if (x.Offset == nil) != (l.Offset == nil) || x.Offset != nil && *x.Offset != l.Offset.Rope.Pairing {
		return fmt.Errorf("gpu: a kernel adds the score of an offset of keys with the RoPE that it was compiled for (%v): the layer has another offset, or none", x.Offset)
	}
	return nil
}

// check says what of a batch does not fit its layer.
func (x *Kernel) check(l *Layer, q, out *gpu.Buffer, b *Batch, splits []int) error {
	if splits[0] < 1 || splits[0] > mostParts-len(splits)+1 {
		return fmt.Errorf("gpu: the rows of a layer are cut into 1 to %d parts: %d were asked for", mostParts-len(splits)+1, splits[0])
	}
	if n := l.Keys.Heads * x.GroupsOf(l, b); n > 65535 {
		return fmt.Errorf("gpu: a launch has at most 65535 groups of query rows, about %d queries of %d heads: the batch has %d", b.Queries*65535/n, l.Heads, b.Queries)
	}
	if o := l.Offset; o != nil {
		if err := o.Mu.Holds("offset of the keys", uint64(4*l.Keys.Heads*x.Key.Dim)); err != nil {
			return err
		}
	}
	if err := b.Positions.Holds("positions of the batch", uint64(4*b.Queries)); err != nil {
		return err
	}
	if err := q.Holds("queries", uint64(4*b.Queries*l.Heads*x.Key.Dim)); err != nil {
		return err
	}
	return out.Holds("outputs", uint64(4*b.Queries*l.Heads*x.Value.Dim))
}

// checkRuns says whether a batch has queries, and whether it is known which sequences they are of.
func (x *Kernel) checkRuns(b *Batch) error {
	if b.Queries < 1 {
		return fmt.Errorf("gpu: a batch has at least 1 query: %d were given", b.Queries)
	}
	if !x.Paged {
		return nil
	}
	n := 0
	for _, r := range b.Runs {
		if n += r.N; r.N < 1 {
			return fmt.Errorf("gpu: a run has at least 1 query: that of sequence %d has %d", r.Seq, r.N)
		}
	}
	if b.RunsAt == nil {
		return fmt.Errorf("gpu: a batch of several sequences needs its runs on the device: none were given for %d queries", b.Queries)
	}
	if n != b.Queries {
		return fmt.Errorf("gpu: the runs of a batch are all of its queries: %d queries, %d in runs", b.Queries, n)
	}
	return b.RunsAt.Holds("runs of the batch", uint64(4*cells.Entry*len(b.Runs)))
}

// Run computes out [queries][Heads][value dim] for q [queries][Heads][key dim] at the batch's
// positions, over the cells of the layer that are in use when the kernel runs. What is launched
// depends on the layer, the number of queries and splits alone; splits is 0 for the default.
func (x *Kernel) Run(l *Layer, q, out *gpu.Buffer, b *Batch, splits int) error {
	if err := x.checkLayer(l); err != nil {
		return err
	}
	if err := x.checkRuns(b); err != nil {
		return err
	}
	groups := x.GroupsOf(l, b)
	cut := x.splits(l, groups, splits)
	if err := x.check(l, q, out, b, cut); err != nil {
		return err
	}
	at, err := x.reserve(l, groups, cut)
	if err != nil {
		return err
	}
	a := args.Attend{
		Q: q.Address(), Positions: b.Positions.Address(), Out: out.Address(), Arrived: x.arrived.Address(),
		Queries: int32(b.Queries), Heads: int32(l.Heads), KVHeads: int32(l.Keys.Heads), Window: int32(l.Window),
		Scale: l.Scale, SoftCap: l.SoftCap,
	}
	if l.Sinks != nil {
		a.Sinks = l.Sinks.Address()
	}
	if x.Paged {
		a.Runs, a.Count = b.RunsAt.Address(), int32(len(b.Runs))
	}
	if l.Offset != nil {
		a.Mu = l.Offset.args()
	}
	grid := 0
	for i, s := range l.segments() {
		k, v := s.Keys.Args(), s.Values.Args()
		values := x.segments()[i]
		partial := x.parts.Address() + 4*uint64(at[i])
		a.Segments[i] = args.Segment{
			Keys: k.Rows, KeyScales: k.Scales, Values: v.Rows, ValueScales: v.Scales,
			KeyHead: k.Head, KeyScaleHead: k.ScaleHead, ValueHead: v.Head, ValueScaleHead: v.ScaleHead,
			Cells: s.Cells.Head.Address(), Positions: s.Cells.Positions.Address(),
			Partial: partial, Norms: partial + uint64(4*l.Keys.Heads*groups*cut[i]*x.rows()*values.Value.Row()),
			Capacity: min(k.Capacity, v.Capacity), Splits: int32(cut[i]),
		}
		grid += cut[i] * slicesOf(values)
	}
	if err := x.attend.Launch(gpu.Grid{X: grid, Y: l.Keys.Heads * groups, Threads: 32 * x.warps}, &a); err != nil || x.combine == nil {
		return err
	}
	return x.combine.Launch(gpu.Grid{X: x.rows(), Y: l.Keys.Heads * groups, Threads: 32}, &a)
}

// Free gives the memory back.
func (x *Kernel) Free() error {
	var all []error
	for _, m := range []*gpu.Buffer{x.parts, x.arrived} {
		if m != nil {
			all = append(all, m.Free())
		}
	}
	return errors.Join(all...)
}
