package kv

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

// A saved cache, little-endian:
//
//	"kvgenKV3"
//	string  owner: whose cache it is, such as a hash of the model
//	u32 layers, u32 groups, u32 sequences, for each u32 next position
//	layers: string identity of the key offset, u32 first, u32 last exact rows, u32 segments,
//	        u32 group
//	        sides (K then V of each segment): string name, string identity of the type,
//	        string name of the rotation, u32 heads, u32 stored values
//	groups: u32 window, for each segment: u32 cells, for each i32 position, -1 for an empty one,
//	        and, with several sequences, u64 set of them
//	layers: sides: for each head, the rows of cells that are not empty
//	u32 recurrent layers, for each u32 values, for each sequence with positions f32 values
//
// A string is a u32 length and that many bytes. A cache can be restored into another of more
// positions, cells or sequences. Lengths are never believed: everything that precedes the rows must
// be what this cache would write, but for the positions and their sequences.
const stateMagic = "kvgenKV3"

// errState marks a saved cache that is damaged rather than for another configuration.
var errState = errors.New("not a saved cache, or a damaged one")

// Save writes the cache.
func (c *Cache) Save(w io.Writer, owner string) error {
	for _, g := range c.groups {
		if n := g.pending(); n > 0 {
			return fmt.Errorf("saving the cache: a layer has no rows of the last %d positions", n)
		}
	}
	b := &stateWriter{w: bufio.NewWriterSize(w, 1<<16)}
	b.bytes([]byte(stateMagic))
	b.str(owner)
	b.u32(len(c.layers), len(c.every), c.Sequences)
	for _, end := range c.ends {
		b.u32(int(end))
	}
	for i, l := range c.layers {
		p := &c.Plan.Layers[i]
		b.str(p.K.Effective.Offset.identity())
		b.u32(p.Ends.First, p.Ends.Last, len(l.segments), slices.Index(c.groups, l.group))
		for _, s := range l.sides() {
			b.str(s.Type.Name)
			b.str(s.Type.Identity)
			b.str(s.rotationName())
			b.u32(s.Heads, s.Stored)
		}
	}
	for _, g := range c.every {
		b.group(g)
	}
	for _, l := range c.layers {
		for _, s := range l.sides() {
			for h := range s.Heads {
				for cell, p := range s.Cells.Pos() {
					if p >= 0 {
						b.bytes(s.row(h, cell))
					}
				}
			}
		}
	}
	b.states(c)
	if b.err == nil {
		b.err = b.w.Flush()
	}
	if b.err != nil {
		return fmt.Errorf("saving the cache: %w", b.err)
	}
	return nil
}

// group writes the cells of a group.
func (b *stateWriter) group(g *group) {
	b.u32(g.window)
	for _, c := range g.cells() {
		b.u32(c.used)
		for cell, p := range c.Pos() {
			b.u32(int(p))
			if c.sets != nil {
				b.u32(int(uint32(c.sets[cell])), int(c.sets[cell]>>32))
			}
		}
	}
}

func (s *Side) rotationName() string {
	if s.Rotation == nil {
		return ""
	}
	return s.Rotation.Name
}

// stateWriter keeps the first error.
type stateWriter struct {
	w   *bufio.Writer
	err error
}

func (b *stateWriter) bytes(p []byte) {
	if b.err == nil {
		_, b.err = b.w.Write(p)
	}
}

func (b *stateWriter) u32(vs ...int) {
	for _, v := range vs {
		var p [4]byte
		binary.LittleEndian.PutUint32(p[:], uint32(v))
		b.bytes(p[:])
	}
}

func (b *stateWriter) str(s string) {
	b.u32(len(s))
	b.bytes([]byte(s))
}
