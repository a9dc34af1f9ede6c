package model

import "github.com/kvgen/kvgen/runtime/program"

// ShortConv is a gated convolution over the last tokens (LFM2):
//
//	b, c, x = In . x;  y = Out . (c * convolution(b * x))
type ShortConv struct {
	Taps    int    // tokens that the convolution sees
	In, Out Linear // In: the rows of b, c and x
	Conv    string // tensor of a weight per channel and tap, the oldest token first
}

func (s ShortConv) bind(b *binder) any {
	return &program.ShortConvStep{Taps: s.Taps, State: b.state((s.Taps - 1) * b.width),
		In: b.fuse(b.linear(s.In, b.width, 3*b.width)), Out: b.fuse(b.linear(s.Out, b.width, b.width)), Conv: b.taps(s.Conv, s.Taps, b.width)}
}
