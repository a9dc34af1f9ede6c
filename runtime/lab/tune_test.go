package lab

import (
	"context"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/kv"
)

// TestAllocate compares with all picks there are: whatever budget is left unused, no pick within
// what was used is better.
func TestAllocate(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		items := make([][]option, 1+r.IntN(4))
		for i := range items {
			for c := range 1 + r.IntN(5) {
				items[i] = append(items[i], option{c, float64(r.IntN(20)), math.Exp(4 * r.NormFloat64())})
			}
		}
		budget := float64(r.IntN(80))
		picks, ok := allocate(items, budget)
		bits, loss := 0.0, 0.0
		for i, p := range picks {
			bits += items[i][p].bits
			loss += items[i][p].loss
		}
		least, best := math.Inf(1), math.Inf(1)
		var try func(i int, b, l float64)
		try = func(i int, b, l float64) {
			if i == len(items) {
				if least = min(least, b); b <= bits {
					best = min(best, l)
				}
				return
			}
			for _, o := range items[i] {
				try(i+1, b+o.bits, l+o.loss)
			}
		}
		try(0, 0, 0)
		switch {
		case ok != (least <= budget):
			t.Fatalf("%v in %g bits: %v, and the least is %g", items, budget, ok, least)
		case ok && bits > budget:
			t.Fatalf("%v: %g bits of %g", items, bits, budget)
		case ok && loss > best*(1+1e-12):
			t.Fatalf("%v: picks %v of %g bits lose %g, others lose %g", items, picks, bits, loss, best)
		}
	}
	if _, ok := allocate([][]option{{}}, 9); ok {
		t.Error("an item without options was stored")
	}
}

func tuner(t *testing.T, b *bench, budget float64) *Tuner {
	types := func(names ...string) (all []kv.Choice) {
		for _, n := range names {
			all = append(all, kv.Choice{Type: kernels.Default().ByName(n)})
		}
		return all
	}
	return &Tuner{Model: b.m, K: types("lm2_64", "lm3_64", "q4_0"), V: types("lm2_64", "lm4_64", "lm5_64"),
		Ends: []kv.Ends{{}, {First: 1, Last: 2}}, Budget: budget, Task: tasks()[0], Checks: tasks()[1:], Few: 2, Many: 4,
		Options: Options{Reference: b.ref, Threads: 1}}
}

func TestTune(t *testing.T) {
	b := newBench(t)
	for _, budget := range []float64{3.1, 4.4, 12} {
		tune := tuner(t, b, budget)
		tune.Rivals = []Cell{b.cell(t, "q4_0", "q4_0")}
		j := NewJournal(b.header)
		got, err := tune.Run(context.Background(), j, nil)
		if err != nil {
			t.Fatal(err)
		}
		plan, err := kv.NewPlan(b.m.KVLayers(), got.Policy)
		if err != nil {
			t.Fatal(err)
		}
		table := &got.Result.Tables[0]
		best, uniform := table.Cell(got.Best), table.Cell(got.Uniform)
		if bits := plan.BitsPerValue(tune.Task.Context); bits > budget || math.Abs(bits-best.BitsPerValue) > 1e-9 {
			t.Errorf("%g bits of %g, in the table %g", bits, budget, best.BitsPerValue)
		}
		if longer := tuner(t, b, budget); budget > 4 && budget < 5 {
			longer.Size = 1024 // where exact rows weigh next to nothing
			g, err := longer.Run(context.Background(), j, nil)
			if err != nil || g.Policy.Ends == (kv.Ends{}) {
				t.Errorf("in a long context: %v, %v", g.Policy.Ends, err)
			}
		}
		if len(got.Result.Tables) != 2 || table.Chunks != 4 || !(best.KLD.Mean > 0) || best.KLD.Mean > uniform.KLD.Mean {
			t.Errorf("budget %g: %s %g, %s %g", budget, got.Best, best.KLD.Mean, got.Uniform, uniform.KLD.Mean)
		}
		for _, g := range got.Guesses {
			if k := table.Cell(g.Name).KLD.Mean; !(g.KLD > k/8 && g.KLD < k*8) {
				t.Errorf("%s: predicted %g, measured %g", g.Name, g.KLD, k)
			}
		}
		again, err := tune.Run(context.Background(), j, func(p Progress) { t.Errorf("%+v ran again", p) })
		if err != nil || asJSON(t, again.Result) != asJSON(t, got.Result) || again.Best != got.Best || again.Uniform != got.Uniform {
			t.Errorf("from the journal: %v", err)
		}
	}
	_, err := tuner(t, b, 1.5).Run(context.Background(), NewJournal(b.header), func(p Progress) {
		t.Errorf("%+v of a budget that nothing keeps", p)
	})
	if err == nil || !strings.Contains(err.Error(), "no policy of these candidates keeps within 1.5 bits per value in a context of 16: the least takes 2.25") {
		t.Error(err)
	}
}
