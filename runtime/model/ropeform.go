package model

import "github.com/kvgen/kvgen/runtime/program"

// rope binds a RoPE and returns its number, -1 for nil; layers that share the *Rope share the
// result.
func (b *binder) rope(r *Rope) int {
	if r == nil {
		return -1
	}
	if i, ok := b.ropes[r]; ok {
		return i
	}
	t := &program.RopeForm{Kind: r.Kind, Dims: r.Dims, Original: r.Original, Magnitude: r.magnitude()}
	short, long := b.divisors(r.Short, r.Dims/2), b.divisors(r.Long, r.Dims/2)
	if short == nil && long == nil {
		short = b.divisors(r.Factors, r.Dims/2)
		long = short
	}
	t.Short = r.frequencies(short)
	if r.Long != "" {
		t.Long = r.frequencies(long)
	}
	i := len(b.program.Ropes)
	b.ropes[r], b.program.Ropes = i, append(b.program.Ropes, t)
	return i
}

// divisors is an optional tensor of n divisors of frequencies.
func (b *binder) divisors(name Linear, n int) []float32 {
	if full := string(name) + ".weight"; name != "" && b.has(full) {
		return b.vector(full, n)
	}
	return nil
}
