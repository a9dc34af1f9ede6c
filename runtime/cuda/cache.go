package cuda

import (
	"fmt"
	"unsafe"
)

// Rows is one side of one segment of one layer's cache in device memory: for each KV head, room for a number of rows and their
// scales. A row lies in a cell; which position a cell holds is in Cells.
type Rows struct {
	Side
	Key                  bool // which side it is: they lie differently
	Heads                int  // KV heads
	Capacity             int  // rows of a head, a multiple of 64
	RowBytes, ScaleBytes int

	d            *Device
	c            *Compiler // for what is not needed in every run
	rows, scales *Memory
	store        *Function
	moves        map[string]*Function // kernels of move.cu that were asked for
}

// NewRows compiles what stores rows of this side and allocates room for capacity of them. key says which side of attention it is.
func (d *Device) NewRows(c *Compiler, s Side, key bool, heads, capacity int) (*Rows, error) {
	if err := s.Type.Fits(s.Dim); err != nil {
		return nil, err
	}
	if heads < 1 || capacity < 1 {
		return nil, fmt.Errorf("cuda: a cache of %d rows of %d heads: both must be at least 1", capacity, heads)
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
	r := &Rows{Side: s, Key: key, Heads: heads, Capacity: (capacity + 63) / 64 * 64, RowBytes: int(sizes[0]), ScaleBytes: int(sizes[1]), d: d, c: c}
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

// rowsArgs is struct Rows of packed.cuh.
type rowsArgs struct {
	rows, scales    uint64
	head, scaleHead int64
	capacity, _     int32
}

func (r *Rows) args() rowsArgs {
	return rowsArgs{
		rows: r.rows.at, scales: r.scales.at, capacity: int32(r.Capacity),
		head: int64(r.Capacity * r.RowBytes), scaleHead: int64(r.Capacity * r.ScaleBytes),
	}
}

// storeArgs is struct Store of store.cu.
type storeArgs struct {
	x, packed, cells uint64
	to               rowsArgs
	ld               int64
}

// Store encodes tokens [tokens][Heads][Dim] of x into the cells [tokens] of int32; a token whose cell is not in 0..Capacity-1 is left
// out. If packed is not nil it receives the rows as a file has them, [tokens][Heads].
func (r *Rows) Store(x, cells *Memory, tokens int, packed *Memory) error {
	if err := x.fits(0, uint64(4*tokens*r.Heads*r.Dim)); err != nil {
		return err
	}
	a := storeArgs{x: x.at, ld: int64(r.Heads * r.Dim)}
	return r.put(a, cells, tokens, packed)
}

// Import takes rows as a file or the CPU's cache has them, [tokens][Heads], into the cells [tokens].
func (r *Rows) Import(packed, cells *Memory, tokens int) error {
	if packed == nil {
		return fmt.Errorf("cuda: no rows to import")
	}
	return r.put(storeArgs{}, cells, tokens, packed)
}

func (r *Rows) put(a storeArgs, cells *Memory, tokens int, packed *Memory) error {
	if err := r.lists(cells, tokens, packed); err != nil {
		return err
	}
	if a.to, a.cells = r.args(), cells.at; packed != nil {
		a.packed = packed.at
	}
	return r.store.launch(tokens, r.Heads, 32, unsafe.Pointer(&a))
}

// lists says whether a list of n cells, and packed rows unless they are nil, have room for what a kernel reads or writes.
func (r *Rows) lists(cells *Memory, n int, packed *Memory) error {
	if n < 1 {
		return fmt.Errorf("cuda: a list of %d cells", n)
	}
	if err := cells.fits(0, uint64(4*n)); err != nil {
		return err
	}
	if packed != nil {
		return packed.fits(0, uint64(n*r.Heads*r.FileRow()))
	}
	return nil
}

// FileRow is the bytes of a row as a file has it.
func (r *Rows) FileRow() int { return r.Type.RowBytes(r.Type.HeadDim(r.Dim)) }

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
