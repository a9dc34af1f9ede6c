package attention

import (
	"math"
	"slices"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/cpu"
)

const (
	// block is the positions between two turns of the coefficients of an offset.
	block = 64
	// unit is the positions that the kernel takes at once; a part of a block is rounded up to it.
	unit = 8
	// together is the rows of a product, whole tiles of the kernel.
	together = 12
)

// Offset is a constant mu taken out of the keys of one layer before RoPE. Keys are stored as R_p (k - mu), so that
// q . R_p mu is missing in the score of a query q with the key at position p. With RoPE's frequencies f that is
//
//	sum over pairs of a cos(p f) + b sin(p f)    a = q0 mu0 + q1 mu1, b = q1 mu0 - q0 mu1
//
// and with p = 64 i + j, a and b turned by 64 i f once per block of 64 positions, a product with a table of cos(j f) and
// sin(j f) that is the same for all blocks and stays in the first-level cache.
type Offset struct {
	Mu   []float32 // [KVHeads][KeyDim]
	Turn *Turn
}

// Take takes the constant out of the keys of one token, [KVHeads][KeyDim], before RoPE.
func (o *Offset) Take(k []float32) { cpu.Blend(k, o.Mu, 1, -1) }

// Turn is a RoPE as Offset needs it. Layers may share one.
type Turn struct {
	keyDim   int
	freq     []float64
	adjacent bool // pairs are (0,1) (2,3), else (0,n/2) (1,n/2+1)
	scale    float32

	pairs int       // columns of the tables: the pairs, one of frequency 0 for what does not turn, rounded up to 4
	table []byte    // [2*pairs][block] f32, cosines before sines
	base  []float32 // [blocks][2*pairs] cosines and negative sines of the first position of each block
	rest  []float32 // [block][2*pairs] the same of the positions of the first block
	f32   *kernels.Impl
}

// Same says whether t is what NewTurn makes of these.
func (t *Turn) Same(keyDim int, freq []float64, adjacent bool, magnitude float32) bool {
	return t.keyDim == keyDim && t.adjacent == adjacent && t.scale == magnitude && slices.Equal(t.freq, freq)
}

// NewTurn makes the tables for positions below size. freq is the angle per position of each pair of a head of keyDim
// values, which may turn less than all of them; magnitude scales cosines and sines.
func NewTurn(keyDim int, freq []float64, adjacent bool, magnitude float32, size int) *Turn {
	t := &Turn{keyDim: keyDim, freq: freq, adjacent: adjacent, scale: magnitude, pairs: len(freq)}
	if 2*t.pairs < keyDim {
		t.pairs++
	}
	t.pairs = (t.pairs + 3) / 4 * 4
	f32 := kernels.ByID(0)
	t.f32 = f32.Best()
	row, table := make([]float32, 2*t.pairs), make([]float32, 2*t.pairs*block)
	for j := range block {
		t.angles(row, j, 1)
		for i, v := range row {
			table[i*block+j] = v
		}
	}
	t.table = make([]byte, f32.RowBytes(len(table)))
	t.f32.Encode(t.table, table)
	t.base = make([]float32, (size+block-1)/block*len(row))
	for i := 0; i < size; i += block {
		t.angles(t.base[i/block*len(row):], i, -1)
	}
	t.rest = make([]float32, block*len(row))
	for i := range block {
		t.angles(t.rest[i*len(row):], i, -1)
	}
	return t
}

// angles fills a row of a table for position p; columns without a frequency do not turn.
func (t *Turn) angles(row []float32, p int, sign float32) {
	for i := range t.pairs {
		s, c := 0.0, 1.0
		if i < len(t.freq) {
			s, c = math.Sincos(float64(p) * t.freq[i])
		}
		row[i], row[t.pairs+i] = float32(c), sign*float32(s)
	}
}

// lay forms a and b of one query of a KV head, [2*pairs].
func (o *Offset) lay(coef, q []float32, kvHead int) {
	t := o.Turn
	mu := o.Mu[kvHead*t.keyDim:][:t.keyDim]
	n := len(t.freq)
	a, b := coef[:t.pairs], coef[t.pairs:2*t.pairs]
	clear(a[n:])
	clear(b[n:])
	for i := range n {
		k, l := i, i+n
		if t.adjacent {
			k, l = 2*i, 2*i+1
		}
		a[i] = t.scale * (float32(q[k]*mu[k]) + float32(q[l]*mu[l]))
		b[i] = t.scale * (float32(q[l]*mu[k]) - float32(q[k]*mu[l]))
	}
	for i := 2 * n; i < t.keyDim; i++ {
		a[n] += float32(q[i] * mu[i])
	}
}

// add adds the missing scores of m query rows with cells at positions pos to x.scores.
func (o *Offset) add(x *worker, coef []float32, m int, pos []int32) {
	for at := 0; at < len(pos); {
		p := pos[at]
		if p < 0 {
			at++
			continue
		}
		run := 1 // consecutive positions
		for at+run < len(pos) && pos[at+run] == p+int32(run) {
			run++
		}
		o.Turn.add(x, coef, m, at, int(p), run)
		at += run
	}
}

// add adds the missing scores for a run of positions from p on, which are in the cells from at on. Blocks begin with p
// wherever that is: coefficients are turned by the rest of its own block first. The blocks of a query row are rows of one
// product, since kernels are quickest with several.
func (t *Turn) add(x *worker, coef []float32, m, at, p, run int) {
	n := 2 * t.pairs
	blocks, width := (run+block-1)/block, block
	if blocks == 1 {
		width = (run + unit - 1) / unit * unit
	}
	for j, step := 0, max(1, together/blocks); j < m; j += step {
		step := min(step, m-j)
		for i := range step {
			first := x.turned[i*blocks*n:][:n]
			copy(first, coef[(j+i)*n:][:n])
			if r := p % block; r > 0 {
				t.turn(first, t.rest[r*n:][:n])
			}
			for b := blocks - 1; b >= 0; b-- { // the first last, since the others begin from it
				row := x.turned[(i*blocks+b)*n:][:n]
				copy(row, first)
				t.turn(row, t.base[(p/block+b)*n:][:n])
			}
		}
		if run == chunk { // blocks lie in the scores as in the sums
			t.mix(x, x.scores[j*chunk:], step*blocks, width)
			continue
		}
		sums := x.sums[:step*blocks*block]
		clear(sums)
		t.mix(x, sums, step*blocks, width)
		for i := range step {
			cpu.Add(x.scores[(j+i)*chunk+at:][:run], sums[i*blocks*block:][:run])
		}
	}
}

// turn turns coefficients to a later position, whose cosines and negative sines by is.
func (t *Turn) turn(coef, by []float32) { cpu.RopeHalves(coef, by[:t.pairs], by[t.pairs:]) }

// mix adds the product of rows of turned coefficients with the first width positions of a block to s.
func (t *Turn) mix(x *worker, s []float32, rows, width int) {
	t.f32.Mix(s, block, x.turned, 2*t.pairs, rows, t.table, 4*block, 2*t.pairs, width, &x.ws)
}
