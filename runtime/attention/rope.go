package attention

import (
	"cmp"
	"math"
	"slices"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/cpu"
)

const (
	// block is the positions between two rotations of the coefficients of an offset; chunks are
	// whole blocks. Longer blocks rotate less often, shorter ones have a table that leaves more of
	// the first-level cache to others.
	block = 128
	// unit is the positions that the kernel takes at once; a part of a block is rounded up to it.
	unit = 8
	// together is the most rows of a product.
	together = 16

	// terms is the columns that take the place of those of all slow pairs: within a block their
	// cosines and sines are polynomials of the position, of this many coefficients. A pair is slow
	// if it rotates by slow at most in half a block, for which the first term left out, slow^terms
	// / terms!, is less than f32 can tell.
	terms = 8
	slow  = 0.4
)

// Rope is a RoPE as Offset needs it. Layers may share one.
type Rope struct {
	keyDim   int
	freq     []float64
	adjacent bool // pairs are (0,1) (2,3), else (0,n/2) (1,n/2+1)
	scale    float32

	order []int // pairs, the fastest first
	fast  int   // how many of them are fast
	// coefficients a of a query: the pairs in order, one of frequency 0 for what does not rotate,
	// rounded up to 4
	pairs int

	// [columns][block] f32: cosines and sines of fast pairs, powers of the place in a block
	table []byte
	power []byte    // [2][pairs-fast][terms] f32: a and b of slow pairs as coefficients of powers
	base  []float32 // [blocks][2*pairs] cosines and negative sines of the middle of each block
	rest  []float32 // [block][2*pairs] the same of the places in a block, for one that begins there
	f32   *kernels.Impl
	vec   cpu.Vec
}

// Same says whether t is what NewRope makes of these.
func (t *Rope) Same(keyDim int, freq []float64, adjacent bool, magnitude float32) bool {
	return t.keyDim == keyDim && t.adjacent == adjacent && t.scale == magnitude && slices.Equal(t.freq, freq)
}

// NewRope makes the tables for positions below size. freq is the angle per position of each pair of
// a head of keyDim values, which may rotate less than all of them; magnitude scales cosines and
// sines.
func NewRope(table *kernels.Table, keyDim int, freq []float64, adjacent bool, magnitude float32, size int) *Rope {
	t := &Rope{keyDim: keyDim, freq: freq, adjacent: adjacent, scale: magnitude, pairs: len(freq), f32: table.ByID(0).Best(), vec: cpu.NewVec(table)}
	for i, f := range freq {
		t.order = append(t.order, i)
		if math.Abs(f)*block/2 > slow {
			t.fast++
		}
	}
	slices.SortStableFunc(t.order, func(a, b int) int { return cmp.Compare(math.Abs(freq[b]), math.Abs(freq[a])) })
	if 2*t.pairs < keyDim {
		t.pairs++
	}
	t.pairs = (t.pairs + 3) / 4 * 4
	t.tables()
	for i := 0; i < size; i += block {
		t.base = t.angles(t.base, i+block/2)
	}
	for i := range block {
		t.rest = t.angles(t.rest, i)
	}
	return t
}

// columns is the factors of a row of the product: of the cosines and sines of fast pairs, and of
// the powers.
func (t *Rope) columns() int { return 2*t.fast + terms }

// at is the frequency of coefficient i.
func (t *Rope) at(i int) float64 {
	if i < len(t.order) {
		return t.freq[t.order[i]]
	}
	return 0
}

// angles appends the cosines and negative sines of position p.
func (t *Rope) angles(to []float32, p int) []float32 {
	for i := range t.pairs {
		to = append(to, float32(math.Cos(float64(p)*t.at(i))))
	}
	for i := range t.pairs {
		to = append(to, float32(-math.Sin(float64(p)*t.at(i))))
	}
	return to
}

// tables makes table and power.
func (t *Rope) tables() {
	const half = block / 2
	var table, power []float32
	for _, f := range []func(float64) float64{math.Cos, math.Sin} {
		for i := range t.fast {
			for j := range block {
				table = append(table, float32(f(float64(j-half)*t.at(i))))
			}
		}
	}
	for k := range terms {
		for j := range block {
			table = append(table, float32(math.Pow(float64(j-half)/half, float64(k))))
		}
	}
	for parity := range 2 { // cosines have the even powers, sines the odd
		for i := t.fast; i < t.pairs; i++ {
			term := 1.0 // (half f)^k / k!
			for k := range terms {
				c := 0.0
				if k%2 == parity {
					c = term * float64(1-k/2%2*2)
				}
				power = append(power, float32(c))
				term *= half * t.at(i) / float64(k+1)
			}
		}
	}
	t.table, t.power = t.pack(table), t.pack(power)
}

// pack is values as the kernels take them.
func (t *Rope) pack(x []float32) []byte {
	b := make([]byte, 4*len(x))
	t.f32.Encode(b, x)
	return b
}

// add adds the missing scores for a run of positions from p on, which are in the cells from at on.
// Blocks begin with p wherever that is: coefficients are rotated by the rest of its own block
// first. The blocks of a query row are rows of one product, since kernels are quickest with
// several.
func (t *Rope) add(x *worker, coef []float32, m, at, p, run int) {
	n := 2 * t.pairs
	blocks, width := (run+block-1)/block, block
	if blocks == 1 {
		width = (run + unit - 1) / unit * unit
	}
	for j, step := 0, max(1, together/blocks); j < m; j += step {
		step := min(step, m-j)
		for i := range step {
			first := coef[(j+i)*n:][:n]
			if r := p % block; r != 0 {
				copy(x.first, first)
				first = x.first[:n]
				t.rotate(first, t.rest[r*n:][:n])
			}
			for b := range blocks {
				row := x.rotated[(i*blocks+b)*n:][:n]
				copy(row, first)
				t.rotate(row, t.base[(p/block+b)*n:][:n])
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
			t.vec.Add(x.scores[(j+i)*chunk+at:][:run], sums[i*blocks*block:][:run])
		}
	}
}

// rotate rotates coefficients to a later position, whose cosines and negative sines by holds.
func (t *Rope) rotate(coef, by []float32) { t.vec.RopeHalves(coef, by[:t.pairs], by[t.pairs:]) }

// mix adds the product of rows of rotated coefficients with the first width positions of a block to
// s.
func (t *Rope) mix(x *worker, s []float32, rows, width int) {
	n, columns := 2*t.pairs, t.columns()
	factors := x.factors[:rows*columns]
	for r := range rows {
		a, to := x.rotated[r*n:][:n], factors[r*columns:][:columns]
		copy(to, a[:t.fast])
		copy(to[t.fast:], a[t.pairs:][:t.fast])
		clear(to[2*t.fast:])
	}
	if left := t.pairs - t.fast; left > 0 {
		a, b, powers := x.rotated[t.fast:], x.rotated[t.pairs+t.fast:], factors[2*t.fast:]
		t.f32.Mix(powers, columns, a, n, rows, t.power, 4*terms, left, terms, &x.ws)
		t.f32.Mix(powers, columns, b, n, rows, t.power[4*terms*left:], 4*terms, left, terms, &x.ws)
	}
	t.f32.Mix(s, block, factors, columns, rows, t.table, 4*block, columns, width, &x.ws)
}
