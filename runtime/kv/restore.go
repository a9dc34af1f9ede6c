package kv

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
)

// Restore replaces the content of the cache by a saved one. It refuses, by name, a cache of another
// owner, type, identity, rotation or shape of rows, one that does not fit, and a damaged one; the
// cache is empty after an error.
func (c *Cache) Restore(r io.Reader, owner string) error {
	c.Clear()
	b := &stateReader{r: bufio.NewReaderSize(r, 1<<16), rows: map[*Cells][]int32{}}
	b.header(c, owner)
	c.bounds()
	for i := range c.layers {
		b.layer(c, i)
	}
	if b.err == nil && int64(b.groups) != int64(len(c.every)) {
		b.fail("%w: %d groups of layers", errState, b.groups)
	}
	for i, g := range c.every {
		b.group(c, g, fmt.Sprintf("group %d of layers", i))
	}
	b.consistent(c)
	for _, l := range c.layers {
		for _, s := range l.sides() {
			for h := range s.Heads {
				for _, cell := range b.rows[s.Cells] {
					if cell < 0 {
						_, err := b.r.Discard(s.RowBytes)
						b.cut(err)
					} else {
						b.read(s.row(h, int(cell)))
					}
				}
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
	for _, g := range c.every {
		for seq, end := range c.ends {
			g.settle(seq, end)
		}
	}
	return nil
}

// stateReader keeps the first error, after which it reads zeros.
type stateReader struct {
	r         *bufio.Reader
	groups    uint32
	sequences int                // of the saved cache
	rows      map[*Cells][]int32 // cells that take the rows, in the order of the saved cache
	err       error
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
		b.cut(err)
	}
}

// cut fails where reading did.
func (b *stateReader) cut(err error) {
	if err != nil {
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
	b.groups = b.u32()
	b.sequences = int(b.u32())
	if b.err == nil && (b.sequences < 1 || b.sequences > MaxSequences) {
		b.fail("%w: %d sequences", errState, b.sequences)
	}
	for seq := 0; seq < b.sequences && b.err == nil; seq++ {
		switch end := b.u32(); {
		case end > 0 && seq >= c.Sequences:
			b.fail("it has a sequence %d and this cache %d, numbered from 0", seq, c.Sequences)
		case int64(end) > int64(c.Size):
			b.fail("it has %d positions and this cache holds %d", end, c.Size)
		case end > 0:
			c.ends[seq] = int32(end)
		}
	}
}

func (b *stateReader) layer(c *Cache, i int) {
	p, l := &c.Plan.Layers[i], &c.layers[i]
	name := fmt.Sprintf("layer %d", p.Layer.Index)
	b.same(name+", K: offset", p.K.Effective.Offset.identity())
	b.equal(name+": first rows exact", p.Ends.First)
	b.equal(name+": last rows exact", p.Ends.Last)
	b.equal(name+": segments", len(l.segments))
	b.equal(name+": group", slices.Index(c.groups, l.group))
	for k, s := range l.sides() {
		side := name + [...]string{", K", ", V", ", exact K", ", exact V"}[k]
		b.same(side+": type", s.Type.Name)
		b.same(side+": identity of type "+s.Type.Name, s.Type.Identity)
		b.same(side+": rotation", s.rotationName())
		b.equal(side+": heads", s.Heads)
		b.equal(side+": values of a row", s.Stored)
	}
}

// group reads the cells of a group.
func (b *stateReader) group(c *Cache, g *group, name string) {
	b.equal(name+": a window of", g.window)
	for _, x := range g.cells() {
		b.cells(c, x, name)
	}
}

// cells reads the cells of a segment. In a cache of one sequence, where rows lie in order of
// position, those of several sequences are brought into that order. Where there are fewer cells
// than there were, empty ones are left out, and rows that a sliding window has passed.
func (b *stateReader) cells(c *Cache, x *Cells, name string) {
	n := int64(b.u32())
	tight := n > int64(len(x.pos))
	var pos []int32 // of rows, as they were saved
	for cell := int64(0); b.err == nil && cell < n; cell++ {
		p, set := b.cell(c, name, cell)
		if b.err != nil || p < 0 && (x.closes || tight) {
			continue
		}
		to := int(cell)
		if x.closes || tight {
			to = x.used
		}
		if tight && x.oldest != nil && x.passed(p, set) {
			b.rows[x] = append(b.rows[x], -1)
			continue
		}
		if to >= len(x.pos) {
			b.fail("%s: it has more rows than the %d cells of this cache", name, len(x.pos))
			return
		}
		x.mark(to)
		if x.pos[to] = p; x.sets != nil {
			x.sets[to] = set
		}
		if x.used = to + 1; p >= 0 {
			x.rows++
			if set&(set-1) != 0 {
				x.common = max(x.common, p+1)
			}
			pos = append(pos, p)
			b.rows[x] = append(b.rows[x], int32(to))
		}
	}
	if x.closes {
		slices.Sort(x.pos[:x.used])
		for i, p := range pos {
			cell, _ := slices.BinarySearch(x.Pos(), p)
			b.rows[x][i] = int32(cell)
		}
	}
}

// cell reads one cell.
func (b *stateReader) cell(c *Cache, name string, cell int64) (p int32, set Set) {
	if p, set = int32(b.u32()), Of(0); b.sequences > 1 {
		set = Set(b.u32())
		set |= Set(b.u32()) << 32
	} else if p < 0 {
		set = 0
	}
	bad := p < -1 || (p < 0) != (set == 0) || c.Sequences < MaxSequences && set>>c.Sequences != 0
	for seq, end := range c.ends {
		bad = bad || set.Has(seq) && p >= end
	}
	if bad {
		b.fail("%w: %s: cell %d has position %d in sequences %#x", errState, name, cell, p, uint64(set))
		return -1, 0
	}
	return p, set
}

// consistent checks that every position of a sequence has one row. That holds in every group
// without a window, and in all cells that are not of layers. Others have it once at most. Rows that
// are shared there are shared here.
func (b *stateReader) consistent(c *Cache) {
	if b.err != nil {
		return
	}
	at := make([][]int32, c.Sequences) // by sequence and position: its cell of all
	for seq, end := range c.ends {
		at[seq] = make([]int32, end)
		for i := range at[seq] {
			at[seq][i] = -1
		}
	}
	seen := make([][]int32, c.Sequences) // the same: the last group that had it
	for seq, end := range c.ends {
		seen[seq] = make([]int32, end)
	}
	all := c.all.packed
	for cell := range all.used {
		for seq := range c.Sequences {
			if all.has(cell, seq) {
				at[seq][all.pos[cell]] = int32(cell)
			}
		}
	}
	for i, g := range c.every {
		rows := make([]int, c.Sequences)
		for _, x := range g.cells() {
			taken := make([]bool, all.used)
			for cell := range x.used {
				for seq := range c.Sequences {
					if x.has(cell, seq) {
						p := x.pos[cell]
						if rows[seq]++; seen[seq][p] == int32(i+1) {
							b.fail("%w: position %d of sequence %d is twice in a layer", errState, p, seq)
						}
						seen[seq][p] = int32(i + 1)
					}
				}
				b.row(x, cell, at, taken)
			}
		}
		for seq, end := range c.ends {
			if g.window == 0 && rows[seq] != int(end) {
				b.fail("%w: %d rows for %d positions of sequence %d", errState, rows[seq], end, seq)
			}
			if g.exact != nil && g.exact.count(seq, int32(g.first), math.MaxInt32) > g.ring {
				b.fail("%w: more than %d exact rows of sequence %d", errState, g.ring, seq)
			}
		}
	}
}

// row checks that those who share a row share one of all, which no other row of the segment is.
func (b *stateReader) row(x *Cells, cell int, at [][]int32, taken []bool) {
	p, whole := x.pos[cell], int32(-1)
	for seq := range at {
		if !x.has(cell, seq) {
			continue
		}
		if i := at[seq][p]; whole < 0 && i >= 0 && !taken[i] {
			whole, taken[i] = i, true
		} else if i != whole || i < 0 {
			b.fail("%w: position %d of sequence %d has no row of its own", errState, p, seq)
			return
		}
	}
}
