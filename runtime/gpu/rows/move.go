package rows

import (
	"fmt"

	"github.com/kvgen/kvgen/kernels/args"
	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/gpu/rope"
)

// Read decodes the rows of n cells into x [n][Heads][Dim], as the model computed them but for the
// error of the type. Items of cells the cache does not have stay as they are, here and below.
func (r *Rows) Read(x, cells *gpu.Buffer, n int) error {
	if err := x.Holds("input", uint64(4*n*r.Heads*r.Dim)); err != nil {
		return err
	}
	return r.move("read_rows", args.Move{X: x.Address()}, cells, n, nil)
}

// Export gives the rows of n cells as a file has them, [n][Heads]: bit for bit what Store and
// Import were given, but for fields of a block that no value is made of, which are 0. For a type of
// which device memory does not keep all it fails, with the compiler's message.
func (r *Rows) Export(packed, cells *gpu.Buffer, n int) error {
	return r.move("export_rows", args.Move{}, cells, n, packed)
}

// Angle is how keys are rotated to another position.
type Angle struct {
	rope.Pairing
	Cos, Sin *gpu.Buffer // [Pairs] of float32
}

// Rope gives the rows of n cells as Export does, after their keys were rotated by an angle:
// decoded, rotated and encoded again, with the bits of a shift of the CPU's cache. Rows that move
// are read before any is written: to shift a cache, take cells in the order of kv.Cells, as many at
// a time as packed has room for, and Import each piece to where it goes.
func (r *Rows) Rope(packed, cells *gpu.Buffer, n int, by Angle) error {
	if !r.Key {
		return fmt.Errorf("gpu: RoPE is of keys: these rows are values, of %s", r.Type.Name)
	}
	if 2*by.Pairs > r.Dim || by.Pairs < 0 {
		return fmt.Errorf("gpu: RoPE has 0 to %d pairs of a head of %d values: %d were given", r.Dim/2, r.Dim, by.Pairs)
	}
	a := args.Move{Pairs: int32(by.Pairs), Adjacent: gpu.Flag(by.Adjacent)}
	if by.Pairs > 0 {
		for _, m := range []*gpu.Buffer{by.Cos, by.Sin} {
			if err := m.Fits(0, uint64(4*by.Pairs)); err != nil {
				return err
			}
		}
		a.Cos, a.Sin = by.Cos.Address(), by.Sin.Address()
	}
	return r.move("rope_rows", a, cells, n, packed)
}

func (r *Rows) move(kernel string, a args.Move, cells *gpu.Buffer, n int, packed *gpu.Buffer) error {
	if kernel != "read_rows" && packed == nil {
		return fmt.Errorf("gpu: %s needs room for the packed rows of %d cells: none was given", kernel, n)
	}
	if err := r.checkLists(cells, n, packed); err != nil {
		return err
	}
	f, err := r.moveKernel(kernel)
	if err != nil {
		return err
	}
	if a.From, a.Cells = r.Args(), cells.Address(); packed != nil {
		a.Packed = packed.Address()
	}
	return f.Launch(gpu.Grid{X: n, Y: r.Heads, Threads: 32}, &a)
}

// moveKernel finds a kernel of move.cu, which is compiled when the first is needed.
func (r *Rows) moveKernel(kernel string) (gpu.Kernel, error) {
	if f := r.moves[kernel]; f != nil {
		return f, nil
	}
	m, err := r.queue.Program(func(d *gpu.Dialect) (*gpu.Source, error) { return MoveSource(d, r.Side, r.Key) })
	if err != nil {
		return nil, err
	}
	moves := map[string]gpu.Kernel{}
	for _, name := range []string{"read_rows", "export_rows", "rope_rows"} {
		if moves[name], err = m.Kernel(name, 0); err != nil {
			return nil, err
		}
	}
	r.moves = moves
	return moves[kernel], nil
}
