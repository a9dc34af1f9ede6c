package kernels_test

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/kvgen/kvgen/gen/interp"
	"github.com/kvgen/kvgen/gen/spec"
	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/kernels/conform"
	"github.com/kvgen/kvgen/kernels/ref"
)

// Every fuzz target takes the number of a type, which wraps around, and bytes that it reads as
// values or as packed blocks, and holds all implementations of the type to the interpreter.

// fuzzKernel adds a seed for every type and runs f for the types that can do what is asked.
func fuzzKernel(f *testing.F, has func(*kernels.Impl) bool, run func(t *testing.T, typ *kernels.Type, data []byte)) {
	types := kernels.Default().Types()
	for k := range types {
		f.Add(uint8(k), randomBytes(600+37*k, uint64(k)))
	}
	f.Add(uint8(0), []byte{})
	f.Fuzz(func(t *testing.T, k uint8, data []byte) {
		typ := types[int(k)%len(types)]
		if len(data) <= 8192 && has(&typ.Impls[len(typ.Impls)-1]) {
			run(t, typ, data)
		}
	})
}

// check fails the test for what a check found.
func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// FuzzEncode reads the bytes as floats of any kind.
func FuzzEncode(f *testing.F) {
	fuzzKernel(f, func(i *kernels.Impl) bool { return i.Encode != nil }, func(t *testing.T, typ *kernels.Type, data []byte) {
		x := make([]float32, (len(data)/4+typ.Block-1)/typ.Block*typ.Block)
		for i := range len(data) / 4 {
			x[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
		}
		declared := specOf(t, typ.Name)
		want := make([]byte, typ.RowBytes(len(x)))
		interp.Format(declared).Encode(want, x)
		oneNaN(declared, want)
		for k := range typ.Impls {
			impl := typ.Impls[k]
			encode := impl.Encode
			impl.Encode = func(dst []byte, src []float32) {
				encode(dst, src)
				oneNaN(declared, dst)
			}
			check(t, subjectOf(t, typ).Encode(&impl, x, want, typ.Name+" by "+impl.ISA))
		}
	})
}

// oneNaN makes the NaNs of all float fields alike. Which of two NaNs a sum keeps, and the sign of a
// new one, is up to the machine and the order of operands that the Go compiler chose.
func oneNaN(typ *spec.Type, row []byte) {
	for ; len(row) > 0; row = row[typ.Bytes:] {
		for _, f := range typ.Fields {
			b, end := row[f.Offset:], f.Bytes-1
			switch {
			case f.Kind == spec.F16 && binary.LittleEndian.Uint16(b)&0x7FFF > 0x7C00,
				f.Kind == spec.BF16 && binary.LittleEndian.Uint16(b)&0x7FFF > 0x7F80,
				f.Kind == spec.F32 && binary.LittleEndian.Uint32(b)&0x7FFFFFFF > 0x7F800000:
				clear(b[:end])
				b[end] = 0x7F
				b[end-1] = 0xFF
			}
		}
	}
}

// FuzzDecode reads the bytes as blocks.
func FuzzDecode(f *testing.F) {
	fuzzKernel(f, func(i *kernels.Impl) bool { return true }, func(t *testing.T, typ *kernels.Type, data []byte) {
		data = data[:len(data)/typ.Bytes*typ.Bytes]
		want := make([]float32, len(data)/typ.Bytes*typ.Block)
		interp.Format(specOf(t, typ.Name)).Decode(want, data)
		for k := range typ.Impls {
			check(t, subjectOf(t, typ).Decode(&typ.Impls[k], data, want, typ.Name+" by "+typ.Impls[k].ISA))
		}
	})
}

// FuzzMatmul takes the shape from the first bytes, the weights from the rest.
func FuzzMatmul(f *testing.F) {
	fuzzKernel(f, func(i *kernels.Impl) bool { return true }, func(t *testing.T, typ *kernels.Type, data []byte) {
		p, w, x := fuzzProduct(t, typ, typ.Block, data)
		for k := range typ.Impls {
			check(t, subjectOf(t, typ).Matmul(&typ.Impls[k], p, w, x[:p.M*p.N], &kernels.Workspace{}))
		}
	})
}

// FuzzMatmulQ8 is FuzzMatmul for rounded activations.
func FuzzMatmulQ8(f *testing.F) {
	fuzzKernel(f, func(i *kernels.Impl) bool { return i.MatmulQ8 != nil }, func(t *testing.T, typ *kernels.Type, data []byte) {
		p, w, x := fuzzProduct(t, typ, conform.Q8Unit(typ), data)
		for k := range typ.Impls {
			if impl := &typ.Impls[k]; impl.MatmulQ8 != nil {
				check(t, subjectOf(t, typ).MatmulQ8(impl, p, w, x[:p.M*p.N], &kernels.Workspace{}))
			}
		}
	})
}

// FuzzMix takes probabilities where FuzzMatmul takes activations.
func FuzzMix(f *testing.F) {
	fuzzKernel(f, func(i *kernels.Impl) bool { return i.Mix != nil }, func(t *testing.T, typ *kernels.Type, data []byte) {
		p, v, x := fuzzProduct(t, typ, typ.Block, data)
		for k := range typ.Impls {
			check(t, subjectOf(t, typ).Mix(&typ.Impls[k], p, v, x[:p.M*p.Rows], &kernels.Workspace{}))
		}
	})
}

// fuzzProduct makes a small product of fuzzed data: rows of whole units, and enough values for the
// other operand.
func fuzzProduct(t *testing.T, typ *kernels.Type, unit int, data []byte) (conform.Product, conform.Weights, []float32) {
	t.Helper()
	b := append(append([]byte(nil), data...), make([]byte, 4)...)
	units := 1 + int(b[2])%max(1, min(20, 512/unit))
	p := conform.Product{M: 1 + int(b[0])%9, Rows: int(b[1]) % 10, N: units * unit, Slack: int(b[3]) % 4}
	b = b[4:]
	x := make([]float32, p.M*max(p.N, p.Rows))
	for i := range x {
		x[i] = float32(i%13) / 8
		if i < len(b) {
			x[i] = float32(int8(b[i])) / 16
		}
	}
	w, err := subjectOf(t, typ).Weights(p)
	check(t, err)
	oracle, row := interp.Format(specOf(t, typ.Name)), make([]byte, typ.RowBytes(p.N))
	for r := range p.Rows {
		values := w.Values[r*p.N:][:p.N]
		fuzzRow(t, typ, oracle, row, values, b)
		b = b[min(len(b), len(row)):]
		copy(w.Packed[r*w.Stride:], row)
	}
	return p, w, x
}

// fuzzRow packs a row of b and decodes it to values. The row is encoded if the type can, so that
// scales and minima go together as the bounds of the comparisons ask for, else as it is, less the
// blocks that are not finite.
func fuzzRow(t *testing.T, typ *kernels.Type, oracle ref.Format, row []byte, values []float32, b []byte) {
	if oracle.Encode != nil {
		for i := range values {
			values[i] = 0
			if i < len(b) {
				values[i] = float32(int8(b[i])) * float32(1+i%3)
			}
		}
		oracle.Encode(row, values)
		oracle.Decode(values, row)
		return
	}
	clear(row)
	copy(row, b)
	for k := range len(values) / typ.Block {
		block, y := row[k*typ.Bytes:][:typ.Bytes], values[k*typ.Block:][:typ.Block]
		if oracle.Decode(y, block); !finite(y) || !balanced(specOf(t, typ.Name), oracle, block, conform.Largest(y)) {
			clear(block)
			oracle.Decode(y, block)
		}
	}
}

// balanced reports whether the largest value that the scales of the block allow is not far above
// the largest that it has: kernels that take offsets off sums are as exact as the former.
func balanced(typ *spec.Type, oracle ref.Format, block []byte, most float32) bool {
	for _, ones := range []byte{0, 1} {
		extreme, y := append([]byte(nil), block...), make([]float32, typ.Block)
		for _, c := range typ.Codes {
			for _, parts := range c.Parts {
				for _, p := range parts {
					for bit := p.Bit; bit < p.Bit+p.Width && c.Group == 1; bit++ {
						extreme[bit/8] = extreme[bit/8]&^(1<<(bit%8)) | ones<<(bit%8)
					}
				}
			}
		}
		if oracle.Decode(y, extreme); !finite(y) || conform.Largest(y) > 4*most {
			return false
		}
	}
	return true
}
