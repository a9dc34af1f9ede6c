package conform

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/kvgen/kvgen/kernels"
)

// encode compares bytes with the oracles, for every length and every hard row. A published format
// may leave encoding to its authors' search.
func (s *Subject) encode(impl *kernels.Impl, whole bool) error {
	counts := blockCounts(s.Type, whole)
	longest := slices.Max(counts) * s.Type.Block
	for _, o := range s.Oracles {
		if o.Encode == nil {
			continue
		}
		for _, in := range Hard(longest, s.Type.Block) {
			want := make([]byte, s.Type.RowBytes(longest))
			o.Encode(want, in.Values)
			for _, blocks := range counts {
				if err := s.Encode(impl, in.Values[:blocks*s.Type.Block], want, in.Name+", against the "+o.Name); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// Encode encodes x, whole blocks, once and compares with the first bytes of want.
func (s *Subject) Encode(impl *kernels.Impl, x []float32, want []byte, what string) error {
	blocks := len(x) / s.Type.Block
	got, fences := Guarded(s.Type.RowBytes(len(x)), blocks)
	kept := Frozen(x)
	impl.Encode(got, x)
	return at(first(fences(), kept(), sameBytes(got, want)), "%d blocks, %s", blocks, what)
}

// decode compares values with the oracles: rows that were encoded, and random bytes, which hold
// every special scale.
func (s *Subject) decode(impl *kernels.Impl, whole bool) error {
	counts := blockCounts(s.Type, whole)
	longest := slices.Max(counts) * s.Type.Block
	size := s.Type.RowBytes(longest)
	rows := [][]byte{make([]byte, size), bytes.Repeat([]byte{0xFF}, size)}
	seeds := uint64(3)
	if whole {
		seeds = 20
	}
	for seed := range seeds {
		rows = append(rows, RandomBytes(size, seed))
	}
	row, _, err := Packed(s.Oracles[0].Format, longest, 8)
	if err != nil {
		return err
	}
	rows = append(rows, row)
	for _, o := range s.Oracles {
		for k, row := range rows {
			want := make([]float32, longest)
			o.Decode(want, row)
			for _, blocks := range counts {
				if err := s.Decode(impl, row[:blocks*s.Type.Bytes], want, fmt.Sprintf("row %d, against the %s", k, o.Name)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// Decode decodes src, whole blocks, once and compares with the first values of want.
func (s *Subject) Decode(impl *kernels.Impl, src []byte, want []float32, what string) error {
	blocks := len(src) / s.Type.Bytes
	got, fences := GuardedFloats(blocks*s.Type.Block, blocks)
	kept := FrozenBytes(src)
	impl.Decode(got, src)
	return at(first(fences(), kept(), SameFloats(got, want)), "%d blocks, %s", blocks, what)
}
