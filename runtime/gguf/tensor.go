package gguf

import (
	"fmt"
	"math"
	"math/bits"
	"sort"
)

// TypeSize gives the block length of a ggml type in values and in bytes. The dispatch table of the
// kernels is the only list of types, so the reader asks for it instead of having one. ok is false
// for an id the table does not know.
type TypeSize func(id uint32) (block, bytes int, ok bool)

// Tensor is one record of the header.
type Tensor struct {
	Name   string
	Dims   []int64 // 1 to 4 lengths, innermost (contiguous) first, none negative
	Type   uint32  // ggml type id
	Offset int64   // of the data, from the start of the file that holds it
	// bytes of data; 0 when TypeSize did not know the type, and where a dimension is 0
	Size int64

	known bool  // TypeSize knew the type
	part  int   // of the model that holds it, from 0
	at    int64 // where in the header its offset stands, for errors
}

// Known reports whether TypeSize knew the type of the tensor, so that its data can be read.
func (t *Tensor) Known() bool { return t.known }

// empty reports whether the tensor has no data, which ggml takes, too.
func (t *Tensor) empty() bool { return t.known && t.Size == 0 }

// Elements is the product of the dimensions.
func (t *Tensor) Elements() int64 {
	n := int64(1)
	for _, d := range t.Dims {
		n *= d
	}
	return n
}

// readTensor reads one tensor record. Offset is left relative to the data section, whose start is
// not known yet.
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
	if t.Size, t.known, err = c.tensorBytes(&t, dimsAt, sizes); err != nil {
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

// dims reads the shape; the product of what it returns fits an int64. No dimensions are those of a
// single value, as in ggml.
func (c *cursor) dims() ([]int64, error) {
	at := c.pos
	n, err := c.u32("dimension count")
	if err != nil {
		return nil, err
	}
	switch {
	case n > maxDims:
		return nil, c.bad(at, "dimension count", fmt.Sprintf("0 to %d", maxDims), "%d", n)
	case n == 0:
		return []int64{1}, nil
	}
	dims, product := make([]int64, n), uint64(1)
	for i := range dims {
		at = c.pos
		d, err := c.u64("dimension")
		if err != nil {
			return nil, err
		}
		if d > math.MaxInt64 {
			return nil, c.bad(at, fmt.Sprintf("dimension %d", i), "0 to 2^63-1", "%d", int64(d))
		}
		dims[i] = int64(d)
		hi, lo := bits.Mul64(product, max(1, d)) // lengths beside a 0 stay within bounds too
		if hi != 0 || lo > math.MaxInt64 {
			return nil, c.bad(at, fmt.Sprintf("dimension %d", i), "a product of at most 2^63-1", "%d times %d elements", d, product)
		}
		product = lo
	}
	return dims, nil
}

// tensorBytes is the size of t's data, and whether its type is known.
func (c *cursor) tensorBytes(t *Tensor, dimsAt int64, sizes TypeSize) (size int64, known bool, err error) {
	block, bytes, ok := 0, 0, false
	if sizes != nil {
		block, bytes, ok = sizes(t.Type)
	}
	if !ok || block <= 0 || bytes <= 0 {
		return 0, false, nil
	}
	if t.Dims[0]%int64(block) != 0 {
		return 0, true, c.bad(dimsAt+4, "dimension 0", fmt.Sprintf("a multiple of %d, the block of type %d", block, t.Type), "%d", t.Dims[0])
	}
	hi, lo := bits.Mul64(uint64(t.Elements()/int64(block)), uint64(bytes))
	if hi != 0 || lo > math.MaxInt64 {
		return 0, true, c.bad(dimsAt+4, "dimensions", "a size of at most 2^63-1 bytes", "%d elements", t.Elements())
	}
	return int64(lo), true, nil
}

// placeTensors proves that every tensor's data lies in the file, aligned and apart from every
// other's, and makes the offsets absolute.
func (f *File) placeTensors() error {
	data := max(0, f.Size-f.DataOffset)
	var order []*Tensor // those with data
	for i := range f.tensors {
		t := &f.tensors[i]
		if !t.empty() {
			order = append(order, t)
		}
		if t.Offset%f.Alignment != 0 {
			return t.bad(fmt.Sprintf("a multiple of %d, the alignment", f.Alignment), "%d", t.Offset)
		}
		if t.Offset > data || t.Offset == data && !t.empty() || t.Size > data-t.Offset {
			return f.cut(t.bad(fmt.Sprintf("a data section of %d bytes, from %d", data, f.DataOffset), "%d bytes at %d", t.Size, t.Offset))
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

// maxModel is beyond any model, in bytes: a header that places tensors further out is wrong.
const maxModel = 1 << 44

// cut says of a file that ends before its tensors how much of it there must be, if their places are
// plausible.
func (f *File) cut(err error) error {
	need := f.DataOffset
	for i := range f.tensors {
		t := &f.tensors[i]
		if t.Offset > maxModel || t.Size > maxModel {
			return err
		}
		need = max(need, f.DataOffset+t.Offset+max(t.Size, 1))
	}
	if e, ok := err.(*Error); ok && f.DataOffset <= maxHeader {
		have, want := amount(f.Size), amount(need)
		if have == want {
			have, want = fmt.Sprint(f.Size), fmt.Sprintf("%d bytes", need)
		}
		e.Plain = fmt.Sprintf("the file is cut off: %s of at least %s are here; download it again", have, want)
	}
	return err
}

func (t *Tensor) bad(limit, got string, args ...any) error {
	return &Error{Offset: t.at, Field: "offset of tensor " + quoted(t.Name), Got: fmt.Sprintf(got, args...), Limit: limit}
}
