package selftest

import (
	"fmt"
	"math"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/kernels/conform"
	"github.com/kvgen/kvgen/kernels/ref"
	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/gpu/product"
)

// Bounds of products, over the products of magnitudes, which the tests of runtime/gpu have too. The
// fast form is held to activations rounded as it does. It rounds tables of floats too, to bytes or,
// with many tokens, to f16, as it does all with many.
const (
	exactBound = 4e-7
	tableBound = 2e-3
	halfBound  = 3e-4
)

// few is how many tokens go through the kernels for few.
const few = 32

// planProducts has products with a type of weights, with one token, few and many.
func (r *run) planProducts(q *gpu.Queue, t *kernels.Type) {
	for _, exact := range []bool{true, false} {
		for _, tokens := range []int{1, 5, 40} {
			form := map[bool]string{true: "exact", false: "fast"}[exact]
			r.addGPU(Check{Kind: fmt.Sprintf("product of %d tokens, %s", tokens, form), Type: t.Name}, func(c *Check) error {
				return r.checkProduct(c, q, t, tokens, exact)
			})
		}
	}
}

// checkProduct multiplies 70 rows of at least 512 values with some tokens.
func (r *run) checkProduct(c *Check, q *gpu.Queue, t *kernels.Type, tokens int, exact bool) error {
	const outputs = 70
	n := (511/t.Block + 1) * t.Block
	oracles, _ := r.Oracles(t)
	packed, err := moderate(oracles[0].Format, outputs*n)
	if err != nil {
		return err
	}
	w := make([]float32, outputs*n)
	t.Best().Decode(w, packed)
	m := &memory{q: q}
	defer m.free()
	matrix, err := product.NewMatrix(q, t, n, outputs, func(p []byte, at int64) error {
		copy(p, packed[at:])
		return nil
	})
	if err != nil {
		return err
	}
	m.all = append(m.all, matrix)
	kernel, err := product.New(q, product.Spec{Matrix: matrix, Exact: exact})
	if err != nil {
		return err
	}
	in := conform.Noise(tokens*n, 4, 1)
	got := make([]float32, tokens*outputs)
	for i := range got {
		got[i] = float32(math.NaN()) // what is not written is seen
	}
	y, err := upload(m, got)
	if err != nil {
		return err
	}
	x, err := upload(m, in)
	if err != nil {
		return err
	}
	if err := kernel.Run(y, x, tokens); err != nil {
		return err
	}
	if err := gpu.Read(y, 0, got); err != nil {
		return err
	}
	rounds, bound := !exact && t.Quantised && tokens <= few && kernel.Rounds(), exactBound
	switch {
	case !exact && t.Quantised && t.Domain != nil: // with any number of tokens
		bound = tableBound
	case !exact && tokens > few:
		bound = halfBound
	}
	taken := activations(t, in, rounds)
	want := ref.Matmul(taken, w, tokens, outputs, n)
	size := ref.Matmul(magnitudes(taken), magnitudes(w), tokens, outputs, n)
	return far(c, got, want, size, bound, func(i int) string { return fmt.Sprintf("token %d, output %d", i/outputs, i%outputs) })
}

// moderate is n packed values of noise or, for a format that is only read, of random blocks of the
// sizes that models have, which f16 can hold.
func moderate(f ref.Format, n int) ([]byte, error) {
	if f.Encode != nil {
		packed, _, err := conform.Packed(f, n, 5)
		return packed, err
	}
	packed, random, y := []byte(nil), conform.RandomBytes(1<<20, 6), make([]float32, f.Block)
	for range n / f.Block {
		for {
			if len(random) < f.Bytes {
				return nil, fmt.Errorf("%s: too few random blocks are of a moderate size", f.Name)
			}
			block := random[:f.Bytes]
			f.Decode(y, block)
			if most := conform.Largest(y); conform.Finite(y) && most < 50 && most > 1e-3 {
				packed, random = append(packed, block...), random[f.Bytes:]
				break
			}
			random = random[1:]
		}
	}
	return packed, nil
}

// activations are rows of x as a product of a type takes them: in its domain and, if it rounds, as
// bytes with a scale for 32 values.
func activations(t *kernels.Type, x []float32, rounds bool) []float32 {
	y := append([]float32(nil), x...)
	if t.Domain != nil {
		t.Domain.Best().Forward(y)
	}
	for g := 0; rounds && g < len(y); g += 32 {
		part := y[g : g+32]
		most := conform.Largest(part)
		if most == 0 {
			continue
		}
		for i, v := range part {
			part[i] = most / 127 * float32(math.RoundToEven(float64(v*(127/most))))
		}
	}
	return y
}

func magnitudes(x []float32) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(math.Abs(float64(v)))
	}
	return y
}
