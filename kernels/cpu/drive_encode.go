package cpu

import (
	"slices"
	"sync"
)

// encodeKernel packs groups of as many blocks as a vector has lanes.
type encodeKernel func(dst *byte, src *float32, scratch *byte, groups int)

// encodeSpace is what an encoder works in: its arrays, and a group that is not full.
type encodeSpace struct {
	scratch, dst []byte
	src          []float32
}

var encodeSpaces = sync.Pool{New: func() any { return new(encodeSpace) }}

// driveEncode runs full groups in place. What is left over is, after a full group, done
// by a group that overlaps it, which writes the same bytes again, and else by a group
// filled up with whatever its memory holds.
func driveEncode(kernel encodeKernel, lanes, block, bytes, scratch int, dst []byte, src []float32) {
	blocks := len(src) / block
	if blocks == 0 {
		return
	}
	_ = dst[blocks*bytes-1]
	s := encodeSpaces.Get().(*encodeSpace)
	defer encodeSpaces.Put(s)
	s.scratch = slices.Grow(s.scratch[:0], scratch)[:scratch]
	if blocks >= lanes {
		kernel(&dst[0], &src[0], &s.scratch[0], blocks/lanes)
		if blocks%lanes > 0 {
			kernel(&dst[(blocks-lanes)*bytes], &src[(blocks-lanes)*block], &s.scratch[0], 1)
		}
		return
	}
	s.src, s.dst = slices.Grow(s.src[:0], lanes*block)[:lanes*block], slices.Grow(s.dst[:0], lanes*bytes)[:lanes*bytes]
	copy(s.src, src[:blocks*block])
	kernel(&s.dst[0], &s.src[0], &s.scratch[0], 1)
	copy(dst, s.dst[:blocks*bytes])
}
