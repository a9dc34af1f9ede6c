package eval

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/kvgen/kvgen/runtime/cpu"
	"github.com/kvgen/kvgen/runtime/model"
)

// Lockstep prepares comparisons of caches with the distributions in the file, by the threads and in
// the memory of c. bos takes the place of the first token of every chunk where addBOS says so, as
// the file holds the text as it was.
func (b *Base) Lockstep(c *model.Context, bos int32, addBOS bool, o Options) (*Lockstep, error) {
	id, err := c.Model.Identity()
	if err != nil {
		return nil, err
	}
	switch {
	case b.Vocab != c.Model.Vocab:
		return nil, fmt.Errorf("the base file is of another model: its vocabulary has %d tokens, this model's %d", b.Vocab, c.Model.Vocab)
	case b.Model != nil && id.Hash() != b.Model.Hash():
		return nil, id.Check("the base file", b.Model)
	case o.Context != b.Context:
		return nil, fmt.Errorf("the base file has chunks of %d tokens, not %d", b.Context, o.Context)
	}
	// A base file may hold a single chunk; a text must have two.
	text := Text{Tokens: append(b.Tokens[:len(b.Tokens):len(b.Tokens)], make([]int32, b.Context)...), BOS: bos, AddBOS: addBOS}
	if o.Chunks == 0 || o.Chunks > b.Chunks {
		o.Chunks = b.Chunks
	}
	l, err := newLockstep(c, text, o)
	if err == nil {
		n := len(l.logits)
		l.ref = &stored{b: b, l: l, raw: make([]byte, int64(l.tile)*b.shape.row()), z: make([]float32, n), e: make([]float32, n), rows: make([]storedRow, l.tile)}
	}
	return l, err
}

// stored is a reference that is read from a base file.
type stored struct {
	b     *Base
	l     *Lockstep
	chunk int
	raw   []byte
	z, e  []float32 // [tile][vocab]
	rows  []storedRow
}

// storedRow is the distribution of one position.
type storedRow struct {
	z    []float32 // [vocab] ln p
	e    []float32 // [vocab] p, 0 where ln p is -16 or less
	best int       // the first largest
	err  error     // nil for a distribution that the form can hold
}

func (r *stored) run(ctx context.Context, k int) error {
	r.chunk = k
	return r.b.check(ctx, k)
}

func (r *stored) load(lo, n int) error {
	size := int(r.b.shape.row())
	raw := r.raw[:n*size]
	if _, err := r.b.r.ReadAt(raw, r.b.shape.at(r.chunk*r.b.shape.scored()+lo)); err != nil {
		return fmt.Errorf("reading the base file: %w", err)
	}
	r.rows = r.rows[:n]
	if err := r.l.c.Pool().Run(r); err != nil {
		return err
	}
	for i := range r.rows {
		if err := r.rows[i].err; err != nil {
			return fmt.Errorf("the base file is damaged: chunk %d, position %d: %w", r.chunk, r.b.Context/2+lo+i, err)
		}
	}
	return nil
}

// Do decodes rows of the tile.
func (r *stored) Do(w, workers int) {
	vocab, size := r.b.Vocab, int(r.b.shape.row())
	lo, hi := cpu.Split(len(r.rows), 1, w, workers)
	for i := lo; i < hi; i++ {
		r.rows[i] = storedRow{z: r.z[i*vocab:][:vocab], e: r.e[i*vocab:][:vocab]}
		r.rows[i].err = r.rows[i].decode(r.raw[i*size:][:size])
	}
}

// Limits of a row. Its logarithms are rounded by half a step of 16/65535 at most, so that
// probabilities move by 1.2e-4 of their value; f32 adds less than a tenth of that. Logarithms more
// than 16 below the top are raised to that bound, which may add to the sum.
const (
	maxCode  = 1<<16 - 1
	maxScale = (baseWindow + 1e-3) / maxCode
	minClamp = (baseWindow - 1e-3) / maxCode // the step where something may have been moved up
	slack    = 2e-4
)

// decode reads a row and checks that it is a distribution in the form that appendRow gives it.
func (r *storedRow) decode(raw []byte) error {
	scale, least := math.Float32frombits(binary.LittleEndian.Uint32(raw)), math.Float32frombits(binary.LittleEndian.Uint32(raw[4:]))
	if !(scale >= 0 && scale <= maxScale) {
		return fmt.Errorf("a step of %g: want 0 to %d/%d", scale, baseWindow, maxCode)
	}
	if !(least <= slack && least >= -math.MaxFloat32) {
		return fmt.Errorf("%g as the logarithm of the smallest probability: want a number up to 0", least)
	}
	all, raised, lo, hi := 0.0, 0.0, uint16(maxCode), uint16(0)
	for i := range r.z {
		code := binary.LittleEndian.Uint16(raw[8+2*i:])
		lo, hi = min(lo, code), max(hi, code)
		r.z[i] = float32(scale*float32(code)) + least
		p := cpu.Exp(r.z[i])
		if all += float64(p); code == 0 {
			raised += float64(p)
		}
		if r.e[i] = 0; r.z[i] > -baseWindow {
			r.e[i] = p
		}
		if r.z[i] > r.z[r.best] {
			r.best = i
		}
	}
	if scale < minClamp {
		raised = 0
	}
	switch {
	case lo != 0 || scale > 0 && hi != maxCode || scale == 0 && hi != 0:
		return fmt.Errorf("its codes are %d to %d: want 0 to %d, and all 0 where the step is", lo, hi, maxCode)
	case !(all >= 1-slack && all-raised <= 1+slack):
		return fmt.Errorf("its probabilities add up to %g, not to 1", all)
	}
	return nil
}

// compare is llama-perplexity's: tokens of ln p of -16 and less are left out, and the terms are
// f32.
func (r *stored) compare(i int, z []float32, target int32, s *scratch) Position {
	row := &r.rows[i]
	top, ln := s.logSumExp(z)
	all := top + float32(ln)
	kld := 0.0
	for t, p := range row.e {
		kld += float64(float32(p * (row.z[t] - z[t] + all)))
	}
	return Position{
		KLD: kld, NLL: all - z[target], RefNLL: -row.z[target],
		SameTop: z[row.best] == top && (row.best == 0 || cpu.Max(z[:row.best]) < top),
	}
}
