package gguf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

const windowBytes = 64 << 10

// cursor reads a header front to back through a window of windowBytes, so that neither the size of
// the file nor the counts in it decide how much memory parsing takes.
type cursor struct {
	r     io.ReaderAt
	size  int64  // bytes in the file
	pos   int64  // next byte to read
	names int64  // bytes of keys and names kept so far
	of    string // what the value belongs to, for errors
	store []byte // room for the window
	win   []byte // what the window holds: file bytes [at, at+len(win))
	at    int64
}

func newCursor(r io.ReaderAt, size int64) *cursor {
	return &cursor{r: r, size: size, store: make([]byte, min(windowBytes, size))}
}

// short makes an error at the end of the file one that says so.
func (c *cursor) short(err error) error {
	if e, ok := err.(*Error); ok && c.size > 0 {
		e.Plain = fmt.Sprintf("the file ends within its header, after %s: it is cut off or damaged; download it again", amount(c.size))
	}
	return err
}

// bad is the error for the value at offset; the entry or tensor being read is added to its field.
func (c *cursor) bad(offset int64, field, limit, got string, args ...any) error {
	return &Error{Offset: offset, Field: field + c.of, Got: fmt.Sprintf(got, args...), Limit: limit}
}

// left is the number of bytes the header may still use.
func (c *cursor) left() uint64 { return uint64(min(c.size, maxHeader) - c.pos) }

// room proves that n more bytes of header exist.
func (c *cursor) room(field string, n uint64) error {
	switch {
	case n <= c.left():
		return nil
	case c.size > maxHeader:
		return c.bad(c.pos, field, fmt.Sprintf("a header of at most %d bytes", maxHeader), "%d bytes", n)
	}
	err := c.bad(c.pos, field, fmt.Sprintf("the %d bytes left in a file of %d", c.left(), c.size), "%d bytes", n)
	if n > maxHeader { // a length that no header has
		return err
	}
	return c.short(err)
}

// take returns the next n <= windowBytes bytes; they are valid until the next call.
func (c *cursor) take(field string, n int) ([]byte, error) {
	if err := c.room(field, uint64(n)); err != nil {
		return nil, err
	}
	if c.pos < c.at || c.pos+int64(n) > c.at+int64(len(c.win)) {
		if err := c.fill(field, n); err != nil {
			return nil, err
		}
	}
	i := int(c.pos - c.at)
	c.pos += int64(n)
	return c.win[i : i+n], nil
}

// peek is the first n bytes of the file.
func (c *cursor) peek(n int64) ([]byte, error) {
	b, err := c.take("magic", int(n))
	c.pos = 0
	return b, err
}

// fill moves the window to pos; n bytes at least must come.
func (c *cursor) fill(field string, n int) error {
	want := min(int64(len(c.store)), c.size-c.pos)
	got, err := c.r.ReadAt(c.store[:want], c.pos)
	c.at, c.win = c.pos, c.store[:got]
	switch {
	case got >= n:
		return nil
	case err == nil || errors.Is(err, io.EOF): // the file was cut after its size was taken
		return c.bad(c.pos+int64(got), field, fmt.Sprintf("a file of %d bytes", c.size), "the end of the file")
	}
	return fmt.Errorf("gguf: offset %d: reading %s%s: %w", c.pos, field, c.of, err)
}

func (c *cursor) u32(field string) (uint32, error) {
	b, err := c.take(field, 4)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint32(b), nil
}

func (c *cursor) u64(field string) (uint64, error) {
	b, err := c.take(field, 8)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(b), nil
}

// skip passes n bytes without reading them.
func (c *cursor) skip(field string, n uint64) error {
	if err := c.room(field, n); err != nil {
		return err
	}
	c.pos += int64(n)
	return nil
}

// name reads a string that is kept: a metadata key or a tensor name, 1 to limit <= windowBytes
// bytes.
func (c *cursor) name(field string, limit int) (string, error) {
	at := c.pos
	n, err := c.u64(field + " length")
	if err != nil {
		return "", err
	}
	if n == 0 || n > uint64(limit) {
		return "", c.bad(at, field+" length", fmt.Sprintf("1 to %d bytes", limit), "%d", n)
	}
	if c.names += int64(n); c.names > maxNames {
		return "", c.bad(at, field+" length", fmt.Sprintf("%d bytes of keys and names in all", maxNames), "%d bytes more", n)
	}
	b, err := c.take(field, int(n))
	return string(b), err
}

// count reads a number of items of at least itemBytes each and proves that they fit.
func (c *cursor) count(field string, limit, itemBytes uint64) (uint64, error) {
	at := c.pos
	n, err := c.u64(field)
	if err != nil {
		return 0, err
	}
	if fit := c.left() / itemBytes; n > min(limit, fit) {
		why := fmt.Sprintf("at most %d", limit)
		if fit < limit {
			why = fmt.Sprintf("at most %d, of %d bytes each in the %d left", fit, itemBytes, c.left())
		}
		err := c.bad(at, field, why, "%d", n)
		if n <= limit && n <= maxHeader && c.size <= maxHeader {
			err = c.short(err)
		}
		return 0, err
	}
	return n, nil
}
