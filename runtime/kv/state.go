package kv

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// A saved cache, little-endian:
//
//	"kvgenKV2"
//	string  owner: whose cache it is, such as a hash of the model
//	u32 layers, u32 groups, u32 next position
//	layers: string identity of the key offset, u32 first, u32 last exact rows, u32 segments, u32 group
//	        sides (K then V of each segment): string name, string identity of the type, string name of the rotation,
//	        u32 heads, u32 stored values
//	groups: for each segment: u32 window, u32 capacity, u32 used, u32 next cell, i32 positions (used)
//	layers: sides: for each head, used rows
//	u32 recurrent layers, for each u32 values, f32 values
//
// A string is a u32 length and that many bytes. Lengths are never believed: everything that precedes the rows must be
// what this cache would write, but for the positions.
const stateMagic = "kvgenKV2"

// errState marks a saved cache that is damaged rather than for another configuration.
var errState = errors.New("not a saved cache, or a damaged one")

// Save writes the cache.
func (c *Cache) Save(w io.Writer, owner string) error {
	for _, g := range c.groups {
		if g.at != c.end {
			return fmt.Errorf("saving the cache: a layer has rows of %d of %d positions", g.at, c.end)
		}
	}
	b := &stateWriter{w: bufio.NewWriterSize(w, 1<<16)}
	b.bytes([]byte(stateMagic))
	b.str(owner)
	b.u32(len(c.layers), len(c.groups), int(c.end))
	for i, l := range c.layers {
		p := &c.Plan.Layers[i]
		b.str(p.K.Effective.Offset.identity())
		b.u32(p.Ends.First, p.Ends.Last, len(l.segments), c.groupIndex(l.group))
		for _, s := range l.sides() {
			b.str(s.Type.Name)
			b.str(s.Type.Identity)
			b.str(s.rotationName())
			b.u32(s.Heads, s.Stored)
		}
	}
	for _, g := range c.groups {
		for _, x := range g.cells() {
			b.u32(g.window, len(x.pos), x.used, x.next)
			for _, p := range x.Pos() {
				b.u32(int(uint32(p)))
			}
		}
	}
	for _, l := range c.layers {
		for _, s := range l.sides() {
			for h := range s.Heads {
				b.bytes(s.Head(h)[:s.Cells.used*s.RowBytes])
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

func (s *Side) rotationName() string {
	if s.Rotation == nil {
		return ""
	}
	return s.Rotation.Name
}

func (c *Cache) groupIndex(g *group) int {
	for i := range c.groups {
		if c.groups[i] == g {
			return i
		}
	}
	return -1
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
