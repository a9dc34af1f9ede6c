package cuda

import (
	"errors"
	"fmt"
	"unsafe"
)

// Turns is the kernels that know no type: angles of RoPE, positions of cells, gates.
type Turns struct {
	d                   *Device
	turns, place, gates *Function
}

// NewTurns compiles them.
func (d *Device) NewTurns(c *Compiler) (*Turns, error) {
	src, err := TurnsSource(c.texts())
	if err != nil {
		return nil, err
	}
	m, err := d.build(c, src)
	if err != nil {
		return nil, err
	}
	t := &Turns{d: d}
	for name, to := range map[string]**Function{"turns": &t.turns, "place": &t.place, "gates": &t.gates} {
		if *to, err = m.Function(name, 0); err != nil {
			return nil, err
		}
	}
	t.turns.Early()
	t.gates.Early()
	return t, nil
}

// Angles is the cosines and sines of one RoPE for the positions of a batch.
type Angles struct {
	Pairs     int
	Magnitude float32
	Cos, Sin  *Memory // [tokens][Pairs] of float32

	tokens int
	freq   *Memory // [Pairs] of float64
}

// NewAngles allocates them for batches of up to so many tokens. freq is the angle per position of each pair, magnitude scales cosines
// and sines.
func (d *Device) NewAngles(freq []float64, magnitude float32, tokens int) (*Angles, error) {
	if len(freq) < 1 || tokens < 1 {
		return nil, fmt.Errorf("cuda: angles of %d pairs for %d tokens", len(freq), tokens)
	}
	a := &Angles{Pairs: len(freq), Magnitude: magnitude, tokens: tokens}
	var err error
	for to, bytes := range map[**Memory]int{&a.Cos: 4 * tokens * len(freq), &a.Sin: 4 * tokens * len(freq), &a.freq: 8 * len(freq)} {
		if *to, err = d.Alloc(uint64(bytes)); err != nil {
			return nil, err
		}
	}
	return a, Write(a.freq, 0, freq)
}

// from is the angles of the tokens from number lo on.
func (a *Angles) from(lo int) *Angles {
	x, at := *a, uint64(4*lo*a.Pairs)
	x.Cos, x.Sin, x.tokens = a.Cos.Slice(at, a.Cos.Size-at), a.Sin.Slice(at, a.Sin.Size-at), a.tokens-lo
	return &x
}

// Free gives the memory back.
func (a *Angles) Free() error { return errors.Join(a.Cos.Free(), a.Sin.Free(), a.freq.Free()) }

// turnsArgs is struct Turns of batch.cu.
type turnsArgs struct {
	positions, freq, cos, sin uint64
	pairs                     int32
	magnitude                 float32
}

// Fill computes the angles of positions, [tokens] of int32.
func (t *Turns) Fill(a *Angles, positions *Memory, tokens int) error {
	if tokens < 1 || tokens > a.tokens {
		return fmt.Errorf("cuda: angles for %d tokens of at most %d", tokens, a.tokens)
	}
	if err := positions.fits(0, uint64(4*tokens)); err != nil {
		return err
	}
	args := turnsArgs{positions.at, a.freq.at, a.Cos.at, a.Sin.at, int32(a.Pairs), a.Magnitude}
	return t.turns.launch(tokens, 1, 128, unsafe.Pointer(&args))
}

// placeArgs is struct Place of batch.cu.
type placeArgs struct {
	held, positions, cells, left uint64
	tokens, leaving, capacity    int32
}

// Place writes the positions [tokens] of a batch to the cells [tokens] that they were given, after it emptied the cells left [leaving]
// that exact rows have left. All are of int32; a cell that there is not is left out. The head of the cells is the host's to write.
func (t *Turns) Place(c *Cells, positions, cells *Memory, tokens int, left *Memory, leaving int) error {
	if tokens < 0 || leaving < 0 {
		return fmt.Errorf("cuda: %d cells taken, %d left", tokens, leaving)
	}
	a := placeArgs{held: c.Positions.at, tokens: int32(tokens), leaving: int32(leaving), capacity: int32(c.Capacity)}
	if leaving > 0 {
		if err := left.fits(0, uint64(4*leaving)); err != nil {
			return err
		}
		a.left = left.at
	}
	if tokens > 0 {
		for _, m := range []*Memory{positions, cells} {
			if err := m.fits(0, uint64(4*tokens)); err != nil {
				return err
			}
		}
		a.positions, a.cells = positions.at, cells.at
	}
	return t.place.launch(1, 1, 256, unsafe.Pointer(&a))
}

// gatesArgs is struct Gates of batch.cu.
type gatesArgs struct {
	o, gate   uint64
	ld        int64
	step, dim int32
}

// Gate multiplies o [tokens][heads][dim] by the sigmoids of gates, which lie in the product of Q behind each head's query.
func (t *Turns) Gate(o *Memory, q Place, tokens, heads, dim int) error {
	if tokens < 1 || heads < 1 || dim < 1 {
		return fmt.Errorf("cuda: gates of %d tokens, %d heads of %d", tokens, heads, dim)
	}
	if err := q.fits(tokens, 2*heads*dim); err != nil {
		return err
	}
	if err := o.fits(0, uint64(4*tokens*heads*dim)); err != nil {
		return err
	}
	a := gatesArgs{o: o.at, gate: q.at() + uint64(4*dim), ld: int64(q.LD), step: int32(2 * dim), dim: int32(dim)}
	return t.gates.launch(tokens, heads, 128, unsafe.Pointer(&a))
}
