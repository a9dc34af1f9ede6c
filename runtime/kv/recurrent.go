package kv

import (
	"encoding/binary"
	"fmt"
	"math"
)

// State is what a recurrent layer keeps of the sequence: values that every token changes, zero before the first. A cache
// keeps it beside the rows of the other layers, clears, saves and restores it with them. It holds all positions at once
// and cannot go back by some; a shift leaves it alone, so that such a layer goes on remembering what the others dropped.
type State struct {
	Index  int // of the model's layer, for messages
	Values []float32
}

// AddState adds the state of a recurrent layer of so many values, and returns its number.
func (c *Cache) AddState(layer, values int) int {
	c.states = append(c.states, State{Index: layer, Values: make([]float32, values)})
	return len(c.states) - 1
}

// State is the values of state number i.
func (c *Cache) State(i int) []float32 { return c.states[i].Values }

// States is how many states there are.
func (c *Cache) States() int { return len(c.states) }

func (c *Cache) clearStates() {
	for _, s := range c.states {
		clear(s.Values)
	}
}

// canForget says whether the states allow that the last positions, from n on, are forgotten.
func (c *Cache) canForget(n int) error {
	if len(c.states) == 0 || n == 0 || n == int(c.end) {
		return nil
	}
	return fmt.Errorf("cannot go back from position %d to %d: layer %d is recurrent and keeps one state of all positions; clear the context and run what is to stay",
		c.end, n, c.states[0].Index)
}

func (b *stateWriter) states(c *Cache) {
	b.u32(len(c.states))
	for _, s := range c.states {
		b.u32(len(s.Values))
		for _, v := range s.Values {
			b.u32(int(math.Float32bits(v)))
		}
	}
}

func (b *stateReader) states(c *Cache) {
	b.equal("recurrent layers", len(c.states))
	for _, s := range c.states {
		name := fmt.Sprintf("layer %d", s.Index)
		b.equal(name+": values of its state", len(s.Values))
		if b.err != nil {
			return
		}
		var row [4096]byte
		for at := 0; at < len(s.Values); at += len(row) / 4 {
			part := s.Values[at:min(len(s.Values), at+len(row)/4)]
			b.read(row[:4*len(part)])
			for i := range part {
				part[i] = math.Float32frombits(binary.LittleEndian.Uint32(row[4*i:]))
			}
		}
	}
}
