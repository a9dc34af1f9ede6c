package model

import "testing"

// TestPassBytes holds what a pass is said to take, before there is one, to the slices that it makes
// and an input in each of the forms that products want.
func TestPassBytes(t *testing.T) {
	for _, name := range caseNames(t) {
		c, err := readCase(t, name).context(t, "f16", "f16", Options{Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		p := c.stages[0].Engine.(*host).pass
		made := 0
		for _, x := range [][]float32{p.x, p.h, p.y, p.q, p.k, p.v, p.o, p.gated, p.gate, p.up} {
			made += len(x)
		}
		s := p.sizes
		made += c.Batch * s.preps * max(s.width, s.inner, s.o)
		if got := s.bytes(c.Batch); got != 4*int64(made) {
			t.Errorf("%s: %d bytes for %d tokens, and it makes %d", name, got, c.Batch, 4*made)
		}
	}
}
