package engine

import (
	"math/rand/v2"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/cpu"
	"github.com/kvgen/kvgen/runtime/program"
)

// TestPassBytes holds what a pass is said to take, before there is one, to the slices that it makes
// and an input in each of the forms that products want.
func TestPassBytes(t *testing.T) {
	pool := cpu.NewPool(1, nil)
	defer pool.Close()
	r := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		s := sizes{width: r.IntN(99), q: r.IntN(99), k: r.IntN(99), v: r.IntN(99), o: r.IntN(99), inner: r.IntN(99), gated: r.IntN(99), preps: r.IntN(4)}
		batch := 1 + r.IntN(9)
		p := &pass{program: &program.Program{}, table: kernels.Default(), sizes: s}
		p.start(pool, 100, batch, false)
		made := batch * s.preps * max(s.width, s.inner, s.o)
		for _, x := range [][]float32{p.x, p.h, p.y, p.q, p.k, p.v, p.o, p.gated, p.gate, p.up} {
			made += len(x)
		}
		if got := s.bytes(batch); got != 4*int64(made) {
			t.Errorf("%+v: %d bytes for %d tokens, and it makes %d", s, got, batch, 4*made)
		}
	}
}
