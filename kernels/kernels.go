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

import "fmt"

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
	CompatibleWith string // whose bytes these are, "" for the project's own
	ActGroup       int    // values per scale of the int8 activations that MatmulQ8 takes
	Domain         *Transform
	Guard          *Guard

	Impls []Impl // best first; the last is portable Go
}

// Guard is a condition on the size of a head, from the spec.
type Guard struct {
	Text  string // as written in the spec
	Holds func(headDim int, quantised bool) bool
}

// Transform is an orthonormal in-place transform of consecutive runs of Size values.
type Transform struct {
	Name  string
	Size  int
	Impls []TransformImpl // best first; the last is portable Go
}

// TransformImpl is one transform under one instruction set. len(x) is a multiple of Size.
// Forward and Inverse give the same bits under every instruction set.
type TransformImpl struct {
	ISA              string
	Forward, Inverse func(x []float32)
}

// Rotation is a transform that the cache may apply before a type encodes.
type Rotation struct {
	Name      string
	Transform *Transform
	Guard     *Guard
}

// Impl is one type under one instruction set. A nil function means that the spec
// gives the type no such kernel (Encode of a read-only type, MatmulQ8 of a float type).
type Impl struct {
	ISA string

	// Encode packs len(src) values, a multiple of Block, into len(src)/Block blocks,
	// the type's own transform included. Bit for bit the spec under every ISA.
	Encode func(dst []byte, src []float32)

	// Decode unpacks len(dst) values in the stored domain. Bit for bit the spec.
	Decode func(dst []float32, src []byte)

	// Matmul is y[j*ldy+r] = sum over i of x[j*ldx+i] * w[r][i] for j < m and
	// r < rows, n values per row, f32 throughout. With m the query heads of a group
	// and w cached rows it is the score kernel of attention. Order of the sum is
	// not specified; the error is below 4 ulp of sum |x||w| times sqrt(n).
	Matmul func(y []float32, ldy int, x []float32, ldx, m int, w []byte, stride, rows, n int, ws *Workspace)

	// MatmulQ8 is Matmul with x in int8 blocks of ActGroup values. n is a multiple of ActGroup.
	MatmulQ8 func(y []float32, ldy int, x *Act, m int, w []byte, stride, rows, n int, ws *Workspace)

	// Mix is o[j*ldo+i] += sum over r of p[j*ldp+r] * v[r][i] for j < m, i < n, r < rows.
	Mix func(o []float32, ldo int, p []float32, ldp, m int, v []byte, stride, rows, n int, ws *Workspace)
}

// Act holds m rows of n activations rounded to int8, a scale per Group values.
type Act struct {
	N, Group int
	Q        []int8    // [m][N]
	D        []float32 // [m][N/Group] scale: x ~ D*Q
	S        []float32 // [m][N/16] D times the sum of 16 Q
}

// Workspace is scratch memory that one goroutine lends to kernels, grown on demand
// and never shared between goroutines.
type Workspace struct {
	f []float32
	b []byte
}

// Floats returns scratch of n floats, valid until the next call.
func (w *Workspace) Floats(n int) []float32 {
	if cap(w.f) < n {
		w.f = make([]float32, n)
	}
	return w.f[:n]
}

// Raw returns scratch of n bytes, valid until the next call.
func (w *Workspace) Raw(n int) []byte {
	if cap(w.b) < n {
		w.b = make([]byte, n)
	}
	return w.b[:n]
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

// Fits says why a head of n values cannot be stored in this type, or nil.
func (t *Type) Fits(n int) error {
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
