package engine

import (
	"errors"
	"fmt"

	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/gpu/rows"
	"github.com/kvgen/kvgen/runtime/kv"
)

// transferRows is how many rows go between the device and the processor together.
const transferRows = 1024

// transfer is what copies rows needs: room for some of them on both sides.
type transfer struct {
	cells, packed *gpu.Buffer
	list          []int32
	host          []byte
}

// each calls move for all sides of all layers, with a carry for each; then the positions of cells
// follow.
func (c *cache) each(move func(x *transfer, side *kv.Side, rows *rows.Rows, cells []int32) error) error {
	for i, l := range c.layers {
		for k, s := range l.host.Segments() {
			for _, side := range []struct {
				host *kv.Side
				rows *rows.Rows
			}{{s.K, l.rows[k].Keys}, {s.V, l.rows[k].Values}} {
				if err := c.side(move, side.host, side.rows); err != nil {
					return fmt.Errorf("layer %d: %w", c.host.Plan.Layers[c.e.span.KV.Lo+i].Layer.Index, err)
				}
			}
		}
	}
	return nil
}

// side moves the rows of one side that are in use.
func (c *cache) side(move func(x *transfer, side *kv.Side, rows *rows.Rows, cells []int32) error, side *kv.Side, rows *rows.Rows) (err error) {
	used := len(side.Cells.Pos())
	if used == 0 {
		return nil
	}
	n := min(used, transferRows)
	x := &transfer{list: make([]int32, n), host: make([]byte, n*rows.Heads*rows.FileRow())}
	if x.cells, err = c.e.b.Alloc(uint64(4 * n)); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, x.cells.Free()) }()
	if x.packed, err = c.e.b.Alloc(uint64(len(x.host))); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, x.packed.Free()) }()
	for lo := 0; lo < used && err == nil; lo += n {
		list := x.list[:min(n, used-lo)]
		for i := range list {
			list[i] = int32(lo + i)
		}
		if err = gpu.Write(x.cells, 0, list); err == nil {
			err = move(x, side, rows, list)
		}
	}
	return err
}

// pull brings rows to the processor.
func pull(x *transfer, side *kv.Side, rows *rows.Rows, cells []int32) error {
	n := rows.FileRow()
	host := x.host[:len(cells)*rows.Heads*n]
	if err := rows.Export(x.packed, x.cells, len(cells)); err != nil {
		return err
	}
	if err := gpu.Read(x.packed, 0, host); err != nil {
		return err
	}
	for i, cell := range cells {
		for h := range rows.Heads {
			copy(side.Head(h)[int(cell)*n:][:n], host[(i*rows.Heads+h)*n:])
		}
	}
	return nil
}

// push takes them back.
func push(x *transfer, side *kv.Side, rows *rows.Rows, cells []int32) error {
	n := rows.FileRow()
	host := x.host[:len(cells)*rows.Heads*n]
	for i, cell := range cells {
		for h := range rows.Heads {
			copy(host[(i*rows.Heads+h)*n:][:n], side.Head(h)[int(cell)*n:])
		}
	}
	if err := gpu.Write(x.packed, 0, host); err != nil {
		return err
	}
	return rows.Import(x.packed, x.cells, len(cells))
}
