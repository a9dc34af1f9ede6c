package model

import (
	"fmt"

	"github.com/kvgen/kvgen/runtime/program"
)

// Bounds of recurrent layers, beyond any model, so that their sizes stay far from overflow.
const maxTaps, maxStateSize = 64, 1 << 14

// state adds the state of a recurrent layer, of so many values, and returns its number.
func (b *binder) state(values int) int {
	b.program.States = append(b.program.States, program.State{Layer: b.layer, Values: values})
	b.others = append(b.others, Other{Layer: b.layer, State: 4 * values, Reads: -1})
	return len(b.program.States) - 1
}

// taps is the weights of a convolution over some tokens, [taps][channels], of a tensor that has
// those of a channel together.
func (b *binder) taps(name string, taps, channels int) []float32 {
	byChannel := b.table(b.name(name, "weight"), taps, channels)
	if byChannel == nil {
		return nil
	}
	byTap := make([]float32, len(byChannel))
	for i, w := range byChannel {
		byTap[i%taps*channels+i/taps] = w
	}
	return byTap
}

// numbers is a tensor of n values of either shape, {n} or {1, n}.
func (b *binder) numbers(name string, n int) []float32 {
	if t, ok := b.f.Tensor(name); ok && len(t.Dims) > 1 && t.Dims[0] == 1 {
		return b.table(name, 1, n)
	}
	return b.vector(name, n)
}

// recurrentSize is a size of a recurrent layer.
func (h *Header) recurrentSize(name string, most int) int {
	n := h.Int(name, 0)
	if n > most {
		h.fail(fmt.Errorf("%s = %d: the limit is %d", h.key(name), n, most))
		return 1
	}
	return n
}
