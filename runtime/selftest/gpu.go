package selftest

import (
	"fmt"
	"math"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/kernels/conform"
	"github.com/kvgen/kvgen/kernels/ref"
	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/gpu/attend"
	"github.com/kvgen/kvgen/runtime/gpu/cells"
	"github.com/kvgen/kvgen/runtime/gpu/engine"
	"github.com/kvgen/kvgen/runtime/gpu/rows"
)

// GPU is a device that is held to the processor. The processor's kernels are checked as well, since
// they are what it is held to.
type GPU struct {
	Backend *engine.Backend
	About   GPUMachine
}

// NewGPU is the GPU of a back end. driver is what --device calls it, generation its maker's word
// for what Limits.Generation counts.
func NewGPU(b *engine.Backend, driver, generation string) (*GPU, error) {
	l := b.Limits()
	_, total, err := b.Device.Available()
	return &GPU{b, GPUMachine{Name: l.Name, Driver: driver, Generation: generation + " " + l.Generation, Arch: l.Arch, Cores: l.Cores, CacheBytes: l.CacheBytes, Memory: total}}, err
}

// Bounds of relative errors of attention, which the tests of runtime/gpu have too: for levels as
// they are, for levels rounded to a byte, and for prefill, whose operands have 11 bits.
const (
	attentionBound = 4e-4
	byteBound      = 1e-2
	prefillBound   = 1e-3
)

// planGPU holds a GPU to the processor: for every type of the cache what it stores, as keys and as
// values, and attention over these beside f16; products with every type of weights; and, if models
// is set, the embedded model.
func (r *run) planGPU(models bool) {
	q := r.GPU.Backend.Queue
	for _, t := range r.Types {
		if t.KV {
			r.planRows(q, t)
		}
	}
	for _, t := range r.Types {
		if t.Weight {
			r.planProducts(q, t)
		}
	}
	if !models {
		return
	}
	for _, decode := range []bool{false, true} {
		kind := map[bool]string{false: "model, a prompt", true: "model, token by token"}[decode]
		r.addGPU(Check{Kind: kind}, func(c *Check) error {
			want, err := r.logits(r.Table, nil, decode)
			if err != nil {
				return err
			}
			got, err := r.logits(r.Table, r.GPU.Backend, decode)
			if err != nil {
				return err
			}
			return near(c, got, want, modelBound)
		})
	}
}

func (r *run) addGPU(c Check, do func(c *Check) error) {
	c.ISA, c.Against = r.GPU.About.Driver, []string{"the processor"}
	r.add(c, do)
}

// headDim is a size of heads that a type can store.
func headDim(t *kernels.Type) int {
	for _, n := range []int{64, 128, 256, 512} {
		if t.Fits(n) == nil {
			return n
		}
	}
	return t.Block
}

// planRows has what stores and reads rows of a type of the cache.
func (r *run) planRows(q *gpu.Queue, t *kernels.Type) {
	dim, f16 := headDim(t), r.Table.ByName("f16")
	own, other := rows.Side{Type: t, Dim: dim}, rows.Side{Type: f16, Dim: dim}
	for _, key := range []bool{true, false} {
		name, p := "values", rows.Pair{Key: other, Value: own}
		if key {
			name, p = "keys", rows.Pair{Key: own, Value: other}
		}
		r.addGPU(Check{Kind: "store " + name, Type: t.Name}, func(*Check) error { return r.checkStore(q, own, key) })
		for _, fast := range []bool{false, true} {
			kind, bound := "decode attention, "+name, attentionBound
			if fast {
				kind, bound = kind+" in bytes", byteBound
			}
			if fast && !t.Quantised {
				continue
			}
			r.addGPU(Check{Kind: kind, Type: t.Name}, func(c *Check) error {
				return r.checkAttention(c, q, attend.Shape{Key: p.Key, Value: p.Value, Fast: fast}, 1, bound)
			})
		}
		r.addGPU(Check{Kind: "prefill attention, " + name, Type: t.Name}, func(c *Check) error {
			s := attend.Shape{Key: p.Key, Value: p.Value, Fast: true}
			if !s.Prefills(q) {
				return skipped{"the GPU has no kernel of prefill for it"}
			}
			return r.checkAttention(c, q, s, 33, prefillBound)
		})
	}
}

// memory is what a check allocates on a device.
type memory struct {
	q   *gpu.Queue
	all []interface{ Free() error }
}

func (m *memory) free() {
	for _, b := range m.all {
		b.Free()
	}
}

// upload is memory of the device with the given numbers.
func upload[N gpu.Number](m *memory, x []N) (*gpu.Buffer, error) {
	b, err := m.q.Alloc(uint64(len(x)) * gpu.SizeOf[N]())
	if err != nil {
		return nil, err
	}
	m.all = append(m.all, b)
	return b, gpu.Write(b, 0, x)
}

func sequence(first, n int) (all []int32) {
	for i := range n {
		all = append(all, int32(first+i))
	}
	return all
}

// store stores x, [n][heads][dim], and returns the rows and what was stored as a file has it.
func (m *memory) store(s rows.Side, key bool, heads, n int, x []float32) (*rows.Rows, []byte, error) {
	r, err := rows.New(m.q, s, key, heads, n)
	if err != nil {
		return nil, nil, err
	}
	m.all = append(m.all, r)
	packed := make([]byte, n*heads*r.FileRow())
	file, err := upload(m, packed)
	if err != nil {
		return nil, nil, err
	}
	values, err := upload(m, x)
	if err != nil {
		return nil, nil, err
	}
	at, err := upload(m, sequence(0, n))
	if err != nil {
		return nil, nil, err
	}
	if err := r.Store(values, at, n, file); err != nil {
		return nil, nil, err
	}
	return r, packed, gpu.Read(file, 0, packed)
}

// checkStore compares stored rows with those of the processor, byte for byte: noise of many sizes,
// and rows of zeros.
func (r *run) checkStore(q *gpu.Queue, s rows.Side, key bool) error {
	m := &memory{q: q}
	defer m.free()
	var x []float32
	for i, spread := range []float32{1, 1e-12, 1e9, 0, 1e-3, 100} {
		x = append(x, conform.Noise(3*s.Dim, uint64(i), spread)...)
	}
	n := len(x) / s.Dim
	_, got, err := m.store(s, key, 1, n, x)
	if err != nil {
		return err
	}
	want := encoded(s, x)
	for i, b := range got {
		if b != want[i] {
			size := len(want) / n
			return &conform.Wrong{Place: fmt.Sprintf("row %d, byte %d", i/size, i%size), Expected: fmt.Sprintf("%02x", want[i]), Got: fmt.Sprintf("%02x", b)}
		}
	}
	return nil
}

// encoded is what the processor stores.
func encoded(s rows.Side, x []float32) (all []byte) {
	for ; len(x) > 0; x = x[s.Dim:] {
		wide := make([]float32, s.Type.HeadDim(s.Dim))
		copy(wide, x[:s.Dim])
		b := make([]byte, s.Type.RowBytes(len(wide)))
		s.Type.Best().Encode(b, wide)
		all = append(all, b...)
	}
	return all
}

// decoded gives back packed rows as numbers, the transform of the type undone.
func decoded(s rows.Side, packed []byte) (all []float32) {
	x := make([]float32, s.Type.HeadDim(s.Dim))
	for size := s.Type.RowBytes(len(x)); len(packed) > 0; packed = packed[size:] {
		s.Type.Best().Decode(x, packed[:size])
		if s.Type.Domain != nil {
			s.Type.Domain.Best().Inverse(x)
		}
		all = append(all, x[:s.Dim]...)
	}
	return all
}

// checkAttention compares attention of some queries, at the end of a cache of 130 rows with two
// query heads to each of two cached ones, with attention in float64 over the same rows as the
// processor decodes them.
func (r *run) checkAttention(c *Check, q *gpu.Queue, s attend.Shape, queries int, bound float64) error {
	const heads, kvHeads, n = 4, 2, 130
	m := &memory{q: q}
	defer m.free()
	dim := s.Key.Dim
	x, y := conform.Noise(n*kvHeads*dim, 1, 1), conform.Noise(n*kvHeads*dim, 2, 1)
	// the processor's rows, so that a fault of what stores them is not one of attention
	k, _, err := m.store(s.Key, true, kvHeads, n, x)
	if err != nil {
		return err
	}
	v, _, err := m.store(s.Value, false, kvHeads, n, y)
	if err != nil {
		return err
	}
	kPacked, vPacked := encoded(s.Key, x), encoded(s.Value, y)
	for _, side := range []struct {
		*rows.Rows
		packed []byte
	}{{k, kPacked}, {v, vPacked}} {
		file, err := upload(m, side.packed)
		if err != nil {
			return err
		}
		at, err := upload(m, sequence(0, n))
		if err != nil {
			return err
		}
		if err := side.Import(file, at, n); err != nil {
			return err
		}
	}
	query := conform.Noise(queries*heads*dim, 3, 1)
	got, err := m.attention(s, k, v, query, heads, n, queries)
	if err != nil {
		return err
	}
	want := ref.Attention{Heads: heads, KVHeads: kvHeads, KeyDim: dim, ValueDim: dim}.Run(query, decoded(s.Key, kPacked), decoded(s.Value, vPacked), n-queries)
	return far(c, got, want, want, bound, func(i int) string {
		return fmt.Sprintf("query %d, head %d, value %d", i/(heads*dim), i/dim%heads, i%dim)
	})
}

// attention is o [queries][heads][dim], by the kernel of decoding for one query and of prefill for
// more.
func (m *memory) attention(s attend.Shape, k, v *rows.Rows, query []float32, heads, n, queries int) ([]float32, error) {
	place, err := cells.New(m.q, n)
	if err != nil {
		return nil, err
	}
	m.all = append(m.all, place)
	if err := gpu.Write(place.Head, 0, cells.HeadOf(n, 0, true)); err != nil {
		return nil, err
	}
	got := make([]float32, len(query))
	for i := range got {
		got[i] = float32(math.NaN()) // what is not written is seen
	}
	out, err := upload(m, got)
	if err != nil {
		return nil, err
	}
	in, err := upload(m, query)
	if err != nil {
		return nil, err
	}
	positions, err := upload(m, sequence(n-queries, queries))
	if err != nil {
		return nil, err
	}
	l := &attend.Layer{Heads: heads, Scale: float32(1 / math.Sqrt(float64(s.Key.Dim))), Keys: k, Values: v, Cells: place}
	b := &attend.Batch{Positions: positions, Queries: queries}
	var kernel interface {
		Run(l *attend.Layer, q, out *gpu.Buffer, b *attend.Batch, splits int) error
	}
	if queries == 1 {
		kernel, err = attend.New(m.q, s)
	} else {
		kernel, err = attend.NewPrefill(m.q, s)
	}
	if err != nil {
		return nil, err
	}
	if err := kernel.Run(l, in, out, b, 0); err != nil {
		return nil, err
	}
	return got, gpu.Read(out, 0, got)
}

// far judges results by the root of their mean square error over that of size. The value that is
// named is the one that is farthest.
func far(c *Check, got []float32, want, size []float64, bound float64, place func(i int) string) error {
	var e, p, most float64
	worst := 0
	for i, w := range want {
		d := math.Abs(float64(got[i]) - w)
		if d != d {
			d = math.Inf(1)
		}
		if d > most {
			most, worst = d, i
		}
		e, p = e+d*d, p+size[i]*size[i]
	}
	e = math.Sqrt(e / p)
	c.Figure = fmt.Sprintf("relative error %.2g of %.2g", e, bound)
	if e <= bound {
		return nil
	}
	return &conform.Wrong{Place: fmt.Sprintf("%s, relative error of all %.2g", place(worst), e), Expected: fmt.Sprintf("%g, and of all within %.2g", want[worst], bound), Got: fmt.Sprint(got[worst])}
}
