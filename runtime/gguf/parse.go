package gguf

import (
	"fmt"
	"io"
	"math"
)

// entry is one metadata pair. Its value stays in the file: n elements of kind elem in size bytes at
// off, which were proven to be there. A scalar is one element.
type entry struct {
	key   string
	array bool
	elem  Kind
	n     uint64
	off   int64
	size  int64
	own   []byte // the value, where Override gave it
}

// parse reads the header of the size bytes behind r.
func parse(r io.ReaderAt, size int64, sizes TypeSize) (*File, error) {
	c := newCursor(r, size)
	f := &File{Size: size, r: r, byKey: map[string]int{}, byName: map[string]int{}}
	nTensors, nEntries, err := f.readCounts(c)
	if err != nil {
		return nil, err
	}
	for range nEntries {
		if err := f.readEntry(c); err != nil {
			return nil, err
		}
	}
	c.of = ""
	if err := f.readAlignment(); err != nil {
		return nil, err
	}
	for range nTensors {
		if err := f.readTensor(c, sizes); err != nil {
			return nil, err
		}
	}
	f.DataOffset = align(c.pos, f.Alignment)
	return f, f.placeTensors()
}

// readCounts reads the fixed start of the file.
func (f *File) readCounts(c *cursor) (nTensors, nEntries uint64, err error) {
	if c.size == 0 {
		err := c.bad(0, "magic", "the 0 bytes left in a file of 0", "%d bytes", len(magic))
		err.(*Error).Plain = "the file is empty"
		return 0, 0, err
	}
	b, err := c.peek(min(ahead, c.size))
	if err != nil {
		return 0, 0, err
	}
	if string(b[:min(len(b), len(magic))]) != magic {
		err := c.bad(0, "magic", fmt.Sprintf("%q", magic), "%q", b[:min(len(b), len(magic))])
		err.(*Error).Plain = notGGUF(b)
		return 0, 0, err
	}
	if _, err := c.take("magic", len(magic)); err != nil {
		return 0, 0, err
	}
	f.Version, err = c.u32("version")
	if err != nil {
		return 0, 0, err
	}
	switch v := f.Version; {
	case v == 2 || v == 3:
	case v != 0 && v&0xffff == 0: // a small number with its bytes the other way round
		err := c.bad(4, "version", "2 or 3, little-endian", "%#x, the mark of a big-endian file", v)
		err.(*Error).Plain = "this is a big-endian GGUF file, for machines such as IBM Z: get the little-endian one, or convert it"
		return 0, 0, err
	case v == 1:
		err := c.bad(4, "version", "2 or 3", "1")
		err.(*Error).Plain = "this is a GGUF file of version 1, which was in use for a few days of August 2023: get the model again, in version 2 or 3"
		return 0, 0, err
	case v > 3 && v < 100:
		err := c.bad(4, "version", "2 or 3", "%d", v)
		err.(*Error).Plain = fmt.Sprintf("this is a GGUF file of version %d: versions 2 and 3 are read here", v)
		return 0, 0, err
	default:
		return 0, 0, c.bad(4, "version", "2 or 3", "%d", v)
	}
	if err := c.room("header", headerBytes-8); err != nil {
		return 0, 0, err
	}
	if nTensors, err = c.count("tensor count", maxTensors, minTensorBytes); err != nil {
		return 0, 0, err
	}
	nEntries, err = c.count("metadata count", maxEntries, minEntryBytes)
	return nTensors, nEntries, err
}

// readEntry reads one metadata pair and passes over its value.
func (f *File) readEntry(c *cursor) error {
	c.of = fmt.Sprintf(" of metadata entry %d", len(f.entries))
	at := c.pos
	key, err := c.name("key", maxKey)
	if err != nil {
		return err
	}
	c.of = " of " + quoted(key)
	if _, dup := f.byKey[key]; dup {
		return c.bad(at, "key", "every key once", "a duplicate")
	}
	e := entry{key: key, n: 1}
	if e.elem, err = c.kind("kind"); err != nil {
		return err
	}
	if e.elem == KindArray {
		e.array = true
		at = c.pos
		if e.elem, err = c.kind("array element kind"); err != nil {
			return err
		}
		if e.elem == KindArray {
			return c.bad(at, "array element kind", "a scalar or string kind", "an array of arrays")
		}
		limit, item := uint64(math.MaxUint64), e.elem.size()
		if e.elem == KindString {
			limit, item = maxStrings, 8 // each has a length at least
		}
		if e.n, err = c.count("array length", limit, uint64(item)); err != nil {
			return err
		}
	}
	e.off = c.pos
	if err := c.value(e.elem, e.n); err != nil {
		return err
	}
	e.size = c.pos - e.off
	f.byKey[key] = len(f.entries)
	f.entries = append(f.entries, e)
	return nil
}

func (c *cursor) kind(field string) (Kind, error) {
	at := c.pos
	v, err := c.u32(field)
	if err == nil && v >= uint32(kindCount) {
		err = c.bad(at, field, fmt.Sprintf("0 to %d", kindCount-1), "%d", v)
	}
	return Kind(v), err
}

// value passes over n values of kind k; for numbers the caller's count has proven that n times the
// size fits.
func (c *cursor) value(k Kind, n uint64) error {
	if k != KindString {
		return c.skip("value", n*uint64(k.size()))
	}
	for range n {
		size, err := c.u64("string length")
		if err != nil {
			return err
		}
		if size > c.left() {
			return c.bad(c.pos-8, "string length", fmt.Sprintf("at most the %d bytes left", c.left()), "%d", size)
		}
		c.pos += int64(size)
	}
	return nil
}

// readAlignment applies general.alignment, which is a u32 by the format and is taken as any number.
func (f *File) readAlignment() error {
	f.Alignment = defaultAlignment
	i, ok := f.byKey[alignmentKey]
	if !ok {
		return nil
	}
	e := &f.entries[i]
	v, _, err := f.U32(alignmentKey)
	if err != nil {
		return err
	}
	if v == 0 || v&(v-1) != 0 {
		return e.bad("a power of two", fmt.Sprint(v))
	}
	f.Alignment = int64(v)
	return nil
}

// align rounds n up to a multiple of a, a power of two.
func align(n, a int64) int64 { return (n + a - 1) &^ (a - 1) }
