//go:build emulate || gpu

package product

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/kernels/args"
	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/internal/gputest"
)

// TestGroups sorts slots by expert and multiplies them in runs.
func TestGroups(t *testing.T) {
	d := gputest.Open(t)
	sort, collect := gputest.Must[gpu.Kernel](t)(d.Frame("sort", "experts")), gputest.Must[gpu.Kernel](t)(d.Frame("collect", "experts"))
	const rows, n, used = 22, 64, 3
	r := rand.New(rand.NewPCG(1, 2))
	for _, cs := range []struct {
		name           string
		count, tokens  int
		most, favoured int // so many experts are the only ones
	}{{"q8_0", 5, 40, 8, 5}, {"f16", 7, 9, 4, 2}, {"tq4_1s", 300, 101, 2, 300}, {"q4_0", 4, 2, 2, 1}, {"q5_0", 3, 70, 64, 3}, {"f16", 5, 90, 128, 2}, {"tq3_1s", 3, 60, 64, 3}} {
		typ := kernels.Default().ByName(cs.name)
		slots, runs := cs.tokens*used, cs.tokens*used/cs.most+cs.count
		expert := make([]int32, slots)
		for i := range expert {
			expert[i] = int32(cs.count - 1 - r.IntN(cs.favoured))
		}
		order := make([]int, slots) // the slots by expert
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(a, b int) int { return int(expert[a] - expert[b]) })

		alloc := func(n int) *gpu.Buffer { return gputest.Must[*gpu.Buffer](t)(d.Alloc(uint64(4 * n))) }
		ids, of, row, place := alloc(slots), alloc(slots), alloc(slots), alloc(slots)
		gputest.Check(t, gpu.Write(ids, 0, expert))
		x := &Runs{Expert: alloc(runs), First: alloc(runs), Slots: alloc(runs), Count: runs, Most: cs.most}
		for _, m := range []*gpu.Buffer{of, row, place, x.Expert, x.First, x.Slots} {
			gputest.Check(t, gpu.Write(m, 0, slices.Repeat([]int32{-7}, int(m.Size/4))))
		}
		a := args.Sort{Expert: ids.Address(), Row: row.Address(), Of: of.Address(), Place: place.Address(), RunExpert: x.Expert.Address(), RunFirst: x.First.Address(), RunSlots: x.Slots.Address(),
			Slots: int32(slots), Used: used, Most: int32(cs.most)}
		gputest.Check(t, sort.Launch(gpu.Grid{X: cs.count, Threads: 256}, &a))
		gotOf, gotRow, gotPlace := gputest.Integers(t, of), gputest.Integers(t, row), gputest.Integers(t, place)
		for at, s := range order {
			if gotOf[at] != expert[s] || gotRow[at] != int32(s/used) || gotPlace[s] != int32(at) {
				t.Fatalf("%d experts: place %d has token %d of expert %d, slot %d went to %d; want token %d of %d", cs.count, at, gotRow[at], gotOf[at], s, gotPlace[s], s/used, expert[s])
			}
		}
		covered := 0
		counts, owners := gputest.Integers(t, x.Slots), gputest.Integers(t, x.Expert)
		for i, first := range gputest.Integers(t, x.First) {
			many, e := int(counts[i]), owners[i]
			if many < 0 || many > cs.most {
				t.Fatalf("a run of %d slots, of %d at most", many, cs.most)
			}
			for s := range many {
				if gotOf[int(first)+s] != e || int(first)+s != covered {
					t.Fatalf("%d experts: run %d of expert %d begins at %d after %d slots", cs.count, i, e, first, covered)
				}
				covered++
			}
		}
		if covered != slots {
			t.Fatalf("%d of %d slots are in runs", covered, slots)
		}

		m, w := matrixOf(t, d, typ, 3, cs.count*rows, n)
		in := gputest.Normal(9, cs.tokens*n)
		collected, y := alloc(slots*n), gputest.Upload(t, d, slices.Repeat([]float32{float32(math.NaN())}, slots*rows))
		gputest.Check(t, collect.Launch(gpu.Grid{X: slots, Threads: 256}, &args.Collect{X: gputest.Upload(t, d, in).Address(), Y: collected.Address(), Row: row.Address(), N: n}))
		bias := gputest.Normal(5, cs.count*rows)
		turned := activationsOf(typ, in, n, false)
		for _, exact := range []bool{true, false} {
			if !exact && cs.most <= decodeTokens {
				continue
			}
			p := gputest.Must[*Kernel](t)(New(d, Spec{Matrix: m, Bias: gputest.Upload(t, d, bias), Exact: exact}))
			// two matrices at a time
			p.bandBytes = uint64(2 * rows * 2 * n * int(1+gpu.Flag(exact)))
			gputest.Check(t, p.RunGroups(y, collected, x, slots, cs.count))
			got := make([]float32, slots*rows)
			gputest.Check(t, gpu.Read(y, 0, got))
			most := 1e-5
			if !exact {
				most = 2e-2
			}
			for at, s := range order {
				e := int(expert[s])
				want, _ := products(turned[s/used*n:][:n], w[e*rows*n:][:rows*n], n)
				for r, v := range want {
					v += float64(bias[e*rows+r])
					if g := float64(got[at*rows+r]); !(math.Abs(g-v) <= most*(1+math.Abs(v))) {
						t.Fatalf("%s, exact %t: slot %d, output %d is %g, not %g", cs.name, exact, at, r, g, v)
					}
				}
			}
		}
	}
}
