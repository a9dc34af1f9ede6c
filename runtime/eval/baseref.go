package eval

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/kvgen/kvgen/runtime/cpu"
	"github.com/kvgen/kvgen/runtime/model"
)

// Lockstep prepares comparisons of caches with the distributions in the file, by the threads and in the memory of c. bos
// takes the place of the first token of every chunk where addBOS says so, as the file holds the text as it was.
func (b *Base) Lockstep(c *model.Context, bos int32, addBOS bool, o Options) (*Lockstep, error) {
	hash, err := c.Model.Fingerprint()
	switch {
	case err != nil:
		return nil, err
	case b.Vocab != c.Model.Vocab:
		return nil, fmt.Errorf("the base file is of another model: its vocabulary has %d tokens, this model's %d", b.Vocab, c.Model.Vocab)
	case b.Model != "" && b.Model != hash:
		return nil, fmt.Errorf("the base file is of another model: %.12s, and this is %.12s", b.Model, hash)
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
}

func (r *stored) run(_ context.Context, k int) error {
	r.chunk = k
	return nil
}

func (r *stored) load(lo, n int) error {
	size := int(r.b.shape.row())
	raw := r.raw[:n*size]
	if _, err := r.b.r.ReadAt(raw, r.b.shape.at(r.chunk*r.b.shape.scored()+lo)); err != nil {
		return fmt.Errorf("reading the base file: %w", err)
	}
	r.rows = r.rows[:n]
	return r.l.c.Pool().Run(r)
}

// Do decodes rows of the tile.
func (r *stored) Do(w, workers int) {
	vocab, size := r.b.Vocab, int(r.b.shape.row())
	lo, hi := cpu.Split(len(r.rows), 1, w, workers)
	for i := lo; i < hi; i++ {
		r.rows[i] = storedRow{z: r.z[i*vocab:][:vocab], e: r.e[i*vocab:][:vocab]}
		r.rows[i].decode(r.raw[i*size:][:size])
	}
}

func (r *storedRow) decode(raw []byte) {
	scale, least := math.Float32frombits(binary.LittleEndian.Uint32(raw)), math.Float32frombits(binary.LittleEndian.Uint32(raw[4:]))
	for i := range r.z {
		r.z[i] = float32(scale*float32(binary.LittleEndian.Uint16(raw[8+2*i:]))) + least
		if r.e[i] = 0; r.z[i] > -baseWindow {
			r.e[i] = cpu.Exp(r.z[i])
		}
		if r.z[i] > r.z[r.best] {
			r.best = i
		}
	}
}

// compare is llama-perplexity's: tokens of ln p of -16 and less are left out, and the terms are f32.
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
