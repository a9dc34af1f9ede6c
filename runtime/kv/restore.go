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
	for i := range c.layers {
		b.layer(c, i)
	}
	for _, g := range c.groups {
		b.group(g, c.end)
	}
	for _, l := range c.layers {
		for _, s := range l.sides() {
			for h := range s.Heads {
				b.read(s.Head(h)[:s.Cells.used*s.RowBytes])
			}
		}
	}
	b.states(c)
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

func (b *stateReader) layer(c *Cache, i int) {
	p, l := &c.Plan.Layers[i], &c.layers[i]
	name := fmt.Sprintf("layer %d", p.Layer.Index)
	b.same(name+", K: offset", p.K.Effective.Offset.identity())
	b.equal(name+": first rows exact", p.Ends.First)
	b.equal(name+": last rows exact", p.Ends.Last)
	b.equal(name+": segments", len(l.segments))
	b.equal(name+": group", c.groupIndex(l.group))
	for k, s := range l.sides() {
		side := name + [...]string{", K", ", V", ", exact K", ", exact V"}[k]
		b.same(side+": type", s.Type.Name)
		b.same(side+": identity of type "+s.Type.Name, s.Type.Identity)
		b.same(side+": rotation", s.rotationName())
		b.equal(side+": heads", s.Heads)
		b.equal(side+": values of a row", s.Stored)
	}
}

// group reads the cells of a group; every position is below end and appears once.
func (b *stateReader) group(g *group, end int32) {
	seen := make([]bool, end)
	held := 0
	for _, c := range g.cells() {
		b.cells(g, c, seen)
		held += c.count(0, end)
	}
	if g.window == 0 && held != int(end) {
		b.fail("%w: %d cells for %d positions", errState, held, end)
	}
	g.at, g.end = end, end
}

// cells reads the cells of a segment.
func (b *stateReader) cells(g *group, c *Cells, seen []bool) {
	b.equal("a window of", g.window)
	if c.order != list {
		b.equal("cells of a ring", len(c.pos)) // rows lie where the ring has them
	} else {
		b.u32()
	}
	used, next := b.u32(), b.u32()
	if used > uint32(len(c.pos)) || next > uint32(len(c.pos)) || c.order == list && next != used || next < uint32(c.fixed) {
		b.fail("%w: %d cells in use, the next %d, of %d", errState, used, next, len(c.pos))
	}
	if b.err != nil {
		return
	}
	for i := range int(used) {
		p := int32(b.u32())
		if b.err == nil && p != -1 && (p < 0 || int(p) >= len(seen) || seen[p] || i < c.fixed && int(p) != i) {
			b.fail("%w: cell %d holds position %d of %d", errState, i, p, len(seen))
		}
		if b.err == nil && c.order == list && (p < 0 || i > 0 && p != c.pos[0]+int32(i)) { // readers rely on it
			b.fail("%w: cell %d of a list holds position %d", errState, i, p)
		}
		if b.err != nil {
			return
		}
		if c.pos[i] = p; p >= 0 {
			seen[p] = true
		}
	}
	c.used, c.next = int(used), int(next)
	c.stamp++
	c.inspect()
	if held := c.held(); c.order == ends {
		for i := range held {
			if c.pos[c.back(i+1)] < 0 {
				b.fail("%w: a gap in the exact rows", errState)
			}
		}
	}
}
