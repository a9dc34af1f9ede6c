package kv

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
)

// Restore replaces the content of the cache by a saved one. It refuses, by name, a cache of another owner, type,
// identity, rotation or shape, and a damaged one; the cache is empty after an error.
func (c *Cache) Restore(r io.Reader, owner string) error {
	c.Clear()
	b := &stateReader{r: bufio.NewReaderSize(r, 1<<16)}
	b.header(c, owner)
	for i, l := range c.layers {
		b.side(c, l.K, fmt.Sprintf("layer %d, K", c.Plan.Layers[i].Layer.Index))
		b.side(c, l.V, fmt.Sprintf("layer %d, V", c.Plan.Layers[i].Layer.Index))
	}
	for _, g := range c.groups {
		b.cells(g, c.end)
	}
	for _, l := range c.layers {
		for _, s := range []*Side{l.K, l.V} {
			for h := range s.Heads {
				b.read(s.Head(h)[:s.Cells.used*s.RowBytes])
			}
		}
	}
	if b.err == nil {
		if _, err := b.r.ReadByte(); err != io.EOF {
			b.fail("%w: bytes after its end", errState)
		}
	}
	if b.err != nil {
		c.Clear()
		return fmt.Errorf("restoring the cache: %w", b.err)
	}
	return nil
}

// stateReader keeps the first error, after which it reads zeros.
type stateReader struct {
	r   *bufio.Reader
	err error
}

func (b *stateReader) fail(format string, args ...any) {
	if b.err == nil {
		b.err = fmt.Errorf(format, args...)
	}
}

func (b *stateReader) read(p []byte) {
	if b.err != nil {
		clear(p)
		return
	}
	if _, err := io.ReadFull(b.r, p); err != nil {
		clear(p)
		b.fail("%w: %w", errState, err)
	}
}

func (b *stateReader) u32() uint32 {
	var p [4]byte
	b.read(p[:])
	return binary.LittleEndian.Uint32(p[:])
}

// same reads a string that must be want.
func (b *stateReader) same(what, want string) {
	n := b.u32()
	if b.err == nil && n > 256 && int(n) != len(want) {
		b.fail("%w: %s of %d bytes", errState, what, n)
	}
	if b.err != nil {
		return
	}
	got := make([]byte, n)
	b.read(got)
	if string(got) != want {
		b.fail("it was saved with %s %.64q and this cache has %.64q", what, got, want)
	}
}

// equal reads a number that must be want.
func (b *stateReader) equal(what string, want int) {
	if got := b.u32(); int64(got) != int64(want) {
		b.fail("it was saved with %s %d and this cache has %d", what, got, want)
	}
}

func (b *stateReader) header(c *Cache, owner string) {
	magic := make([]byte, len(stateMagic))
	b.read(magic)
	if string(magic) != stateMagic {
		b.fail("%w: it begins %.16q and not %q", errState, magic, stateMagic)
	}
	b.same("the model", owner)
	b.equal("layers", len(c.layers))
	b.equal("groups of layers", len(c.groups))
	if end := b.u32(); int64(end) > int64(c.Size) {
		b.fail("it has %d positions and this cache holds %d", end, c.Size)
	} else {
		c.end = int32(end)
	}
}

func (b *stateReader) side(c *Cache, s *Side, name string) {
	b.same(name+": type", s.Type.Name)
	b.same(name+": identity of type "+s.Type.Name, s.Type.Identity)
	b.same(name+": rotation", s.rotationName())
	b.equal(name+": heads", s.Heads)
	b.equal(name+": values of a row", s.Stored)
	b.equal(name+": group", c.groupIndex(s.Cells))
}

// cells reads a group; every position is below end and appears once.
func (b *stateReader) cells(g *Cells, end int32) {
	b.equal("a window of", g.Window)
	if g.Window > 0 {
		b.equal("sliding cells", len(g.pos)) // rows lie where the ring has them
	} else {
		b.u32()
	}
	used, next := b.u32(), b.u32()
	if used > uint32(len(g.pos)) || next > used {
		b.fail("%w: %d cells in use, the next %d, of %d", errState, used, next, len(g.pos))
	}
	if b.err != nil {
		return
	}
	seen := make([]bool, end)
	for i := range int(used) {
		p := int32(b.u32())
		if b.err == nil && p != -1 && (p < 0 || p >= end || seen[p]) {
			b.fail("%w: cell %d holds position %d of %d", errState, i, p, end)
		}
		if b.err != nil {
			return
		}
		if g.pos[i] = p; p >= 0 {
			seen[p] = true
		}
	}
	g.used, g.next = int(used), int(next)
	g.stamp++
	if g.Window == 0 && (int32(used) != end || next != used) {
		b.fail("%w: %d cells for %d positions", errState, used, end)
	}
}
