package eval

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
)

func TestKLD(t *testing.T) {
	ln := func(p ...float64) (l []float32) {
		for _, v := range p {
			l = append(l, float32(math.Log(v)))
		}
		return l
	}
	p, q := ln(.5, .25, .25), ln(.25, .5, .25)
	want := .5*math.Log(2) - .25*math.Log(2)
	for _, shift := range []float32{0, 50, -3} { // adding a constant to logits changes nothing
		moved := make([]float32, len(q))
		for i := range q {
			moved[i] = q[i] + shift
		}
		if got := KLD(p, moved); math.Abs(got-want) > 1e-5 {
			t.Errorf("shift %v: %v, want %v", shift, got, want)
		}
	}
	if got := KLD(p, p); got != 0 {
		t.Errorf("of a row and itself: %v", got)
	}
}

// TestRow compares rows of many lengths with sums in f64 over plain loops.
func TestRow(t *testing.T) {
	x := uint32(1)
	next := func() float32 { x = x*1664525 + 1013904223; return float32(x>>8)/(1<<20) - 8 }
	for _, n := range []int{1, 2, 3, 5, 31, 2048, 2049, 5003} {
		a, b := make([]float32, n), make([]float32, n)
		for i := range a {
			a[i], b[i] = next(), next()
		}
		var sa, sb, kld float64
		for i := range a {
			sa, sb = sa+math.Exp(float64(a[i])), sb+math.Exp(float64(b[i]))
		}
		for i := range a {
			kld += math.Exp(float64(a[i])) / sa * (float64(a[i]) - float64(b[i]) + math.Log(sb/sa))
		}
		best := func(z []float32) int { return slices.Index(z, slices.Max(z)) }
		var r row
		var s scratch
		r.set(a, make([]float32, n))
		got, target := r.compare(b, int32(n/2), &s), n/2
		if math.Abs(got.KLD-kld) > 1e-5 || got.SameTop != (best(a) == best(b)) ||
			math.Abs(float64(got.NLL)-(math.Log(sb)-float64(b[target]))) > 1e-5 || math.Abs(float64(got.RefNLL)-(math.Log(sa)-float64(a[target]))) > 1e-5 {
			t.Errorf("%d values: %+v, want KLD %v", n, got, kld)
		}
		if got = r.compare(slices.Clone(a), 0, &s); got.KLD != 0 || !got.SameTop || got.DeltaP() != 0 {
			t.Errorf("%d values against themselves: %+v", n, got)
		}
		if n > 1 { // of two equal largest logits the first counts
			b = slices.Clone(a)
			b[(best(a)+1)%n] = a[best(a)]
			if got = r.compare(b, 0, &s); got.SameTop != (best(b) == best(a)) {
				t.Errorf("%d values, two largest: same top %v", n, got.SameTop)
			}
		}
		b[n-1] = float32(math.NaN())
		if r.compare(b, 0, &s).isNumber() {
			t.Errorf("%d values: a NaN passed", n)
		}
	}
}

func plan(t *testing.T, m *model.Model, k, v string) *kv.Plan {
	t.Helper()
	p, err := kv.NewPlan(m.KVLayers(), kv.Policy{K: kv.Choice{Type: kernels.Default().ByName(k)}, V: kv.Choice{Type: kernels.Default().ByName(v)}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestFloor is the positive control: the reference against itself scores exactly 0 at every
// position, with every number of threads, batch size, path and form of the products, among
// candidates that do not.
func TestFloor(t *testing.T) {
	m := tiny(t)
	for _, threads := range []int{1, 2, 3} {
		for _, batch := range []int{1, 5, 16} {
			for _, decode := range []bool{false, true} {
				for _, math := range []model.Math{model.Exact, model.Fast} {
					full, q8 := plan(t, m, "f32", "f32"), plan(t, m, "q8_0", "q4_0")
					c, err := m.NewContext(model.Options{Plan: full, Size: 16, Batch: batch, Threads: threads, Math: math})
					if err != nil {
						t.Fatal(err)
					}
					l, err := NewLockstep(c, text(), Options{Context: 16, Chunks: 2, Decode: decode})
					if err != nil {
						t.Fatal(err)
					}
					for k := range l.Chunks() {
						out, err := l.Chunk(context.Background(), k, []*kv.Plan{full, q8, full}, nil)
						if err != nil {
							t.Fatal(err)
						}
						for i := range l.Scored() {
							for _, p := range []Position{out[0][i], out[2][i]} {
								if p.KLD != 0 || !p.SameTop || p.NLL != p.RefNLL {
									t.Fatalf("%d threads, batches of %d, decode %v, %v: chunk %d, position %d of the reference itself: %+v", threads, batch, decode, math, k, i, p)
								}
							}
							if out[1][i].KLD <= 0 || out[1][i].RefNLL != out[0][i].NLL {
								t.Fatalf("a coarse cache scores %+v", out[1][i])
							}
						}
					}
					c.Close()
				}
			}
		}
	}
}

// TestLockstep compares with what separate runs of the two caches give.
func TestLockstep(t *testing.T) {
	m := tiny(t)
	full, coarse, o := plan(t, m, "f32", "f32"), plan(t, m, "q4_0", "q4_0"), Options{Context: 16, Chunks: 3}
	start := func(p *kv.Plan) *model.Context {
		c, err := m.NewContext(model.Options{Plan: p, Size: 16, Batch: 5, Threads: 2})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		return c
	}
	run := func(p *kv.Plan) (rows [][]float32) {
		if err := Run(context.Background(), start(p), text(), o, func(s Scored) error {
			rows = append(rows, slices.Clone(s.Logits))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return rows
	}
	a, b := run(full), run(coarse)
	c := start(full)
	l, err := NewLockstep(c, text(), o)
	if err != nil {
		t.Fatal(err)
	}
	var seen [][]float32
	l.Visit = func(s Scored) error {
		if n := len(seen); s.Chunk != n/7 || s.Pos != 8+n%7 || s.Target != text().Tokens[s.Chunk*16+s.Pos+1] {
			t.Errorf("visit %d: chunk %d, position %d", n, s.Chunk, s.Pos)
		}
		seen = append(seen, slices.Clone(s.Logits))
		return nil
	}
	for _, k := range []int{0, 1, 2} {
		ran := 0
		out, err := l.Chunk(context.Background(), k, []*kv.Plan{coarse}, func() { ran++ })
		if err != nil || ran != 2 {
			t.Fatal(ran, err)
		}
		for i, p := range out[0] {
			if want := KLD(a[k*7+i], b[k*7+i]); math.Abs(p.KLD-want) > 1e-4*want+1e-6 {
				t.Errorf("chunk %d, position %d: KLD %v, separately %v", k, i, p.KLD, want)
			}
			if d := KLD(a[k*7+i], seen[k*7+i]); !(math.Abs(d) < 1e-6) {
				t.Errorf("chunk %d, position %d: the logits shown are %v from the reference's", k, i, d)
			}
		}
	}
	// Groups and tiles of any size give the same but for the last bits of a product, and the
	// reference is shown once.
	four := []*kv.Plan{coarse, full, plan(t, m, "q8_0", "q8_0"), coarse}
	l.Visit = nil
	want, err := l.Chunk(context.Background(), 1, four, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, l.group = range []int{1, 3} {
		for _, l.tile = range []int{2, 7} {
			shown := 0
			l.Visit = func(Scored) error { shown++; return nil }
			got, err := l.Chunk(context.Background(), 1, four, nil)
			if err != nil || shown != l.Scored() {
				t.Fatal(shown, err)
			}
			for i := range got {
				for j, p := range got[i] {
					if math.Abs(p.KLD-want[i][j].KLD) > 1e-6 || (i == 1) != (p.KLD == 0) {
						t.Errorf("groups of %d, tiles of %d: %+v, want %+v", l.group, l.tile, p, want[i][j])
					}
				}
			}
		}
	}
	l.Visit = nil
	p, err := Measure(context.Background(), c, text(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	var s Sums
	for k := range 3 {
		out, _ := l.Chunk(context.Background(), k, []*kv.Plan{full}, nil)
		for _, p := range out[0] {
			s.Add(p)
		}
	}
	if math.Abs(s.PPL().Mean-p.PPL()) > 1e-5*p.PPL() || s.PPL() != s.RefPPL() {
		t.Errorf("PPL %v, Measure says %v", s.PPL(), p.PPL())
	}
	if _, err := l.Chunk(context.Background(), 3, nil, nil); err == nil {
		t.Error("chunk 3 of 3 was run")
	}
	done, stop := context.WithCancel(context.Background())
	stop()
	if _, err := l.Chunk(done, 0, []*kv.Plan{full}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled run gave %v", err)
	}
	enough := errors.New("enough")
	l.Visit = func(Scored) error { return enough }
	if _, err := l.Chunk(context.Background(), 0, []*kv.Plan{full}, nil); err != enough {
		t.Errorf("got %v", err)
	}
}

// TestSums computes the statistics from their definitions.
func TestSums(t *testing.T) {
	var s Sums
	var all []Position
	for i := range 40 {
		x := float64(i)
		p := Position{KLD: .01 + .001*x*x, NLL: float32(2 + math.Sin(x)), RefNLL: float32(2 + math.Sin(x+.1)), SameTop: i%4 != 0}
		all = append(all, p)
		s.Add(p)
	}
	mean := func(f func(Position) float64) (m, e float64) {
		for _, p := range all {
			m += f(p) / 40
		}
		for _, p := range all {
			e += (f(p) - m) * (f(p) - m) / 40
		}
		return m, math.Sqrt(e / 39)
	}
	close := func(name string, got Value, m, e float64) {
		t.Helper()
		if math.Abs(got.Mean-m) > 1e-6*(1+math.Abs(m)) || math.Abs(got.Error-e) > 1e-5*(1+e) {
			t.Errorf("%s: %v, want %v +- %v", name, got, m, e)
		}
	}
	nll, nllE := mean(func(p Position) float64 { return float64(p.NLL) })
	ref, refE := mean(func(p Position) float64 { return float64(p.RefNLL) })
	ratio, ratioE := mean(func(p Position) float64 { return float64(p.NLL) - float64(p.RefNLL) })
	kld, kldE := mean(func(p Position) float64 { return p.KLD })
	dp := func(p Position) float64 { return math.Exp(-float64(p.NLL)) - math.Exp(-float64(p.RefNLL)) }
	delta, deltaE := mean(dp)
	square, squareE := mean(func(p Position) float64 { return dp(p) * dp(p) })
	top, topE := mean(func(p Position) float64 {
		if p.SameTop {
			return 1
		}
		return 0
	})
	close("PPL", s.PPL(), math.Exp(nll), math.Exp(nll)*nllE)
	close("RefPPL", s.RefPPL(), math.Exp(ref), math.Exp(ref)*refE)
	close("LnRatio", s.LnRatio(), ratio, ratioE)
	close("Ratio", s.Ratio(), math.Exp(ratio), math.Exp(ratio)*ratioE)
	_, diffE := mean(func(p Position) float64 { // of the first order
		return math.Exp(nll)*float64(p.NLL) - math.Exp(ref)*float64(p.RefNLL)
	})
	close("Difference", s.Difference(), math.Exp(nll)-math.Exp(ref), diffE)
	close("KLD", s.KLD(), kld, kldE)
	close("DeltaP", s.DeltaP(), delta, deltaE)
	close("DeltaPRMS", s.DeltaPRMS(), math.Sqrt(square), .5/math.Sqrt(square)*squareE)
	close("SameTop", s.SameTopShare(), top, topE)
	if c := s.Correlation(); !(c > .99 && c < 1) {
		t.Errorf("correlation %v", c)
	}
	x := []float32{1, 2, 4, 8}
	for _, c := range []struct{ f, want float32 }{{0, 1}, {1, 8}, {.5, 3}, {.9, 6.8}} {
		if got := Percentile(x, c.f); math.Abs(float64(got-c.want)) > 1e-5 {
			t.Errorf("percentile %v: %v, want %v", c.f, got, c.want)
		}
	}
	if Median(x) != 3 || Median(x[:3]) != 2 || Median(nil) != 0 || Percentile(nil, .5) != 0 {
		t.Error("medians")
	}
}

// TestSelf is exact for vocabularies of any size: those of models are many pieces long.
func TestSelf(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{1, 7, 2047, 2048, 2049, 4100, 49152, 151936} {
		z := make([]float32, n)
		for i := range z {
			z[i] = float32(6 * rng.NormFloat64())
		}
		if got := KLD(z, z); got != 0 {
			t.Errorf("%d tokens: a row and itself differ by %g", n, got)
		}
	}
}
