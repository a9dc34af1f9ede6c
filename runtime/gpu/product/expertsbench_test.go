//go:build gpu

package product

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/kernels/args"
	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/internal/gputest"
)

var expertsType = flag.String("experts-type", "q4_K", "type of the experts to time")

// TestExpertsBench prints times of experts, of the size of models that people run.
func TestExpertsBench(t *testing.T) {
	d := gputest.Open(t)
	const most, count, used, inner, width = 2048, 128, 8, 768, 2048
	sort, collect := gputest.Must[gpu.Kernel](t)(d.Frame("sort", "experts")), gputest.Must[gpu.Kernel](t)(d.Frame("collect", "experts"))
	matrices := rotating(t, d, kernels.Default().ByName(*expertsType), count*inner, width)
	x, y, collected := gputest.Upload(t, d, gputest.Normal(1, most*width)), gputest.Must[*gpu.Buffer](t)(d.Alloc(4*most*used*inner)), gputest.Must[*gpu.Buffer](t)(d.Alloc(4*most*used*width))
	list := func(n int) *gpu.Buffer { return gputest.Must[*gpu.Buffer](t)(d.Alloc(uint64(4 * n))) }
	const slots = most * used
	ids, rows, of, place, runs := list(slots), list(slots), list(slots), list(slots), [3]*gpu.Buffer{list(2 * slots), list(2 * slots), list(2 * slots)}
	expert := make([]int32, 0, slots)
	r := rand.New(rand.NewPCG(1, 2))
	for range most {
		for _, e := range r.Perm(count)[:used] {
			expert = append(expert, int32(e))
		}
	}
	gputest.Check(t, gpu.Write(ids, 0, expert))
	fmt.Printf("%d experts of %s, %d used, %d rows of %d: one matrix of each\n%-6s %7s %5s %10s %10s %10s  chosen\n", count, *expertsType, used, inner, width, "form", "tokens", "runs", "order us", "product us", "TFLOP/s")
	for _, exact := range []bool{false, true} {
		var all []*Kernel
		for _, m := range matrices {
			all = append(all, gputest.Must[*Kernel](t)(New(d, Spec{Matrix: m, Exact: exact})))
		}
		for _, n := range []int{1, 4, 16, 32, 64, 128, 256, 512, 1024, 2048} {
			slots := n * used
			for _, length := range []int{1, 2, 4, 8, 64, 128} {
				if n*used/count*8 < length && length > 2 || length < 8 && n > 256 {
					continue
				}
				u := &Runs{Expert: runs[0], First: runs[1], Slots: runs[2], Count: slots/length + count, Most: length}
				order := func() error {
					a := args.Sort{Expert: ids.Address(), Row: rows.Address(), Of: of.Address(), Place: place.Address(), RunExpert: runs[0].Address(), RunFirst: runs[1].Address(), RunSlots: runs[2].Address(), Slots: int32(slots), Used: used, Most: int32(length)}
					if err := sort.Launch(gpu.Grid{X: count, Threads: 256}, &a); err != nil {
						return err
					}
					return collect.Launch(gpu.Grid{X: slots, Threads: 256}, &args.Collect{X: x.Address(), Y: collected.Address(), Row: rows.Address(), N: width})
				}
				ordered := gputest.GraphTime(t, d, 4, order)
				k := 0
				us := gputest.GraphTime(t, d, len(all), func() error {
					k++
					if p := all[k%len(all)]; length > 1 {
						return p.RunGroups(y, collected, u, slots, count)
					} else {
						return p.RunExperts(y, x, ids, rows, slots, count)
					}
				})
				mark := ""
				if MostSlots(slots/count) == length {
					mark = "*"
				}
				fmt.Printf("%-6s %7d %5d %10.2f %10.2f %10.1f  %s\n", form(exact), n, length, ordered, us, 2*float64(slots)*inner*width/us/1e6, mark)
			}
		}
	}
}
