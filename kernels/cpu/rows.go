package cpu

// The computing kernels of portable Go, over any decoder. A row is decoded once into scratch memory
// and used for all m vectors, in pieces that stay in the first-level cache.

// piece is the number of values decoded at a time, more or less.
const piece = 2048

// format is what these loops must know of a type.
type format struct {
	block, bytes int
	decode       func(dst []float32, src []byte)
}

// Plain is an implementation that unpacks every row before it computes. encode is nil for a type
// that is only read.
func Plain(isa string, block, bytes int, encode func(dst []byte, src []float32), decode func(dst []float32, src []byte)) Impl {
	f := format{block: block, bytes: bytes, decode: decode}
	return Impl{ISA: isa, Encode: encode, Decode: decode, Matmul: f.matmul, Mix: f.mix}
}

// tile is the number of values to decode at a time out of n: whole blocks, near piece.
func (f format) tile(n int) int {
	return min(n, max(1, piece/f.block)*f.block)
}

// row decodes values lo to lo+len(dst) of the packed row w.
func (f format) row(dst []float32, w []byte, lo int) {
	at := lo / f.block * f.bytes
	f.decode(dst, w[at:at+len(dst)/f.block*f.bytes])
}

// matmul is Impl.Matmul.
func (f format) matmul(y []float32, ldy int, x []float32, ldx, m int, w []byte, stride, rows, n int, ws *Workspace) {
	buf := ws.Floats(f.tile(n))
	for r := range rows {
		for j := range m {
			y[j*ldy+r] = 0
		}
		for lo := 0; lo < n; lo += len(buf) {
			part := buf[:min(len(buf), n-lo)]
			f.row(part, w[r*stride:], lo)
			for j := range m {
				y[j*ldy+r] += dot(x[j*ldx+lo:][:len(part)], part)
			}
		}
	}
}

// dot is the sum of a[i]*b[i] in four interleaved sums.
func dot(a, b []float32) float32 {
	var s0, s1, s2, s3 float32
	b = b[:len(a)]
	i := 0
	for ; i+4 <= len(a); i += 4 {
		s0 += a[i] * b[i]
		s1 += a[i+1] * b[i+1]
		s2 += a[i+2] * b[i+2]
		s3 += a[i+3] * b[i+3]
	}
	for ; i < len(a); i++ {
		s0 += a[i] * b[i]
	}
	return (s0 + s1) + (s2 + s3)
}

// matmulQ8 is Impl.MatmulQ8.
func (f format) matmulQ8(y []float32, ldy int, x *Act, m int, w []byte, stride, rows, n int, ws *Workspace) {
	buf := ws.Floats(n)
	for r := range rows {
		f.row(buf, w[r*stride:], 0)
		for j := range m {
			var sum float32
			for g := 0; g < n; g += x.Group {
				at := x.At(j, g/x.Group)
				sum += x.D[at] * dotInt8(x.Q[at*x.Group:][:x.Group], buf[g:g+x.Group])
			}
			y[j*ldy+r] = sum
		}
	}
}

// dotInt8 is dot with a in int8.
func dotInt8(a []int8, b []float32) float32 {
	var s0, s1 float32
	b = b[:len(a)]
	i := 0
	for ; i+2 <= len(a); i += 2 {
		s0 += float32(a[i]) * b[i]
		s1 += float32(a[i+1]) * b[i+1]
	}
	for ; i < len(a); i++ {
		s0 += float32(a[i]) * b[i]
	}
	return s0 + s1
}

// mix is Impl.Mix.
func (f format) mix(o []float32, ldo int, p []float32, ldp, m int, v []byte, stride, rows, n int, ws *Workspace) {
	buf := ws.Floats(f.tile(n))
	for r := range rows {
		for lo := 0; lo < n; lo += len(buf) {
			part := buf[:min(len(buf), n-lo)]
			f.row(part, v[r*stride:], lo)
			for j := range m {
				axpy(o[j*ldo+lo:][:len(part)], p[j*ldp+r], part)
			}
		}
	}
}

// axpy is y += a*x.
func axpy(y []float32, a float32, x []float32) {
	x = x[:len(y)]
	i := 0
	for ; i+4 <= len(y); i += 4 {
		y[i] += a * x[i]
		y[i+1] += a * x[i+1]
		y[i+2] += a * x[i+2]
		y[i+3] += a * x[i+3]
	}
	for ; i < len(y); i++ {
		y[i] += a * x[i]
	}
}
