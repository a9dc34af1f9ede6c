package rows

import (
	"fmt"

	"github.com/kvgen/kvgen/kernels/args"
	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/gpu/cells"
)

// Segment is rows of a layer of one pair of types. A position is in one segment.
type Segment struct {
	Keys, Values *Rows
	Cells        *cells.Cells
}

// Rows is one side of one segment of one layer's cache in device memory: for each KV head, room for
// a number of rows and their scales. A row lies in a cell; which position a cell holds is in Cells.
type Rows struct {
	Side
	Key                  bool // which side it is: they lie differently
	Heads                int  // KV heads
	Capacity             int  // rows of a head, a multiple of 64
	RowBytes, ScaleBytes int

	queue        *gpu.Queue
	rows, scales *gpu.Buffer
	store        gpu.Kernel
	moves        map[string]gpu.Kernel // kernels of move.cu that were asked for
}

// NewRows compiles what stores rows of this side and allocates room for capacity of them. key says
// which side of attention it is.
func New(q *gpu.Queue, s Side, key bool, heads, capacity int) (*Rows, error) {
	if err := s.Type.Fits(s.Dim); err != nil {
		return nil, err
	}
	if heads < 1 || capacity < 1 {
		return nil, fmt.Errorf("gpu: a cache needs at least 1 row and 1 KV head: %d rows of %d heads", capacity, heads)
	}
	m, err := q.Program(func(d *gpu.Dialect) (*gpu.Source, error) { return StoreSource(d, s, key) })
	if err != nil {
		return nil, err
	}
	sizes, err := m.Facts("row_bytes", 2)
	if err != nil {
		return nil, err
	}
	r := &Rows{Side: s, Key: key, Heads: heads, Capacity: (capacity + 63) / 64 * 64, RowBytes: int(sizes[0]), ScaleBytes: int(sizes[1]), queue: q}
	if r.store, err = m.Kernel("store", 0); err != nil {
		return nil, err
	}
	if r.rows, err = q.Alloc(uint64(heads * r.Capacity * r.RowBytes)); err != nil {
		return nil, err
	}
	if r.scales, err = q.Alloc(uint64(heads * r.Capacity * r.ScaleBytes)); err != nil {
		r.rows.Free()
		return nil, err
	}
	return r, nil
}

func (r *Rows) Args() args.Rows {
	return args.Rows{
		Rows: r.rows.Address(), Scales: r.scales.Address(), Capacity: int32(r.Capacity),
		Head: int64(r.Capacity * r.RowBytes), ScaleHead: int64(r.Capacity * r.ScaleBytes),
	}
}

// Store encodes tokens [tokens][Heads][Dim] of x into the cells [tokens] of int32; a token whose
// cell is not in 0..Capacity-1 is left out. If packed is not nil it receives the rows as a file has
// them, [tokens][Heads].
func (r *Rows) Store(x, cells *gpu.Buffer, tokens int, packed *gpu.Buffer) error {
	if err := x.Holds("input", uint64(4*tokens*r.Heads*r.Dim)); err != nil {
		return err
	}
	a := args.Store{X: x.Address(), LD: int64(r.Heads * r.Dim)}
	return r.storeInto(a, cells, tokens, packed)
}

// Import takes rows as a file or the CPU's cache has them, [tokens][Heads], into the cells
// [tokens].
func (r *Rows) Import(packed, cells *gpu.Buffer, tokens int) error {
	if packed == nil {
		return fmt.Errorf("gpu: rows to import must be given")
	}
	return r.storeInto(args.Store{}, cells, tokens, packed)
}

func (r *Rows) storeInto(a args.Store, cells *gpu.Buffer, tokens int, packed *gpu.Buffer) error {
	if err := r.checkLists(cells, tokens, packed); err != nil {
		return err
	}
	if a.To, a.Cells = r.Args(), cells.Address(); packed != nil {
		a.Packed = packed.Address()
	}
	return r.store.Launch(gpu.Grid{X: tokens, Y: r.Heads, Threads: 32}, &a)
}

// checkLists says whether a list of n cells, and packed rows unless they are nil, have room for
// what a kernel reads or writes.
func (r *Rows) checkLists(cells *gpu.Buffer, n int, packed *gpu.Buffer) error {
	if n < 1 {
		return fmt.Errorf("gpu: a list of cells has at least 1: %d were given", n)
	}
	if err := cells.Holds("list of cells", uint64(4*n)); err != nil {
		return err
	}
	if packed != nil {
		return packed.Holds("packed rows", uint64(n*r.Heads*r.FileRow()))
	}
	return nil
}

// FileRow is the bytes of a row as a file has it.
func (r *Rows) FileRow() int { return r.Type.RowBytes(r.Type.HeadDim(r.Dim)) }

// Buffers are the memory of rows and of scales.
func (r *Rows) Buffers() (rows, scales *gpu.Buffer) { return r.rows, r.scales }

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
