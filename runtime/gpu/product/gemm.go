package product

import (
	"fmt"

	"github.com/kvgen/kvgen/kernels/args"
	"github.com/kvgen/kvgen/runtime/gpu"
)

// gemm is the product of a matrix with many rows of activations: parts of the matrix become f16 in
// the workspace, and tensor cores multiply those.
type gemm struct {
	split  gpu.Kernel
	shapes []gemmShape
}

// gemmKernels are the names of the shapes: the usual one, one for products that leave much of a GPU
// idle, and one for trials.
var gemmKernels = [...]string{"gemm_large", "gemm_small", "gemm_wide"}

// gemmShape is a kernel and the tile that a block of it makes.
type gemmShape struct {
	kernel                gpu.Kernel
	tokens, rows, threads int
}

// maxBand is the most bytes that a part of a matrix takes in the workspace.
const maxBand = 256 << 20

func newGemm(q *gpu.Queue, exact bool) (*gemm, error) {
	module, err := q.Program(func(d *gpu.Dialect) (*gpu.Source, error) { return GemmSource(d, exact) })
	if err != nil {
		return nil, err
	}
	sizes, err := module.Facts("gemm_sizes", 12)
	if err != nil {
		return nil, err
	}
	g := &gemm{}
	if g.split, err = module.Kernel("split", 0); err != nil {
		return nil, err
	}
	for k, name := range gemmKernels {
		s := sizes[4*k:]
		f, err := module.Kernel(name, int(s[3]))
		if err != nil {
			return nil, err
		}
		g.shapes = append(g.shapes, gemmShape{f, int(s[0]), int(s[1]), int(s[2])})
	}
	return g, nil
}

// gemmSpace is where things are in the workspace, and how much of it there is.
type gemmSpace struct {
	transformed, xHigh, xLow, xUnits, wHigh, wLow, end uint64
	band                                               int // outputs of a part of the matrix
}

// direct reports whether the matrix is what the tensor cores take as it is.
func (x *Kernel) direct() bool { return x.Matrix.halves && !x.Exact }

// line is the bytes of a row as f16.
func (x *Kernel) line() uint64 { return 2 * uint64(roundUp(x.Matrix.N, padding)) }

// parts is how many numbers of f16 stand for a value.
func (x *Kernel) parts() uint64 {
	if x.Exact {
		return 2
	}
	return 1
}

// take makes room for so many bytes.
func (s *gemmSpace) take(bytes uint64) (at uint64) {
	at = s.end
	s.end += (bytes + 255) / 256 * 256
	return at
}

// inputSpace is the room for rows of activations.
func (x *Kernel) inputSpace(rows int) (s gemmSpace) {
	s.transformed = s.take(x.transformedBytes(rows))
	s.xUnits = s.take(4 * uint64(rows))
	s.xHigh = s.take(uint64(rows) * x.line())
	if x.Exact {
		s.xLow = s.take(uint64(rows) * x.line())
	}
	return s
}

// takeWeights makes room for rows of the matrix.
func (x *Kernel) takeWeights(s *gemmSpace, rows uint64) {
	s.wHigh = s.take(rows * x.line())
	if x.Exact {
		s.wLow = s.take(rows * x.line())
	}
}

func (x *Kernel) gemmSpace(tokens int) gemmSpace {
	s := x.inputSpace(tokens)
	s.band = x.Outputs()
	if x.direct() {
		return s
	}
	rows := uint64(x.Matrix.Rows / x.Outputs())
	if most := int(x.bandBytes / (x.parts() * rows * x.line())); s.band > most {
		s.band = max(128, most/128*128)
	}
	x.takeWeights(&s, uint64(s.band)*rows)
	return s
}

// splitInputs writes rows of activations as f16 to the workspace, in the type's domain. The result
// is the address that the offsets of s count from.
func (x *Kernel) splitInputs(s *gemmSpace, in uint64, rows int) (base uint64, err error) {
	m := x.Matrix
	space, err := x.q.Workspace(s.end)
	if err != nil {
		return 0, err
	}
	base = space.Address()
	if m.Type.Domain != nil {
		if err := m.transformInto(base+s.transformed, in, 0, rows); err != nil {
			return 0, err
		}
		in = base + s.transformed
	}
	split := args.Split{X: in, High: base + s.xHigh, Low: base + s.xLow, Units: base + s.xUnits, N: int32(m.N)}
	return base, x.prefill.split.Launch(gpu.Grid{X: rows, Threads: 256}, &split)
}

// runPrefill is Run for many tokens.
func (x *Kernel) runPrefill(y, in uint64, tokens int) error {
	m := x.Matrix
	s := x.gemmSpace(tokens)
	base, err := x.splitInputs(&s, in, tokens)
	if err != nil {
		return fmt.Errorf("%w: a product of %d tokens with %d rows of %d", err, tokens, m.Rows, m.N)
	}
	at := func(offset uint64) uint64 { return base + offset }
	a := args.Gemm{XHigh: at(s.xHigh), XLow: at(s.xLow), XUnits: at(s.xUnits), Y: y, Depth: int32(roundUp(m.N, padding)), Tokens: int32(tokens),
		Outputs: int32(x.Outputs()), Half: int32(x.Outputs()), Act: int32(x.Act)}
	if x.Bias != nil {
		a.Bias = x.Bias.Address()
	}
	if x.Gated {
		a.Gated = 1
	}
	if x.direct() {
		a.WHigh, a.Pitch, a.Upper, a.Count = m.weights.Address(), int64(m.at.Pitch), a.Half, a.Outputs
		return x.prefill.launch(x.q, &a)
	}
	a.WHigh, a.WLow, a.WUnits, a.Pitch = at(s.wHigh), at(s.wLow), m.units.Address(), 2*int64(a.Depth)
	for first := 0; first < x.Outputs(); first += s.band {
		a.First, a.Count = int32(first), int32(min(s.band, x.Outputs()-first))
		a.Upper = a.Count
		if err := m.expandInto(a.WHigh, a.WLow, first, int(a.Count), x.Exact); err != nil {
			return err
		}
		if x.Gated {
			to := uint64(a.Count) * uint64(a.Pitch)
			if err := m.expandInto(a.WHigh+to, a.WLow+to, first+x.Outputs(), int(a.Count), x.Exact); err != nil {
				return err
			}
		}
		if err := x.prefill.launch(x.q, &a); err != nil {
			return err
		}
	}
	return nil
}

// expandInto writes rows as f16 to high, and what is left of them to low if both is set.
func (m *Matrix) expandInto(high, low uint64, first, rows int, both bool) error {
	a := args.Expand{Weights: m.row(first), Units: m.units.Address() + 4*uint64(first), High: high, At: m.at, N: int32(m.N)}
	if both {
		a.Low = low
	}
	return m.expand.Launch(gpu.Grid{X: rows, Y: (m.N + stretches - 1) / stretches, Threads: 128}, &a)
}

// launch uses large tiles unless they leave much of the GPU idle.
func (g *gemm) launch(q *gpu.Queue, a *args.Gemm) error {
	if g.shapes[0].tiles(a) < q.Limits().Cores {
		return g.launchShape(g.shapes[1], a)
	}
	return g.launchShape(g.shapes[0], a)
}

func (g *gemm) launchShape(s gemmShape, a *args.Gemm) error {
	x, y := s.grid(a)
	return s.kernel.Launch(gpu.Grid{X: x, Y: y, Threads: s.threads}, a)
}

func (s gemmShape) grid(a *args.Gemm) (x, y int) {
	outputs := s.rows
	if a.Gated != 0 {
		outputs /= 2
	}
	return (int(a.Tokens) + s.tokens - 1) / s.tokens, (int(a.Count) + outputs - 1) / outputs
}

func (s gemmShape) tiles(a *args.Gemm) int {
	x, y := s.grid(a)
	return x * y
}
