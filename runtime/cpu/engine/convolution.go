package engine

import (
	"github.com/kvgen/kvgen/runtime/cpu"
	"github.com/kvgen/kvgen/runtime/program"
)

// convolution mixes each of some channels over the last tokens of its sequence, of which all but
// the newest lie in a state. The work is shared out by channels, since tokens follow one another.
type convolution struct {
	p              *pass
	channels, taps int
	src            []float32 // [n][ld], the channels from value at on
	ld, at         int
	dst            []float32 // [n][channels]
	weights        []float32 // [taps][channels], the oldest token first
	bias           []float32 // [channels], nil for none
	activated      bool      // by SiLU
	state, first   int       // number of the state; where the history [taps-1][channels] is in it
}

// channelUnit is how many channels are shared out together.
const channelUnit = 16

func (t *convolution) Do(w, workers int) {
	lo, hi := cpu.Split(t.channels, channelUnit, w, workers)
	if lo == hi {
		return
	}
	vec, n := t.p.vec, hi-lo
	tmp := grow(t.p.workers[w].out, n)
	t.p.workers[w].out = tmp
	first := 0
	for _, run := range t.p.runs {
		history := t.p.cache.StateSeq(t.state, run.Seq)[t.first:][:(t.taps-1)*t.channels]
		seen := func(i int) []float32 { // of the history, and then of the batch
			if i < t.taps-1 {
				return history[i*t.channels+lo:][:n]
			}
			return t.src[(first+i-t.taps+1)*t.ld+t.at+lo:][:n]
		}
		for j := range run.N {
			y := t.dst[(first+j)*t.channels+lo:][:n]
			clear(y)
			for tap := range t.taps {
				vec.Mul(tmp, seen(j+tap), t.weights[tap*t.channels+lo:][:n])
				vec.Add(y, tmp)
			}
			if t.bias != nil {
				vec.Add(y, t.bias[lo:hi])
			}
			if t.activated {
				activate(vec, program.SiLU, y)
			}
		}
		for i := range t.taps - 1 {
			copy(history[i*t.channels+lo:][:n], seen(run.N+i))
		}
		first += run.N
	}
}
