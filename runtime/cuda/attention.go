package cuda

import (
	"errors"
	"fmt"
	"math/bits"
	"unsafe"

	"github.com/kvgen/kvgen/runtime/kv"
)

// Layer is what attention needs to know of a layer; the contract is that of attention.Layer in runtime/attention.
type Layer struct {
	Heads   int
	Scale   float32
	SoftCap float32 // 0 for none
	Window  int     // 0 for none
	Sinks   *Memory // [Heads] of float32, nil for none
	Offset  *Offset // what was taken out of the keys; nil for nothing

	Keys, Values *Rows
	Cells        *Cells   // of both
	Exact        *Segment // the rows that stay exact, nil where there are none
}

// Segment is rows of a layer of one pair of types. A position is in one segment.
type Segment struct {
	Keys, Values *Rows
	Cells        *Cells
}

// segments are all of the layer's, the packed rows first.
func (l *Layer) segments() []Segment {
	all := []Segment{{l.Keys, l.Values, l.Cells}}
	if l.Exact != nil {
		all = append(all, *l.Exact)
	}
	return all
}

// Batch is the queries of one call.
type Batch struct {
	Positions *Memory // [Queries] of int32; a query at a position below 0 sees nothing
	Queries   int

	// Of rows of several sequences: whose the queries are, one run after another, and the same on the device, [runs][4] of int32: first
	// query, queries, sequence, 0.
	Runs   []kv.Run
	RunsAt *Memory
}

// Attend computes attention of one shape. It may serve any number of layers of that shape, one at a time.
type Attend struct {
	Attention
	d        *Device
	attend   *Function
	warps    int
	resident int

	parts   *Memory // of all segments: sums, and what they are relative to
	arrived *Memory // [KV heads][groups] of uint32, 0 between launches
}

// mostParts is how many parts the block that adds them has room for.
const mostParts = 256

// busyWarps of a block have work before there are more blocks.
const busyWarps = 4

// NewAttend compiles the kernel of a shape.
func (d *Device) NewAttend(c *Compiler, a Attention) (*Attend, error) {
	src, err := a.Source(c.texts())
	if err != nil {
		return nil, err
	}
	return d.newAttend(c, a, src)
}

func (d *Device) newAttend(c *Compiler, a Attention, src *Source) (*Attend, error) {
	m, err := d.build(c, src)
	if err != nil {
		return nil, err
	}
	shared, err := m.Ints("attend_shared", 1)
	if err != nil {
		return nil, err
	}
	warps, err := m.Ints("attend_warps", 1)
	if err != nil {
		return nil, err
	}
	x := &Attend{Attention: a, d: d, warps: int(warps[0])}
	if x.attend, err = m.Function("attend", int(shared[0])); err != nil {
		return nil, err
	}
	if x.resident, err = x.attend.Resident(32 * x.warps); err != nil {
		return nil, err
	}
	x.attend.Early()
	if x.resident < 1 {
		return nil, fmt.Errorf("cuda: kernel %s does not fit a multiprocessor of %s", src.Name, d.Name)
	}
	return x, nil
}

// segmentArgs is struct Segment of segment.cuh.
type segmentArgs struct {
	keys, keyScales, values, valueScales             uint64
	keyHead, keyScaleHead, valueHead, valueScaleHead int64
	cells, positions, partial, norms                 uint64
	capacity, splits                                 int32
}

// attendArgs is struct Attend of segment.cuh; a kernel of one segment does not read the second.
type attendArgs struct {
	q, positions, out, sinks, arrived uint64
	mu                                muArgs
	queries, heads, kvHeads, window   int32
	scale, softCap                    float32
	runs                              uint64
	count, _                          int32
	segments                          [2]segmentArgs
}

// groups is how many groups of query rows, each computed by a block, share each KV head.
func (x *Attend) groups(l *Layer, queries int) int {
	return (queries*l.Heads/l.Keys.Heads + x.rows() - 1) / x.rows()
}

// groupsOf is groups of a batch: a group is of one sequence.
func (x *Attend) groupsOf(l *Layer, b *Batch) int {
	if !x.Paged {
		return x.groups(l, b.Queries)
	}
	n := 0
	for _, r := range b.Runs {
		n += x.groups(l, r.N)
	}
	return n
}

// Splits is the number of parts that the packed rows are cut into at most for so many queries of a layer: as many blocks as the GPU
// holds at once, and no more than cells in use can keep busy. The kernel uses as many of them as there is work for when it runs, and
// the others cost next to nothing, so a graph may be recorded once for the capacity of the cache. It pays to record one for each power
// of two of cells, which is what cells is rounded up to.
func (x *Attend) Splits(l *Layer, queries, cells int) int {
	return x.cut(l, x.groups(l, queries), cells)
}

// cut is Splits for so many groups.
func (x *Attend) cut(l *Layer, groups, cells int) int {
	cells = min(1<<bits.Len(uint(max(cells, 1)-1)), l.Keys.Capacity)
	rows := l.Keys.Heads * groups * x.segments()[0].slices()
	return max(1, min(x.d.Multiprocessors*x.resident/rows, x.most(0, cells), mostParts-1))
}

// most is how many parts so many rows of a segment can be cut into, so that each warp has some.
func (x *Attend) most(segment, cells int) int {
	step := tile * x.tiles(segment) * min(x.warps, busyWarps)
	return (cells + step - 1) / step
}

// splits is that of every segment. The exact rows are few.
func (x *Attend) splits(l *Layer, groups, packed int) (all []int) {
	if packed == 0 {
		packed = x.cut(l, groups, l.Keys.Capacity)
	}
	all = []int{packed}
	if l.Exact != nil {
		all = append(all, max(1, min(x.most(1, l.Exact.Keys.Capacity), packed, mostParts-packed)))
	}
	return all
}

// Reserve makes room for calls of up to so many queries and splits. A later call that needs no more allocates nothing, as is needed
// while a graph is recorded, and leaves graphs valid that were recorded before.
func (x *Attend) Reserve(l *Layer, queries, splits int) error {
	return x.hold(l, x.groups(l, queries), splits)
}

// hold is Reserve for so many groups.
func (x *Attend) hold(l *Layer, groups, splits int) error {
	_, err := x.reserve(l, groups, x.splits(l, groups, splits))
	return err
}

// reserve returns where the parts of each segment begin, in floats; its last element is where they end.
func (x *Attend) reserve(l *Layer, groups int, splits []int) (at []int, err error) {
	rows := l.Keys.Heads * groups * x.rows()
	blocks, end := 0, 0
	for i, s := range x.segments() {
		blocks += splits[i] * s.slices()
		at = append(at, end)
		end += rows * splits[i] * (s.Value.row() + 2)
	}
	if blocks == 1 {
		end = 0 // the only block needs no room
	}
	if err := x.grow(&x.parts, uint64(4*end)); err != nil {
		return nil, err
	}
	return at, x.grow(&x.arrived, uint64(rows/x.rows()*4))
}

// check says what does not fit together.
func (x *Attend) check(l *Layer, q, out *Memory, b *Batch, splits []int) error {
	all := l.segments()
	if len(all) != len(x.segments()) {
		return fmt.Errorf("cuda: a layer with %d segments and a kernel for %d", len(all), len(x.segments()))
	}
	for i, s := range all {
		want := x.segments()[i]
		if s.Keys.Side != want.Key || s.Values.Side != want.Value || !s.Keys.Key || s.Values.Key {
			return fmt.Errorf("cuda: segment %d has keys of %s and values of %s and the kernel is for %s and %s", i, s.Keys.Type.Name, s.Values.Type.Name, want.Key.Type.Name, want.Value.Type.Name)
		}
		if s.Keys.Heads != l.Keys.Heads || s.Values.Heads != l.Keys.Heads || l.Heads%l.Keys.Heads != 0 {
			return fmt.Errorf("cuda: %d query heads over %d heads of keys and %d of values", l.Heads, s.Keys.Heads, s.Values.Heads)
		}
		if c := min(s.Keys.Capacity, s.Values.Capacity); s.Cells == nil || s.Cells.Capacity < c {
			return fmt.Errorf("cuda: segment %d has %d rows and a list of fewer cells", i, c)
		}
	}
	if b.Queries < 1 || splits[0] < 1 || splits[0] > mostParts-len(splits)+1 {
		return fmt.Errorf("cuda: %d queries in %d parts: want at least 1, and at most %d parts", b.Queries, splits[0], mostParts-len(splits)+1)
	}
	if err := x.whose(b); err != nil {
		return err
	}
	if n := l.Keys.Heads * x.groupsOf(l, b); n > 65535 {
		return fmt.Errorf("cuda: %d queries of %d heads in one batch: at most %d fit a launch", b.Queries, l.Heads, b.Queries*65535/n)
	}
	if x.SoftCap != (l.SoftCap > 0) {
		return fmt.Errorf("cuda: a layer with a soft cap of %g and a kernel compiled for soft cap %t", l.SoftCap, x.SoftCap)
	}
	if (x.Offset == nil) != (l.Offset == nil) || x.Offset != nil && *x.Offset != l.Offset.Turn.Pairing {
		return fmt.Errorf("cuda: a layer and a kernel with different offsets of keys")
	}
	if o := l.Offset; o != nil {
		if err := o.Mu.fits(0, uint64(4*l.Keys.Heads*x.Key.Dim)); err != nil {
			return err
		}
	}
	if err := b.Positions.fits(0, uint64(4*b.Queries)); err != nil {
		return err
	}
	if err := q.fits(0, uint64(4*b.Queries*l.Heads*x.Key.Dim)); err != nil {
		return err
	}
	return out.fits(0, uint64(4*b.Queries*l.Heads*x.Value.Dim))
}

// whose says whether it is known which sequences the queries of a batch are of.
func (x *Attend) whose(b *Batch) error {
	if !x.Paged {
		return nil
	}
	n := 0
	for _, r := range b.Runs {
		if n += r.N; r.N < 1 {
			return fmt.Errorf("cuda: a run of %d queries of sequence %d", r.N, r.Seq)
		}
	}
	if n != b.Queries || b.RunsAt == nil {
		return fmt.Errorf("cuda: %d queries in runs of %d together", b.Queries, n)
	}
	return b.RunsAt.fits(0, uint64(4*entry*len(b.Runs)))
}

// Run computes out [queries][Heads][value dim] for q [queries][Heads][key dim] at the batch's positions, over the cells of the layer
// that are in use when the kernel runs. What is launched depends on the layer, the number of queries and splits alone; splits is 0 for
// the default.
func (x *Attend) Run(l *Layer, q, out *Memory, b *Batch, splits int) error {
	groups := x.groupsOf(l, b)
	cut := x.splits(l, groups, splits)
	if err := x.check(l, q, out, b, cut); err != nil {
		return err
	}
	at, err := x.reserve(l, groups, cut)
	if err != nil {
		return err
	}
	a := attendArgs{
		q: q.at, positions: b.Positions.at, out: out.at, arrived: x.arrived.at,
		queries: int32(b.Queries), heads: int32(l.Heads), kvHeads: int32(l.Keys.Heads), window: int32(l.Window),
		scale: l.Scale, softCap: l.SoftCap,
	}
	if l.Sinks != nil {
		a.sinks = l.Sinks.at
	}
	if x.Paged {
		a.runs, a.count = b.RunsAt.at, int32(len(b.Runs))
	}
	if l.Offset != nil {
		a.mu = l.Offset.args()
	}
	grid := 0
	for i, s := range l.segments() {
		k, v := s.Keys.args(), s.Values.args()
		values := x.segments()[i]
		partial := x.parts.at + 4*uint64(at[i])
		a.segments[i] = segmentArgs{
			keys: k.rows, keyScales: k.scales, values: v.rows, valueScales: v.scales,
			keyHead: k.head, keyScaleHead: k.scaleHead, valueHead: v.head, valueScaleHead: v.scaleHead,
			cells: s.Cells.Head.at, positions: s.Cells.Positions.at,
			partial: partial, norms: partial + uint64(4*l.Keys.Heads*groups*cut[i]*x.rows()*values.Value.row()),
			capacity: min(k.capacity, v.capacity), splits: int32(cut[i]),
		}
		grid += cut[i] * values.slices()
	}
	return x.attend.launch(grid, l.Keys.Heads*groups, 32*x.warps, unsafe.Pointer(&a))
}

// Free gives the memory back.
func (x *Attend) Free() error {
	var all []error
	for _, m := range []*Memory{x.parts, x.arrived} {
		if m != nil {
			all = append(all, m.Free())
		}
	}
	return errors.Join(all...)
}

// grow makes *m at least so large; a graph that was recorded with a smaller piece must not be launched again.
func (x *Attend) grow(m **Memory, bytes uint64) error {
	if *m != nil && (*m).Size >= bytes {
		return nil
	}
	x.d.grown++
	if *m != nil {
		if err := x.d.Sync(); err != nil {
			return err
		}
		if err := (*m).Free(); err != nil {
			return err
		}
		*m = nil
	}
	piece, err := x.d.Alloc(bytes)
	*m = piece
	return err
}
