package kv

import (
	"encoding/binary"
	"fmt"
	"math"
)

// State is what a recurrent layer keeps of each sequence: values that every token changes, zero
// before the first. A cache keeps it beside the rows of the other layers, clears, saves and
// restores it with them. It holds all positions at once and cannot go back by some; a shift leaves
// it alone, so that such a layer goes on remembering what the others dropped.
type State struct {
	Index  int // of the model's layer, for messages
	Values int // of a sequence

	all []float32 // [Sequences][Values]
}

// of is the values of a sequence.
func (s *State) of(seq int) []float32 { return s.all[seq*s.Values:][:s.Values:s.Values] }

// AddState adds the state of a recurrent layer of so many values, and returns its number.
func (c *Cache) AddState(layer, values int) int {
	c.states = append(c.states, State{Index: layer, Values: values, all: make([]float32, c.Sequences*values)})
	return len(c.states) - 1
}

// State is the values of state number i of sequence 0.
func (c *Cache) State(i int) []float32 { return c.StateSeq(i, 0) }

// StateSeq is the values of state number i of a sequence that there is.
func (c *Cache) StateSeq(i, seq int) []float32 { return c.states[i].of(seq) }

// States is how many states there are.
func (c *Cache) States() int { return len(c.states) }

func (c *Cache) clearStates() {
	for _, s := range c.states {
		clear(s.all)
	}
}

func (c *Cache) clearState(seq int) {
	for _, s := range c.states {
		clear(s.of(seq))
	}
}

// canForget reports whether the states allow that the last positions of a sequence, from n on, are
// forgotten.
func (c *Cache) canForget(seq, n int) error {
	if len(c.states) == 0 || n == 0 || n == int(c.ends[seq]) {
		return nil
	}
	return fmt.Errorf("cannot go back from position %d to %d: layer %d is recurrent and keeps one state of all positions; clear the context and run what is to stay",
		c.ends[seq], n, c.states[0].Index)
}

func (b *stateWriter) states(c *Cache) {
	b.u32(len(c.states))
	for _, s := range c.states {
		b.u32(s.Values)
		for seq, end := range c.ends {
			if end == 0 {
				continue
			}
			for _, v := range s.of(seq) {
				b.u32(int(math.Float32bits(v)))
			}
		}
	}
}

func (b *stateReader) states(c *Cache) {
	b.equal("recurrent layers", len(c.states))
	for _, s := range c.states {
		b.equal(fmt.Sprintf("layer %d: values of its state", s.Index), s.Values)
		for seq, end := range c.ends {
			if end > 0 && b.err == nil {
				b.floats(s.of(seq))
			}
		}
	}
}

func (b *stateReader) floats(x []float32) {
	var row [4096]byte
	for len(x) > 0 {
		part := x[:min(len(x), len(row)/4)]
		b.read(row[:4*len(part)])
		for i := range part {
			part[i] = math.Float32frombits(binary.LittleEndian.Uint32(row[4*i:]))
		}
		x = x[len(part):]
	}
}
