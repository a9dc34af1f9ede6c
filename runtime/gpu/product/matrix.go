package product

import (
	"fmt"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/kernels/args"
	"github.com/kvgen/kvgen/runtime/gpu"
)

// Matrix is weights in device memory, laid out for products: rows of the same type and length, of
// one or more tensors one after another.
type Matrix struct {
	Type    *kernels.Type
	Rows, N int // N: values of a row

	q      *gpu.Queue
	at     args.Layout
	halves bool // rows are f16
	// [Rows][at.pitch]; [Rows] powers of two that rows are divided by to be f16
	weights, units *gpu.Buffer

	gather, transform, expand gpu.Kernel
}

// padding is the values that rows in device memory are whole numbers of, as in matrix.cu.
const padding = 32

// newLayout places the arrays of a row of n values. arrays are the bytes of an entry of each and
// how many values that is for.
func newLayout(arrays []int32, n int) args.Layout {
	n = roundUp(n, padding)
	var at [6]int
	for k := range 5 {
		bytes, values := int(arrays[2*k]), int(arrays[2*k+1])
		at[k+1] = at[k] + roundUp((n+values-1)/values*bytes, 16)
	}
	return args.Layout{First: int32(at[0]), Second: int32(at[1]), Third: int32(at[2]), Scales: int32(at[3]), Bases: int32(at[4]), Pitch: int32(roundUp(at[5], 32))}
}

func roundUp(n, unit int) int { return (n + unit - 1) / unit * unit }

// pieceBytes is what NewMatrix takes of a file at a time, if a row is not more.
const pieceBytes = 4 << 20

// NewMatrix compiles what a type's rows need and uploads rows of n values. read fills p with the
// bytes from byte at on of the rows as a GGUF file has them, rows*t.RowBytes(n) bytes, of all
// tensors one after another. It is asked for a few MiB at a time, in order.
func NewMatrix(q *gpu.Queue, t *kernels.Type, n, rows int, read func(p []byte, at int64) error) (*Matrix, error) {
	if n < 1 || rows < 1 || n%t.Block != 0 {
		return nil, fmt.Errorf("gpu: rows of a matrix are whole blocks, of %d values for %s: %d rows of %d values", t.Block, t.Name, rows, n)
	}
	module, err := q.Program(func(d *gpu.Dialect) (*gpu.Source, error) { return MatrixSource(d, t) })
	if err != nil {
		return nil, err
	}
	arrays, err := module.Facts("matrix_arrays", 10)
	if err != nil {
		return nil, err
	}
	halves, err := module.Facts("matrix_halves", 1)
	if err != nil {
		return nil, err
	}
	m := &Matrix{Type: t, Rows: rows, N: n, q: q, at: newLayout(arrays, n), halves: halves[0] != 0}
	var repack gpu.Kernel
	for _, f := range []struct {
		name string
		to   *gpu.Kernel
	}{{"repack", &repack}, {"gather", &m.gather}, {"transform_rows", &m.transform}, {"expand", &m.expand}} {
		if *f.to, err = module.Kernel(f.name, 0); err != nil {
			return nil, err
		}
	}
	m.gather = m.gather.Overlap()
	if m.weights, err = q.Alloc(uint64(rows) * uint64(m.at.Pitch)); err != nil {
		return nil, fmt.Errorf("%w: for a matrix of %d rows of %d values of %s", err, rows, n, t.Name)
	}
	if m.units, err = q.Alloc(uint64(4 * rows)); err == nil {
		err = m.upload(repack, read)
	}
	if err != nil {
		m.Free()
		return nil, err
	}
	return m, nil
}

// upload copies rows piece by piece and repacks each on the device.
func (m *Matrix) upload(repack gpu.Kernel, read func(p []byte, at int64) error) error {
	row := m.Type.RowBytes(m.N)
	rows := min(m.Rows, max(1, pieceBytes/row), 1<<16)
	host := make([]byte, rows*row)
	packed, err := m.q.Alloc(uint64(len(host)))
	if err != nil {
		return err
	}
	for first := 0; read != nil && first < m.Rows && err == nil; first += rows {
		n := min(rows, m.Rows-first)
		if err = read(host[:n*row], int64(first)*int64(row)); err != nil {
			break
		}
		if err = gpu.Write(packed, 0, host[:n*row]); err != nil {
			break
		}
		a := args.Repack{Packed: packed.Address(), Weights: m.row(first), Units: m.units.Address() + uint64(4*first), At: m.at, N: int32(m.N)}
		err = repack.Launch(gpu.Grid{X: n, Threads: 128}, &a)
	}
	if e := m.q.Sync(); err == nil {
		err = e
	}
	if e := packed.Free(); err == nil {
		err = e
	}
	return err
}

// row is the address of a row.
func (m *Matrix) row(r int) uint64 { return m.weights.Address() + uint64(r)*uint64(m.at.Pitch) }

// Bytes is the device memory that the matrix takes.
func (m *Matrix) Bytes() uint64 { return m.weights.Size + m.units.Size }

// Free gives the memory back.
func (m *Matrix) Free() error {
	var first error
	for _, p := range []*gpu.Buffer{m.weights, m.units} {
		if p == nil {
			continue
		}
		if err := p.Free(); first == nil {
			first = err
		}
	}
	return first
}

// Blocks of gather, transform_rows and expand take so many values of a row.
const stretches = 4 * 1024

// Gather writes the rows whose numbers are ids, [tokens] of int32, as numbers to out, [tokens][N]
// of f32: the values of the model, with the type's transform undone. A row that there is not
// becomes zeros.
func (m *Matrix) Gather(out, ids *gpu.Buffer, tokens int) error {
	if tokens < 1 {
		return fmt.Errorf("gpu: at least 1 row of a matrix is gathered: %d were asked for", tokens)
	}
	if err := ids.Holds("list of rows", uint64(4*tokens)); err != nil {
		return err
	}
	if err := out.Holds("outputs", uint64(4*tokens)*uint64(m.N)); err != nil {
		return err
	}
	a := args.Gather{Weights: m.weights.Address(), Ids: ids.Address(), Out: out.Address(), At: m.at, N: int32(m.N), Rows: int32(m.Rows)}
	return m.gather.Launch(gpu.Grid{X: tokens, Y: (m.N + stretches - 1) / stretches, Threads: 128}, &a)
}

// transformInto makes so many rows of activations in the type's domain, in out; row is the address
// of the numbers of the rows of x, 0 for all.
func (m *Matrix) transformInto(out, x, row uint64, rows int) error {
	a := args.Transform{X: x, Out: out, Row: row, N: int32(m.N)}
	return m.transform.Launch(gpu.Grid{X: rows, Y: (m.N + stretches - 1) / stretches, Threads: 128}, &a)
}
