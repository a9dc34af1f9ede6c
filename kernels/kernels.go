// Package kernels is what the compiler made from kernels/spec: the table of
// quantisation types and, for each type and instruction set, the functions that
// encode, decode and compute with its packed rows. The runtime imports this
// package and nothing of the compiler.
//
// Vocabulary: a block is the smallest unit of a type, Block values in Bytes bytes.
// A row is n values (n a multiple of Block) packed in n/Block consecutive blocks:
// one head of one cached position, or one row of a weight matrix. Rows of one
// array lie stride bytes apart.
package kernels

import (
	"fmt"

	"github.com/kvgen/kvgen/kernels/cpu"
)

// What the kernels are made of; package cpu documents the contract of each.
type (
	Impl          = cpu.Impl
	TransformImpl = cpu.TransformImpl
	Act           = cpu.Act
	Workspace     = cpu.Workspace
)

// Type is one row of the dispatch table.
type Type struct {
	Name           string
	Summary        string
	ID             int    // ggml type number, -1 when the type has none
	Identity       string // hex SHA-256 over layout, codebook, transform and encoder
	KV, Weight     bool   // where the spec allows it
	Quantised      bool   // false for f32, f16, bf16
	Block          int    // values per block
	Bytes          int    // bytes per block
	Pad            bool   // a head that is no whole number of blocks is padded with zeros
	Whole          bool   // one value cannot be read without the others of its block
	CompatibleWith string // whose bytes these are, "" for the project's own
	// values per scale of the int8 activations that MatmulQ8 takes; 0 without MatmulQ8
	ActGroup int
	Domain   *Transform // what is stored is transformed by it; nil: stored as it is
	Guard    *Guard     // nil: only that a head is whole blocks
	// the file with the text of a type that Extend added, "" for one that kernels were generated
	// for
	Spec string

	Impls []Impl // that this CPU can run, best first; the last is portable Go
	best  int    // of them, the one that the table takes
}

// Guard is a condition on the size of a head, from the spec.
type Guard struct {
	Text  string // as written in the spec
	Holds func(headDim int, quantised bool) bool
}

// Transform is an orthonormal in-place transform of consecutive runs of Size values.
type Transform struct {
	Name    string
	Summary string
	Size    int

	Impls []TransformImpl // that this CPU can run, best first; the last is portable Go
	best  int             // of them, the one that the table takes
}

// Rotation is a transform that the cache may apply before a type encodes.
type Rotation struct {
	Name      string
	Summary   string
	Transform *Transform
	Guard     *Guard // nil: no condition but that a head is whole tiles
}

// RowBytes is the size of a packed row of n values; n is a multiple of Block.
func (t *Type) RowBytes(n int) int { return n / t.Block * t.Bytes }

// HeadDim is the number of values stored for a head of n: n itself, or n rounded up to
// whole blocks for a type that pads.
func (t *Type) HeadDim(n int) int {
	if t.Pad {
		return (n + t.Block - 1) / t.Block * t.Block
	}
	return n
}

// Fits returns the rule by which a head of n values cannot be stored in this type, or nil.
func (t *Type) Fits(n int) error {
	if n < 1 {
		return fmt.Errorf("%s: head_dim %d is not positive", t.Name, n)
	}
	if !t.KV {
		return fmt.Errorf("%s: a weight type, not for the cache", t.Name)
	}
	if t.Guard != nil && !t.Guard.Holds(n, t.Quantised) {
		return fmt.Errorf("%s: head_dim %d does not satisfy %s", t.Name, n, t.Guard.Text)
	}
	if d := t.HeadDim(n); d%t.Block != 0 {
		return fmt.Errorf("%s: head_dim %d is not a multiple of the block of %d", t.Name, n, t.Block)
	}
	return nil
}

// BitsPerValue is the storage per value of a head of n values, padding counted.
func (t *Type) BitsPerValue(n int) float64 {
	return float64(8*t.RowBytes(t.HeadDim(n))) / float64(n)
}

// Fits returns the rule by which heads of n values cannot be rotated, or nil. quantised is a
// property of the type that encodes them.
func (r *Rotation) Fits(n int, quantised bool) error {
	switch {
	case n < 1 || n%r.Transform.Size != 0:
		return fmt.Errorf("rotation %s: head_dim %d is not a multiple of the tile of %d", r.Name, n, r.Transform.Size)
	case r.Guard != nil && !r.Guard.Holds(n, quantised):
		return fmt.Errorf("rotation %s: head_dim %d, quantised %t does not satisfy %s", r.Name, n, quantised, r.Guard.Text)
	}
	return nil
}
