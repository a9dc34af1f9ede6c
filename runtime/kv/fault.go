package kv

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/kvgen/kvgen/kernels"
)

// A row must be numbers, and stay numbers in its type. Encoders check neither: some store a NaN as
// 0, and a scale beyond f16 is an infinity that may decode to anything. So every row is checked
// when it is stored.
//
// The check is cheap: a row's length, the root of its sum of squares, bounds all its values before
// and after any transform. Only rows longer than the type is known to hold are decoded again. Few
// models have such rows.

// plain is the length of the rows that learn tries on every type.
const plain = 4096

// Fault is an error: a row that its type could not keep.
type Fault struct {
	Layer    int     // of the model
	Keys     bool    // keys, or else values
	Position int     // of the token
	Head     int     // KV head
	Most     float32 // the largest magnitude of the row; NaN or an infinity where it has one
	Exact    bool    // the row was to be kept exact
	Type     string
	// the largest magnitude that the type holds of a row of this shape; 0 where Most is no number
	Holds  float32
	Others []string // cache types that hold the row, the widest first
}

func (f *Fault) Error() string {
	side, flag := "keys", "--cache-type-k"
	if !f.Keys {
		side, flag = "values", "--cache-type-v"
	}
	at := fmt.Sprintf("layer %d, position %d: ", f.Layer, f.Position)
	if !finite(f.Most) {
		return fmt.Sprintf("%sthe %s are no numbers (%v): the weights are damaged, or their values overflow", at, side, f.Most)
	}
	what := "the cache type " + f.Type
	if f.Exact {
		what = "the type of exact rows, " + f.Type + ","
	}
	cure := "no cache type does"
	if len(f.Others) > 0 {
		cure = flag + " " + strings.Join(f.Others, ", ") + " can"
	}
	if f.Exact {
		cure += ", without exact rows"
	}
	return fmt.Sprintf("%sthe %s reach %.6g, and %s holds no more than %.6g of them: %s", at, side, f.Most, what, f.Holds, cure)
}

// found is the first fault of a side since the last takeFault.
type found struct {
	sync.Mutex
	fault *Fault
	row   []float32 // as the model computed it
}

// sumSquares has the same bits under every instruction set.
func sumSquares(x []float32) float64 { return kernels.Default().Vec().SumSquares(x) }

func finite(v float32) bool { return v-v == 0 }

// learn finds the sum of squares up to which rows need no second check: plain squared if the type
// holds rows of that length, whatever their shape, and otherwise 0.
func (s *Side) learn() {
	x, packed := make([]float32, s.Stored), make([]byte, s.RowBytes)
	even := plain / float32(math.Sqrt(float64(s.Stored)))
	for _, fill := range []func(i int) float32{
		func(i int) float32 { return plain * float32(min(1, i)-1) }, // all in the first
		func(i int) float32 { return plain * float32(i/(s.Stored-1)) },
		func(int) float32 { return even },
		func(i int) float32 { return even * float32(1-i%2*2) },
	} {
		for i := range x {
			x[i] = 0
			if s.Stored > 1 {
				x[i] = fill(i)
			}
		}
		s.Impl.Encode(packed, x)
		if !s.numbers(packed) {
			return
		}
	}
	s.safe = plain * plain
}

// numbers reports whether a packed row decodes to finite numbers.
func (s *Side) numbers(packed []byte) bool { return numbers(s.Impl, packed, s.Stored) }

func numbers(impl *kernels.Impl, packed []byte, n int) bool {
	x := make([]float32, n)
	impl.Decode(x, packed)
	return !slices.ContainsFunc(x, func(v float32) bool { return !finite(v) })
}

// prove checks rows that were encoded, [n][Stored], and their packed forms, in n cells from cell
// on.
func (s *Side) prove(rows []float32, packed []byte, h, cell int) {
	if sumSquares(rows) <= s.safe { // false for a NaN
		return
	}
	for ; len(rows) > 0; rows, packed, cell = rows[s.Stored:], packed[s.RowBytes:], cell+1 {
		s.proveRow(rows[:s.Stored], packed[:s.RowBytes], h, cell)
	}
}

// proveRow checks one row.
func (s *Side) proveRow(row []float32, packed []byte, h, cell int) {
	if sumSquares(row) <= s.safe {
		return
	}
	x := slices.Clone(row[:s.Dim])
	if s.rotate != nil {
		s.rotate.Inverse(x)
	}
	most := largest(x)
	if finite(most) && s.numbers(packed) {
		return
	}
	f := &Fault{Position: int(s.Cells.pos[cell]), Head: h, Most: most, Type: s.Type.Name}
	s.found.Lock()
	defer s.found.Unlock()
	if o := s.found.fault; o == nil || cmp.Or(cmp.Compare(f.Position, o.Position), cmp.Compare(f.Head, o.Head)) < 0 {
		s.found.fault, s.found.row = f, x
	}
}

// largest is the largest magnitude of x, NaN if there is one.
func largest(x []float32) (most float32) {
	for _, v := range x {
		most = max(most, v, -v) // the built-in max keeps a NaN
	}
	return most
}

// takeFault returns the fault since the last call, if any, and forgets it.
func (s *Side) takeFault() (f *Fault) {
	s.found.Lock()
	defer s.found.Unlock()
	if f = s.found.fault; f == nil {
		return nil
	}
	if finite(f.Most) {
		f.Holds = s.holds(s.found.row)
		f.Others = holders(s.table, s.found.row)
	}
	s.found.fault, s.found.row = nil, nil
	return f
}

// holds is the largest magnitude that rows of the shape of x may have in the side's type.
func (s *Side) holds(x []float32) (most float32) {
	y, packed, back := make([]float32, s.Stored), make([]byte, s.RowBytes), make([]float32, s.Dim)
	scaled := make([]float32, len(x))
	lo, hi := float32(0), float32(1)
	for range 24 {
		mid := (lo + hi) / 2
		for i, v := range x {
			scaled[i] = v * mid
		}
		s.rotateAndPad(y, scaled)
		if s.Impl.Encode(packed, y); !s.numbers(packed) {
			hi = mid
			continue
		}
		lo = mid
		s.Impl.Decode(y, packed)
		s.Output(back, y)
		most = max(most, largest(back))
	}
	return most
}

// holders names the cache types that keep a head x finite, those with more bits first.
func holders(table *kernels.Table, x []float32) (names []string) {
	var all []*kernels.Type
	for _, t := range table.Types() {
		if t.Fits(len(x)) != nil {
			continue
		}
		row := make([]float32, t.HeadDim(len(x)))
		copy(row, x)
		packed := make([]byte, t.RowBytes(len(row)))
		if impl := t.Best(); impl.Encode != nil {
			if impl.Encode(packed, row); numbers(impl, packed, len(row)) {
				all = append(all, t)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b *kernels.Type) int { return cmp.Compare(b.BitsPerValue(len(x)), a.BitsPerValue(len(x))) })
	for _, t := range all {
		names = append(names, t.Name)
	}
	return names
}

// Err returns a *Fault, the first row of the layer since the last call that its type could not
// keep, or nil. No Store may run at the time.
func (r *Rows) Err() error {
	var first *Fault
	for k, p := range r.segments {
		for i, s := range []*Side{p.K, p.V} {
			f := s.takeFault()
			if f == nil || first != nil && first.Position <= f.Position {
				continue
			}
			first = f
			f.Layer, f.Keys, f.Exact = r.layer, i == 0, k > 0
		}
	}
	if first == nil {
		return nil // and no *Fault that is nil
	}
	return first
}
