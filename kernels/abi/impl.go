package abi

import (
	"reflect"
	"slices"
)

// Impl is one type under one instruction set, a field for each of Kinds. A nil function means that
// the spec gives the type no such kernel: Encode of a read-only type, MatmulQ8 of a float type, Mix
// of a type that is not for the cache.
type Impl struct {
	ISA string
	// kernels of another instruction set, which this one lacks, and its name
	taken map[string]string

	// Encode packs len(src) values, a multiple of Block, into len(src)/Block blocks, the type's own
	// transform included. Bit for bit the spec under every ISA. dst and src do not overlap.
	Encode func(dst []byte, src []float32)

	// Decode unpacks len(dst) values, a multiple of Block, in the stored domain. Bit for bit the
	// spec.
	Decode func(dst []float32, src []byte)

	// Matmul is y[j*ldy+r] = sum over i of x[j*ldx+i] * w[r*stride][i] for j < m and r < rows, n
	// values per row, f32 throughout. With m the query heads of a group and w cached rows it is the
	// score kernel of attention. The order of the sum is not specified; the error is below 4 ulp of
	// sum |x||w| times sqrt(n).
	Matmul func(y []float32, ldy int, x []float32, ldx, m int, w []byte, stride, rows, n int, ws *Workspace)

	// MatmulQ8 is Matmul with x in int8 blocks of x.Group values; n is x.N, and m is x.Rows or a
	// multiple of ActPanel below it. Levels that are not integers may be rounded to multiples of
	// one step, of 1/127 to 1/64 of the largest level. In rows of one block of more than 32 values,
	// with integer levels or codes of at most 4 bits, quants may be halved to 7 bits, to even.
	MatmulQ8 func(y []float32, ldy int, x *Act, m int, w []byte, stride, rows, n int, ws *Workspace)

	// Mix is o[j*ldo+i] += sum over r of p[j*ldp+r] * v[r*stride][i] for j < m, i < n, r < rows.
	Mix func(o []float32, ldo int, p []float32, ldp, m int, v []byte, stride, rows, n int, ws *Workspace)

	// MixQ8 is Mix with levels that are not integers rounded as in MatmulQ8 and, for types with one
	// scale to a block of 64 values or more, weights times scales rounded to multiples of 1/32767
	// of the largest of 64 rows. It is nil where Mix is as quick; callers in the fast form use it
	// when it is there.
	MixQ8 func(o []float32, ldo int, p []float32, ldp, m int, v []byte, stride, rows, n int, ws *Workspace)
}

// kernel is the field of a kind.
func (a *Impl) kernel(k Kind) reflect.Value { return reflect.ValueOf(a).Elem().FieldByName(k.Field) }

// Has reports whether a has a kernel of the kind.
func (a *Impl) Has(k Kind) bool { return !a.kernel(k).IsNil() }

// Or fills the kernels that a lacks from b, and remembers whose they are.
func (a *Impl) Or(b *Impl) {
	for _, k := range Kinds {
		if a.Has(k) || !b.Has(k) {
			continue
		}
		a.kernel(k).Set(b.kernel(k))
		if a.taken == nil {
			a.taken = map[string]string{}
		}
		a.taken[k.Name] = b.From(k.Name)
	}
}

// Empty reports whether a has no kernel at all.
func (a *Impl) Empty() bool {
	return !slices.ContainsFunc(Kinds, a.Has)
}

// From is the instruction set that a kernel, the Name of a kind, is really of. That is ISA, or a
// later one of the list where ISA has none of its own for the type. generic, the last, is many
// times slower.
func (a *Impl) From(kernel string) string {
	if isa, taken := a.taken[kernel]; taken {
		return isa
	}
	return a.ISA
}
