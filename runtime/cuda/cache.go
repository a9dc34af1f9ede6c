package cuda

import (
	"fmt"
	"unsafe"
)

// Rows is one side of one layer's cache in device memory: for each KV head, room for a number of rows and their scales. Rows are
// appended by Store and never moved.
type Rows struct {
	Side
	Heads                int // KV heads
	Capacity             int // rows of a head, a multiple of 64
	RowBytes, ScaleBytes int

	rows, scales *Memory
	store        *Function
}

// NewRows compiles what stores rows of this side and allocates room for capacity of them. key says which side of attention it is.
func (d *Device) NewRows(c *Compiler, s Side, key bool, heads, capacity int) (*Rows, error) {
	if err := s.Type.Fits(s.Dim); err != nil {
		return nil, err
	}
	src, err := StoreSource(s, key, c.texts())
	if err != nil {
		return nil, err
	}
	m, err := d.build(c, src)
	if err != nil {
		return nil, err
	}
	sizes, err := m.Ints("row_bytes", 2)
	if err != nil {
		return nil, err
	}
	r := &Rows{Side: s, Heads: heads, Capacity: (capacity + 63) / 64 * 64, RowBytes: int(sizes[0]), ScaleBytes: int(sizes[1])}
	if r.store, err = m.Function("store", 0); err != nil {
		return nil, err
	}
	if r.rows, err = d.Alloc(uint64(heads * r.Capacity * r.RowBytes)); err != nil {
		return nil, err
	}
	if r.scales, err = d.Alloc(uint64(heads * r.Capacity * r.ScaleBytes)); err != nil {
		r.rows.Free()
		return nil, err
	}
	return r, nil
}

// build compiles a source and loads it.
func (d *Device) build(c *Compiler, s *Source) (*Module, error) {
	image, err := c.Compile(s, Target{d.Arch, d.DriverVersion})
	if err != nil {
		return nil, err
	}
	return d.Load(s.Name, image.Code)
}

// storeArgs is struct Store of store.cu.
type storeArgs struct {
	x, packed, rows, scales uint64
	head, scaleHead         int64
	first, heads            int32
}

func (r *Rows) args(first int) storeArgs {
	return storeArgs{
		rows: r.rows.at, scales: r.scales.at, first: int32(first), heads: int32(r.Heads),
		head: int64(r.Capacity * r.RowBytes), scaleHead: int64(r.Capacity * r.ScaleBytes),
	}
}

// Store encodes tokens [tokens][Heads][Dim] of x into rows first and up. If packed is not nil it receives the rows as a file has
// them, [tokens][Heads].
func (r *Rows) Store(x *Memory, first, tokens int, packed *Memory) error {
	if err := r.fits(first, tokens); err != nil {
		return err
	}
	if err := x.fits(0, uint64(4*tokens*r.Heads*r.Dim)); err != nil {
		return err
	}
	a := r.args(first)
	a.x = x.at
	if packed != nil {
		if err := packed.fits(0, uint64(tokens*r.Heads*r.FileRow())); err != nil {
			return err
		}
		a.packed = packed.at
	}
	return r.store.launch(tokens, r.Heads, 32, unsafe.Pointer(&a))
}

// Import takes rows as a file or the CPU's cache has them, [tokens][Heads].
func (r *Rows) Import(packed *Memory, first, tokens int) error {
	if err := r.fits(first, tokens); err != nil {
		return err
	}
	if err := packed.fits(0, uint64(tokens*r.Heads*r.FileRow())); err != nil {
		return err
	}
	a := r.args(first)
	a.packed = packed.at
	return r.store.launch(tokens, r.Heads, 32, unsafe.Pointer(&a))
}

// FileRow is the bytes of a row as a file has it.
func (r *Rows) FileRow() int { return r.Type.RowBytes(r.Type.HeadDim(r.Dim)) }

func (r *Rows) fits(first, tokens int) error {
	if first < 0 || tokens < 1 || first > r.Capacity-tokens {
		return fmt.Errorf("cuda: rows %d to %d of a cache of %d", first, first+tokens-1, r.Capacity)
	}
	return nil
}

// Bytes is the device memory that the rows take.
func (r *Rows) Bytes() uint64 { return r.rows.Size + r.scales.Size }

// Free gives the memory back.
func (r *Rows) Free() error {
	err := r.rows.Free()
	if e := r.scales.Free(); err == nil {
		err = e
	}
	return err
}
