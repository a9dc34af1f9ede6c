package gguf

import (
	"fmt"
	"math"
	"math/bits"
	"sort"
)

// TypeSize gives the block length of a ggml type in values and in bytes. The dispatch table of the kernels is the only
// list of types, so the reader asks for it instead of having one. ok is false for an id the table does not know.
type TypeSize func(id uint32) (block, bytes int, ok bool)

// Tensor is one record of the header.
type Tensor struct {
	Name   string
	Dims   []int64 // 1 to 4 lengths, innermost (contiguous) first, all positive
	Type   uint32  // ggml type id
	Offset int64   // of the data, from the start of the file that holds it
	Size   int64   // bytes of data; 0 when TypeSize did not know the type

	part int   // of the model that holds it, from 0
	at   int64 // where in the header its offset stands, for errors
}

// Elements is the product of the dimensions.
func (t *Tensor) Elements() int64 {
	n := int64(1)
	for _, d := range t.Dims {
		n *= d
	}
	return n
}

// readTensor reads one tensor record. Offset is left relative to the data section, whose start is not known yet.
func (f *File) readTensor(c *cursor, sizes TypeSize) error {
	c.of = fmt.Sprintf(" of tensor %d", len(f.tensors))
	at := c.pos
	name, err := c.name("name", maxName)
	if err != nil {
		return err
	}
	c.of = " of tensor " + quoted(name)
	if _, dup := f.byName[name]; dup {
		return c.bad(at, "name", "every name once", "a duplicate")
	}
	t := Tensor{Name: name}
	dimsAt := c.pos
	if t.Dims, err = c.dims(); err != nil {
		return err
	}
	if t.Type, err = c.u32("type"); err != nil {
		return err
	}
	if t.Size, err = c.tensorBytes(&t, dimsAt, sizes); err != nil {
		return err
	}
	t.at = c.pos
	off, err := c.u64("offset")
	if err != nil {
		return err
	}
	if off > math.MaxInt64 {
		return c.bad(t.at, "offset", fmt.Sprintf("a file of %d bytes", c.size), "%d", off)
	}
	t.Offset = int64(off)
	f.byName[name] = len(f.tensors)
	f.tensors = append(f.tensors, t)
	return nil
}

// dims reads the shape; the product of what it returns fits an int64.
func (c *cursor) dims() ([]int64, error) {
	at := c.pos
	n, err := c.u32("dimension count")
	if err != nil {
		return nil, err
	}
	if n == 0 || n > maxDims {
		return nil, c.bad(at, "dimension count", fmt.Sprintf("1 to %d", maxDims), "%d", n)
	}
	dims, product := make([]int64, n), uint64(1)
	for i := range dims {
		at = c.pos
		d, err := c.u64("dimension")
		if err != nil {
			return nil, err
		}
		if d == 0 || d > math.MaxInt64 {
			return nil, c.bad(at, fmt.Sprintf("dimension %d", i), "1 to 2^63-1", "%d", int64(d))
		}
		hi, lo := bits.Mul64(product, d)
		if hi != 0 || lo > math.MaxInt64 {
			return nil, c.bad(at, fmt.Sprintf("dimension %d", i), "a product of at most 2^63-1", "%d times %d elements", d, product)
		}
		dims[i], product = int64(d), lo
	}
	return dims, nil
}

// tensorBytes is the size of t's data, 0 for an unknown type.
func (c *cursor) tensorBytes(t *Tensor, dimsAt int64, sizes TypeSize) (int64, error) {
	block, bytes, ok := 0, 0, false
	if sizes != nil {
		block, bytes, ok = sizes(t.Type)
	}
	if !ok || block <= 0 || bytes <= 0 {
		return 0, nil
	}
	if t.Dims[0]%int64(block) != 0 {
		return 0, c.bad(dimsAt+4, "dimension 0", fmt.Sprintf("a multiple of %d, the block of type %d", block, t.Type), "%d", t.Dims[0])
	}
	hi, lo := bits.Mul64(uint64(t.Elements()/int64(block)), uint64(bytes))
	if hi != 0 || lo > math.MaxInt64 {
		return 0, c.bad(dimsAt+4, "dimensions", "a size of at most 2^63-1 bytes", "%d elements", t.Elements())
	}
	return int64(lo), nil
}

// placeTensors proves that every tensor's data lies in the file, aligned and apart from every other's, and makes the
// offsets absolute.
func (f *File) placeTensors() error {
	data := max(0, f.Size-f.DataOffset)
	order := make([]*Tensor, len(f.tensors))
	for i := range f.tensors {
		t := &f.tensors[i]
		order[i] = t
		if t.Offset%f.Alignment != 0 {
			return t.bad(fmt.Sprintf("a multiple of %d, the alignment", f.Alignment), "%d", t.Offset)
		}
		if t.Offset >= data || t.Size > data-t.Offset {
			return t.bad(fmt.Sprintf("a data section of %d bytes, from %d", data, f.DataOffset), "%d bytes at %d", t.Size, t.Offset)
		}
	}
	sort.SliceStable(order, func(i, j int) bool { return order[i].Offset < order[j].Offset })
	for i, t := range order[min(1, len(order)):] {
		// A tensor of unknown type has one byte at least.
		if prev := order[i]; prev.Offset+max(1, prev.Size) > t.Offset {
			return t.bad(fmt.Sprintf("after tensor %s, %d bytes at %d", quoted(prev.Name), prev.Size, prev.Offset), "%d", t.Offset)
		}
	}
	for i := range f.tensors {
		f.tensors[i].Offset += f.DataOffset
	}
	return nil
}

func (t *Tensor) bad(limit, got string, args ...any) error {
	return &Error{Offset: t.at, Field: "offset of tensor " + quoted(t.Name), Got: fmt.Sprintf(got, args...), Limit: limit}
}
