package rope

import (
	"fmt"
	"math"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/gpu"
)

// Tables is a RoPE as Offset needs it: tables in device memory. Layers may share one.
type Tables struct {
	Pairing
	Size int // positions below it can be in the cache

	Table, Block, Rest *gpu.Buffer
	Blocks             int
	Magnitude          float32
}

const (
	Tile      = 32 // positions of a tile of attention, as in rows.cuh
	StepPairs = 8  // pairs that one product with the table takes
)

// NewTables makes the tables for positions below size. freq is the angle per position of each pair
// of a head; magnitude scales cosines and sines. They take 8 bytes for each pair and 32 positions.
func NewTables(q *gpu.Queue, freq []float64, adjacent bool, magnitude float32, size int) (*Tables, error) {
	if size < 1 || size > 1<<30 {
		return nil, fmt.Errorf("gpu: tables of RoPE are for 1 to %d positions: %d were asked for", 1<<30, size)
	}
	t := &Tables{Pairing: Pairing{len(freq), adjacent}, Size: size, Blocks: (size+Tile-1)/Tile + 1, Magnitude: magnitude}
	var blocks, rest []float32
	for n := range t.Blocks {
		blocks = appendCosSin(blocks, freq, Tile*(n-1))
	}
	for n := range Tile {
		rest = appendCosSin(rest, freq, n)
	}
	table := mmaFragments(freq)
	for _, x := range []struct {
		to   **gpu.Buffer
		size int
		copy func(*gpu.Buffer) error
	}{
		{&t.Table, 2 * len(table), func(m *gpu.Buffer) error { return gpu.Write(m, 0, table) }},
		{&t.Block, 4 * len(blocks), func(m *gpu.Buffer) error { return gpu.Write(m, 0, blocks) }},
		{&t.Rest, 4 * len(rest), func(m *gpu.Buffer) error { return gpu.Write(m, 0, rest) }},
	} {
		m, err := q.Alloc(uint64(x.size))
		if err == nil {
			*x.to = m
			err = x.copy(m)
		}
		if err != nil {
			t.Free()
			return nil, err
		}
	}
	return t, nil
}

// pairOf is which pair lane c of four has in a step: its first or, with half 1, its second. It may
// be none of so many.
func pairOf(step, c, half int) int { return step*StepPairs + 4*half + c }

// appendCosSin appends cosines and sines of position p: [steps][4 lanes][2 pairs][2].
func appendCosSin(to []float32, freq []float64, p int) []float32 {
	for step := range (len(freq) + StepPairs - 1) / StepPairs {
		for c := range 4 {
			for half := range 2 {
				i := pairOf(step, c, half)
				if i >= len(freq) {
					to = append(to, 1, 0)
					continue
				}
				s, cos := math.Sincos(float64(p) * freq[i])
				to = append(to, float32(cos), float32(s))
			}
		}
	}
	return to
}

// mmaFragments is the cosines and sines of the positions of a tile as the first factor of mma:
// [steps][2][2][32 lanes] of four words, which are a pair of f16 each. In both halves m of the tile
// lane 4j + c has cosine and sine of positions 4j + 2m and 4j + 2m + 1, of its first pair and then
// of its second; after those of all lanes, what rounding them left over.
func mmaFragments(freq []float64) (all []uint16) {
	f16 := kernels.Default().ByID(1).Best()
	round := func(x float64) (bits uint16, left float64) {
		b, v := make([]byte, 2), make([]float32, 1)
		f16.Encode(b, []float32{float32(x)})
		f16.Decode(v, b)
		return uint16(b[0]) | uint16(b[1])<<8, x - float64(v[0])
	}
	for step := range (len(freq) + StepPairs - 1) / StepPairs {
		for m := range 2 {
			var high, low []uint16
			for lane := range 32 {
				for word := range 4 {
					i := pairOf(step, lane%4, word/2)
					if i >= len(freq) {
						high, low = append(high, 0, 0), append(low, 0, 0)
						continue
					}
					s, c := math.Sincos(float64(lane/4*4+2*m+word%2) * freq[i])
					for _, v := range []float64{c, s} {
						bits, left := round(v)
						rest, _ := round(left)
						high, low = append(high, bits), append(low, rest)
					}
				}
			}
			all = append(append(all, high...), low...)
		}
	}
	return all
}

// Free gives the memory back.
func (t *Tables) Free() error {
	var err error
	for _, m := range []*gpu.Buffer{t.Table, t.Block, t.Rest} {
		if m != nil {
			if e := m.Free(); err == nil {
				err = e
			}
		}
	}
	return err
}
