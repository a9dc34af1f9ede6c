package cuda

import (
	"fmt"
	"unsafe"
)

// Layer is what attention needs to know of a layer; the contract is that of attention.Layer in runtime/attention.
type Layer struct {
	Heads   int
	Scale   float32
	SoftCap float32 // 0 for none
	Window  int     // 0 for none
	Sinks   *Memory // [Heads] of float32, nil for none
	Keys    *Rows
	Values  *Rows
}

// Attend computes attention for one pair of sides. It may serve any number of layers with the same shape, one at a time.
type Attend struct {
	Attention
	d               *Device
	attend, combine *Function
	warps, resident int

	partial, norms *Memory // grown as needed
}

// NewAttend compiles the kernels of a shape.
func (d *Device) NewAttend(c *Compiler, a Attention) (*Attend, error) {
	src, err := a.Source(Generated)
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
	x := &Attend{Attention: a, d: d, warps: orDefault(a.Warps, defaultWarps)}
	if x.attend, err = m.Function("attend", int(shared[0])); err != nil {
		return nil, err
	}
	if x.combine, err = m.Function("combine", 0); err != nil {
		return nil, err
	}
	if x.resident, err = x.attend.Resident(32 * x.warps); err != nil {
		return nil, err
	}
	if x.resident < 1 {
		return nil, fmt.Errorf("cuda: kernel %s does not fit a multiprocessor of %s", src.Name, d.Name)
	}
	return x, nil
}

// attendArgs is struct Attend of attend.cu.
type attendArgs struct {
	q, keys, keyScales, values, valueScales, partial, norms, out, sinks uint64
	keyHead, keyScaleHead, valueHead, valueScaleHead                    int64
	first, queries, heads, kvHeads, cells, window, splits               int32
	scale, softCap                                                      float32
}

// groups is the number of blocks that the query rows of one KV head take.
func (x *Attend) groups(l *Layer, queries int) int {
	return (queries*l.Heads/l.Keys.Heads + x.rows() - 1) / x.rows()
}

// Splits is the number of parts that the cache is cut into for so many queries of a layer: as many blocks as the GPU holds at once.
func (x *Attend) Splits(l *Layer, queries, cells int) int {
	step := 32 * x.tiles()
	tiles := (cells + step - 1) / step
	if l.Window > 0 {
		tiles = min(tiles, (l.Window+queries+2*step-2)/step)
	}
	rows := l.Keys.Heads * x.groups(l, queries) * (x.Value.row() / x.slice())
	return max(1, min(x.d.Multiprocessors*x.resident/rows, (tiles+x.warps-1)/x.warps))
}

// Run computes out [queries][Heads][value dim] for q [queries][Heads][key dim] at positions first and up, of which all see rows of
// the cache up to their own; cells is how many rows there are. splits is 0 for the default.
func (x *Attend) Run(l *Layer, q, out *Memory, first, queries, cells, splits int) error {
	if cells < 1 || cells > min(l.Keys.Capacity, l.Values.Capacity) || queries < 1 || l.Keys.Heads != l.Values.Heads || l.Heads%l.Keys.Heads != 0 {
		return fmt.Errorf("cuda: attention of %d queries and %d heads over %d rows: the cache has %d and %d rows of %d and %d heads",
			queries, l.Heads, cells, l.Keys.Capacity, l.Values.Capacity, l.Keys.Heads, l.Values.Heads)
	}
	if x.SoftCap != (l.SoftCap > 0) {
		return fmt.Errorf("cuda: a layer with a soft cap of %g and a kernel compiled for soft cap %t", l.SoftCap, x.SoftCap)
	}
	if err := q.fits(0, uint64(4*queries*l.Heads*x.Key.Dim)); err != nil {
		return err
	}
	if err := out.fits(0, uint64(4*queries*l.Heads*x.Value.Dim)); err != nil {
		return err
	}
	if splits == 0 {
		splits = x.Splits(l, queries, cells)
	}
	groups := x.groups(l, queries)
	rows := uint64(l.Keys.Heads * groups * splits * x.rows())
	if err := x.grow(&x.partial, 4*rows*uint64(x.Value.row())); err != nil {
		return err
	}
	if err := x.grow(&x.norms, 8*rows); err != nil {
		return err
	}
	k, v := l.Keys, l.Values
	a := attendArgs{
		q: q.at, keys: k.rows.at, keyScales: k.scales.at, values: v.rows.at, valueScales: v.scales.at,
		partial: x.partial.at, norms: x.norms.at, out: out.at,
		keyHead: int64(k.Capacity * k.RowBytes), keyScaleHead: int64(k.Capacity * k.ScaleBytes),
		valueHead: int64(v.Capacity * v.RowBytes), valueScaleHead: int64(v.Capacity * v.ScaleBytes),
		first: int32(first), queries: int32(queries), heads: int32(l.Heads), kvHeads: int32(k.Heads),
		cells: int32(cells), window: int32(l.Window), splits: int32(splits), scale: l.Scale, softCap: l.SoftCap,
	}
	if l.Sinks != nil {
		a.sinks = l.Sinks.at
	}
	if err := x.attend.launch(splits, k.Heads*groups*(x.Value.row()/x.slice()), 32*x.warps, unsafe.Pointer(&a)); err != nil {
		return err
	}
	return x.combine.launch(queries*l.Heads/k.Heads, k.Heads, 512, unsafe.Pointer(&a))
}

// grow makes *m at least so large; a graph that was recorded with a smaller piece must not be launched again.
func (x *Attend) grow(m **Memory, bytes uint64) error {
	if *m != nil && (*m).Size >= bytes {
		return nil
	}
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
