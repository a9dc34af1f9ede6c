//go:build emulate || gpu

package product

import (
	"math"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/internal/gputest"
)

// acted is what a product's outputs become.
func acted(a Activation, gate, up float64) float64 {
	sigmoid := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	switch a {
	case SiLU:
		return gate * sigmoid(gate) * up
	case GELU:
		return gate / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(gate+.044715*gate*gate*gate))) * up
	case SwiGLUClamped:
		g, u := min(gate, 7), max(-7, min(up, 7))
		return g * sigmoid(1.702*g) * (u + 1)
	}
	return gate * up
}

// TestProductOptions has biases, activations and gates. The fast form is that of tens of tokens, of
// columns in one share and in several.
func TestProductOptions(t *testing.T) {
	for _, form := range []struct {
		exact  bool
		n      int
		tokens []int
	}{{true, 160, []int{1, 3, 40}}, {false, 160, []int{fewestBatched, mostBatched}}, {false, 544, []int{24, 40}}} {
		for k, name := range []string{"q4_0", "f16", "q8_0"} {
			typ := kernels.Default().ByName(name)
			for act := None; act <= SwiGLUClamped; act++ {
				tokens := form.tokens
				if gputest.Emulating && (int(act)+k)%3 > 0 {
					if tokens = tokens[:1]; !form.exact {
						continue
					}
				}
				for _, gated := range []bool{false, true} {
					testOptions(t, typ, Spec{Act: act, Gated: gated, Exact: form.exact}, form.n, tokens)
				}
			}
		}
	}
}

// testOptions multiplies a matrix of 74 rows, with a bias for half of the options.
func testOptions(t *testing.T, typ *kernels.Type, p Spec, n int, tokens []int) {
	t.Helper()
	d, rows := gputest.Open(t), 74
	m, w := matrixOf(t, d, typ, 3, rows, n)
	p.Matrix = m
	for i := range w { // numbers of about 1, so that activations bend
		w[i] *= .3
	}
	bias, withBias := gputest.Normal(8, rows), p.Gated == (p.Act%2 == 0)
	if withBias {
		p.Bias = gputest.Upload(t, d, bias)
	}
	x, err := New(d, p)
	if p.Act == SwiGLUClamped && !p.Gated {
		if err == nil {
			t.Error("a clamped SwiGLU of one number was accepted")
		}
		return
	}
	gputest.Check(t, err)
	for _, tokens := range tokens {
		if k := x.batched.kernelFor(tokens); !p.Exact && x.batched != nil && (k < 0 || (x.planBatched(k, tokens).splits > 1) != (n > x.batched.columns)) {
			t.Fatalf("%d tokens of %d values: kernel %d of tens of tokens", tokens, n, k)
		}
		in := gputest.Normal(uint64(tokens), tokens*n)
		for i := range in {
			in[i] *= .3
		}
		got := multiplied(t, d, x, in, tokens)
		for i := range in { // w above is .3 of the matrix
			in[i] /= .3
		}
		y, size := products(activationsOf(typ, in, n, false), w, n)
		outputs := x.Outputs()
		for i, g := range got {
			r := i % outputs
			at := i / outputs * rows
			gate, up := y[at+r], 1.0
			if withBias {
				gate += float64(bias[r])
			}
			if p.Gated {
				if up = y[at+outputs+r]; withBias {
					up += float64(bias[outputs+r])
				}
			}
			want := acted(p.Act, gate, up)
			bound := 4e-5 * (1 + math.Abs(want))
			if !p.Exact { // errors of the gate, and of what it multiplies
				if bound = size[at+r] * (1 + math.Abs(up)); p.Gated {
					bound += size[at+outputs+r] * (1 + math.Abs(gate))
				}
				bound *= 2 * halfProduct
			}
			if !(math.Abs(float64(g)-want) <= bound) {
				t.Fatalf("%s, act %d, gated %t, exact %t, bias %t, %d tokens: output %d is %g, not %g", typ.Name, p.Act, p.Gated, p.Exact, withBias, tokens, i, g, want)
			}
		}
	}
}

// TestPlans shares a product out in every way, among them those that load activations several
// times.
func TestPlans(t *testing.T) {
	d := gputest.Open(t)
	for _, cs := range []struct {
		name    string
		rows, n int
		gated   bool
		exact   bool
	}{{"q4_K", 38, 1280, true, true}, {"q6_K", 70, 768, false, false}, {"f16", 37, 200, false, true}, {"tq3_1s", 20, 672, true, false}} {
		typ := kernels.Default().ByName(cs.name)
		m, w := matrixOf(t, d, typ, 3, cs.rows, cs.n)
		x := gputest.Must[*Kernel](t)(New(d, Spec{Matrix: m, Gated: cs.gated, Exact: cs.exact}))
		for k := range 4 {
			if gputest.Emulating && k == 2 {
				continue
			}
			tokens, j := 1<<k-k/2, job{k, 1, x.Outputs()}
			in := gputest.Normal(9, tokens*cs.n)
			y, size := products(activationsOf(typ, in, cs.n, !cs.exact), w, cs.n)
			if cs.gated {
				y, size = gatedProducts(y, size, cs.rows)
			}
			for _, lanes := range []int{3, 4, 5} {
				for parts := range 5 {
					p, cost := x.planOf(j, lanes, parts)
					if cost == 0 && lanes+parts > 7 {
						continue // a round of all warps does not fit shared memory
					}
					if (lanes+parts)%2 == 1 && p.rounds > 1 { // activations a piece at a time
						p.chunk = (p.rounds + 1) / 2
					}
					p.blocks = min(p.blocks, 2)
					x.planned[j] = p
					limit := exactProduct
					if typ.Domain != nil {
						limit = tableProduct
					}
					if e := deviation(multiplied(t, d, x, in, tokens), y, size); !(e < limit) {
						t.Errorf("%s, %d tokens, plan %+v: deviation %.2g", cs.name, tokens, p, e)
					}
				}
			}
		}
	}
}

func gatedProducts(y, size []float64, rows int) (gy, gsize []float64) {
	for ; len(y) > 0; y, size = y[rows:], size[rows:] {
		for r := range rows / 2 {
			gy = append(gy, y[r]*y[rows/2+r])
			gsize = append(gsize, size[r]*size[rows/2+r])
		}
	}
	return gy, gsize
}

// TestLongRows has rows whose activations do not fit shared memory.
func TestLongRows(t *testing.T) {
	d := gputest.Open(t)
	typ := kernels.Default().ByName("q8_0")
	n := 8192
	m, w := matrixOf(t, d, typ, 3, 5, n)
	x := gputest.Must[*Kernel](t)(New(d, Spec{Matrix: m, Exact: true}))
	if p := gputest.Must[plan](t)(x.plan(job{3, 1, x.Outputs()})); x.bytes > 0 && p.chunk >= p.rounds {
		t.Errorf("activations of 8 tokens fit %d bytes: %+v", d.Limits().SharedBytes, p)
	}
	in := gputest.Normal(9, 8*n)
	y, size := products(activationsOf(typ, in, n, false), w, n)
	if e := deviation(multiplied(t, d, x, in, 8), y, size); !(e < exactProduct) {
		t.Errorf("deviation %.2g", e)
	}
}

// TestExperts multiplies slots by the matrices of their experts.
func TestExperts(t *testing.T) {
	d := gputest.Open(t)
	const count, rows, n, tokens = 5, 22, 64, 3
	expert := []int32{4, 0, 0, 2, -1, 3, 5}
	row := []int32{0, 2, 1, 1, 0, 2, 1}
	for _, name := range []string{"mxfp4", "tq4_1s", "bf16"} {
		typ := kernels.Default().ByName(name)
		m, w := matrixOf(t, d, typ, 3, count*rows, n)
		bias := gputest.Normal(5, count*rows)
		x := gputest.Must[*Kernel](t)(New(d, Spec{Matrix: m, Bias: gputest.Upload(t, d, bias), Exact: true}))
		in := gputest.Normal(9, tokens*n)
		turned := activationsOf(typ, in, n, false)
		for _, own := range []bool{false, true} {
			slots := len(expert)
			if own {
				slots = tokens
			}
			ids, rowsOf := gputest.Must[*gpu.Buffer](t)(d.Alloc(64)), gputest.Must[*gpu.Buffer](t)(d.Alloc(64))
			gputest.Check(t, gpu.Write(ids, 0, expert))
			gputest.Check(t, gpu.Write(rowsOf, 0, row))
			y := gputest.Upload(t, d, make([]float32, slots*rows))
			if own {
				rowsOf = nil
			}
			gputest.Check(t, x.RunExperts(y, gputest.Upload(t, d, in), ids, rowsOf, slots, count))
			got := make([]float32, slots*rows)
			gputest.Check(t, gpu.Read(y, 0, got))
			for s := range slots {
				from := row[s]
				if own {
					from = int32(s)
				}
				want := make([]float64, rows)
				if e := int(expert[s]); e >= 0 && e < count {
					want, _ = products(turned[int(from)*n:][:n], w[e*rows*n:][:rows*n], n)
					for r := range want {
						want[r] += float64(bias[e*rows+r])
					}
				}
				for r, v := range want {
					if g := float64(got[s*rows+r]); !(math.Abs(g-v) <= 1e-5*(1+math.Abs(v))) {
						t.Fatalf("%s: slot %d, output %d is %g, not %g", name, s, r, g, v)
					}
				}
			}
		}
	}
}

// TestProductGraph records a product and runs it again with other numbers in the same memory.
func TestProductGraph(t *testing.T) {
	d := gputest.Open(t)
	typ := kernels.Default().ByName("tq4_1s") // one that needs the workspace
	const rows, n, tokens = 9, 96, 2
	m, w := matrixOf(t, d, typ, 3, rows, n)
	x := gputest.Must[*Kernel](t)(New(d, Spec{Matrix: m, Exact: true}))
	in, y := gputest.Upload(t, d, make([]float32, tokens*n)), gputest.Upload(t, d, make([]float32, tokens*rows))
	gputest.Check(t, x.Run(y, in, tokens))
	g := gputest.Must[*gpu.Recording](t)(d.Record(func() error { return x.Run(y, in, tokens) }))
	v := gputest.Normal(4, tokens*n)
	gputest.Check(t, gpu.Write(in, 0, v))
	gputest.Check(t, g.Launch())
	got := make([]float32, tokens*rows)
	gputest.Check(t, gpu.Read(y, 0, got))
	want, size := products(activationsOf(typ, v, n, false), w, n)
	if e := deviation(got, want, size); !(e < exactProduct) {
		t.Errorf("deviation %.2g", e)
	}
	if err := d.Reserve(1 << 60); err == nil {
		t.Error("there is a workspace of 2^60 bytes")
	}
	for range 2 { // the workspace is gone, and then there is another
		if err := g.Launch(); err == nil {
			t.Error("a graph ran on a workspace that is gone")
		}
		gputest.Check(t, d.Reserve(1<<20))
	}
	gputest.Check(t, g.Close())
	if err := in.Slice(4, 8).Free(); err == nil {
		t.Error("a part of a piece of memory was freed")
	}
}
