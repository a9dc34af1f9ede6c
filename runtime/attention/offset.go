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
	// unit is the positions that the kernel takes at once; parts of a block are rounded up to it.
	unit = 8
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
	blocks := (size + block - 1) / block
	t.base = make([]float32, blocks*len(row))
	for i := range blocks {
		t.angles(t.base[i*len(row):], i*block, -1)
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
	t := o.Turn
	n, turned := 2*t.pairs, -1
	for at := 0; at < len(pos); {
		p := int(pos[at])
		if p < 0 {
			at++
			continue
		}
		run := 1 // consecutive positions within a block
		for at+run < len(pos) && p%block+run < block && int(pos[at+run]) == p+run {
			run++
		}
		if i := p / block; i != turned {
			turned = i
			base := t.base[i*n:][:n]
			copy(x.turned, coef)
			for j := range m {
				cpu.RopeHalves(x.turned[j*n:][:n], base[:t.pairs], base[t.pairs:])
			}
		}
		from, to := p%block, p%block+run
		if from%unit == 0 && run%unit == 0 {
			t.mix(x, x.scores[at:], chunk, m, from, to)
		} else {
			lo, hi := from/unit*unit, (to+unit-1)/unit*unit
			sums := x.sums[:m*block]
			clear(sums)
			t.mix(x, sums, block, m, lo, hi)
			for j := range m {
				cpu.Add(x.scores[j*chunk+at:][:run], sums[j*block+from-lo:][:run])
			}
		}
		at += run
	}
}

// mix adds the product of the turned coefficients of m rows with the positions lo..hi-1 of a block to s, whose rows are
// ld apart.
func (t *Turn) mix(x *worker, s []float32, ld, m, lo, hi int) {
	const word = 4
	t.f32.Mix(s, ld, x.turned, 2*t.pairs, m, t.table[lo*word:], block*word, 2*t.pairs, hi-lo, &x.ws)
}
