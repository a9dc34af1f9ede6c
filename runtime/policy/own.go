package policy

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/kvgen/kvgen/kernels"
)

// OwnBlocks are the sizes of blocks of the project's types, the largest first since it costs least.
var OwnBlocks = [...]int{128, 64, 32}

// OwnType is the name of the project's cache type with codes of so many bits for rotated blocks of
// so many values. It is the one that loses least of normal values, which is what rotated blocks
// hold. "" if there is none.
func OwnType(table *kernels.Table, bits, block int) (name string) {
	least := math.Inf(1)
	for _, t := range table.Types() {
		if !t.KV || t.Domain == nil || t.Impls[0].Encode == nil || t.CompatibleWith != "" || t.Block != block || 8*t.Bytes/t.Block != bits {
			continue
		}
		if loss := normalLoss(t); loss < least {
			name, least = t.Name, loss
		}
	}
	return name
}

// OwnTypes are the names of those with codes of so many bits, the largest blocks first.
func OwnTypes(table *kernels.Table, bits int) (names []string) {
	for _, block := range OwnBlocks {
		if name := OwnType(table, bits, block); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// PublishedTypes are the names of the cache types whose bytes another program defined, with no
// transform of their own and at least so many bits per value, the smallest first.
func PublishedTypes(table *kernels.Table, bits int) (names []string) {
	var all []*kernels.Type
	for _, t := range table.Types() {
		if t.KV && t.Quantised && t.Domain == nil && t.CompatibleWith != "" && t.Impls[0].Encode != nil && 8*t.Bytes >= bits*t.Block {
			all = append(all, t)
		}
	}
	slices.SortStableFunc(all, func(a, b *kernels.Type) int { return a.Bytes*b.Block - b.Bytes*a.Block })
	for _, t := range all {
		names = append(names, t.Name)
	}
	return names
}

// normalLoss is the squared error of a type with a domain on normal values, the same ones every
// time.
func normalLoss(t *kernels.Type) (loss float64) {
	x := make([]float32, 8*1024/t.Block*t.Block)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	packed, y := make([]byte, t.RowBytes(len(x))), make([]float32, len(x))
	t.Best().Encode(packed, x)
	t.Best().Decode(y, packed)
	t.Domain.Best().Forward(x) // preserves lengths, so errors may be taken behind it
	for i := range x {
		e := float64(x[i] - y[i])
		loss += e * e
	}
	return loss
}
