package rope

import (
	"errors"
	"fmt"

	"github.com/kvgen/kvgen/kernels/args"
	"github.com/kvgen/kvgen/runtime/gpu"
)

// Pairing says which values of a head RoPE rotates together.
type Pairing struct {
	Pairs    int  // from the first value of a head on; 0 for a layer without RoPE
	Adjacent bool // (0,1) (2,3) ..., else (0,n) (1,n+1) ...
}

// Source is the program with the kernels of batches that know no type: rope_angles, which makes
// angles, place (see cells.Place) and gates (see qkv.Gate).
func Source(d *gpu.Dialect) (*gpu.Source, error) {
	b := gpu.NewBuilder(d)
	b.Frame("batch")
	return b.Source("rope_angles", true)
}

// Kernel computes the angles of a batch.
type Kernel struct{ angles gpu.Kernel }

// New compiles it.
func New(q *gpu.Queue) (*Kernel, error) {
	k, err := q.Kernel("rope_angles", Source)
	if err != nil {
		return nil, err
	}
	return &Kernel{k.Overlap()}, nil
}

// Angles is the cosines and sines of one RoPE for the positions of a batch.
type Angles struct {
	Pairs     int
	Magnitude float32
	Cos, Sin  *gpu.Buffer // [tokens][Pairs] of float32

	Tokens int
	freq   *gpu.Buffer // [Pairs] of float64
}

// NewAngles allocates them for batches of up to so many tokens. freq is the angle per position of
// each pair, magnitude scales cosines and sines.
func NewAngles(d *gpu.Queue, freq []float64, magnitude float32, tokens int) (*Angles, error) {
	if len(freq) < 1 || tokens < 1 {
		return nil, fmt.Errorf("gpu: angles of RoPE are for at least 1 pair and 1 token: %d pairs and %d tokens were asked for", len(freq), tokens)
	}
	a := &Angles{Pairs: len(freq), Magnitude: magnitude, Tokens: tokens}
	var err error
	for _, x := range []struct {
		to    **gpu.Buffer
		bytes int
	}{{&a.Cos, 4 * tokens * len(freq)}, {&a.Sin, 4 * tokens * len(freq)}, {&a.freq, 8 * len(freq)}} {
		if *x.to, err = d.Alloc(uint64(x.bytes)); err != nil {
			return nil, err
		}
	}
	return a, gpu.Write(a.freq, 0, freq)
}

// From is the angles of the tokens from number lo on.
func (a *Angles) From(lo int) *Angles {
	x, at := *a, uint64(4*lo*a.Pairs)
	x.Cos, x.Sin, x.Tokens = a.Cos.Slice(at, a.Cos.Size-at), a.Sin.Slice(at, a.Sin.Size-at), a.Tokens-lo
	return &x
}

// Free gives the memory back.
func (a *Angles) Free() error { return errors.Join(a.Cos.Free(), a.Sin.Free(), a.freq.Free()) }

// Fill computes the angles of positions, [tokens] of int32.
func (t *Kernel) Fill(a *Angles, positions *gpu.Buffer, tokens int) error {
	if tokens < 1 || tokens > a.Tokens {
		return fmt.Errorf("gpu: angles are for 1 to %d tokens of a batch: it has %d", a.Tokens, tokens)
	}
	if err := positions.Holds("positions", uint64(4*tokens)); err != nil {
		return err
	}
	p := args.Angles{Positions: positions.Address(), Freq: a.freq.Address(), Cos: a.Cos.Address(), Sin: a.Sin.Address(), Pairs: int32(a.Pairs), Magnitude: a.Magnitude}
	return t.angles.Launch(gpu.Grid{X: tokens, Threads: 128}, &p)
}
