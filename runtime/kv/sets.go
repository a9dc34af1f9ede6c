package kv

// MaxSequences is the most sequences of a cache.
const MaxSequences = 64

// Set is a set of sequences, which are numbered from 0.
type Set uint64

// Of returns the set of one sequence.
func Of(seq int) Set { return 1 << seq }

// Has reports whether a sequence is in the set.
func (s Set) Has(seq int) bool { return s>>seq&1 != 0 }

// Run is consecutive tokens of one sequence.
type Run struct{ Seq, N int }

// token is a position of a sequence.
type token struct {
	pos int32
	seq int
}
