//go:build gpu

package cuda

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/kvgen/kvgen/kernels"
)

var expertsType = flag.String("experts-type", "q4_K", "type of the experts to time")

// TestFamiliesBench prints times of a recurrent layer and of experts, of the sizes of models that people run.
func TestFamiliesBench(t *testing.T) {
	d, c := gpu(t)
	b := NewBackend(d, c)
	w := newDeltaNet(16, 32, 128, 4)
	const most = 2048
	o, state, in, _, row := w.onDevice(t, b, most, 1)
	check(t, Write(in, 0, normal(7, most*row)))
	fmt.Printf("%s\ngated delta net of 16 and 32 heads of 128\n%8s %9s %12s\n", d.Name, "tokens", "us", "us per token")
	for _, n := range []int{1, 2, 8, 64, 512, 1024, 2048} {
		us := graphTime(t, d, 8, func() error { return o.launch(state.at, sequencesArgs{count: 1, tokens: int32(n)}) })
		fmt.Printf("%8d %9.2f %12.3f\n", n, us, us/float64(n))
	}

	const count, used, inner, width = 128, 8, 768, 2048
	sort, collect := must[*Function](t)(b.function("sort", "experts.cu")), must[*Function](t)(b.function("collect", "experts.cu"))
	matrices := rotating(t, d, c, kernels.ByName(*expertsType), count*inner, width)
	x, y, collected := upload(t, d, normal(1, most*width)), must[*Memory](t)(d.Alloc(4*most*used*inner)), must[*Memory](t)(d.Alloc(4*most*used*width))
	list := func(n int) *Memory { return must[*Memory](t)(d.Alloc(uint64(4 * n))) }
	const slots = most * used
	ids, rows, of, place, runs := list(slots), list(slots), list(slots), list(slots), [3]*Memory{list(2 * slots), list(2 * slots), list(2 * slots)}
	expert := make([]int32, 0, slots)
	r := rand.New(rand.NewPCG(1, 2))
	for range most {
		for _, e := range r.Perm(count)[:used] {
			expert = append(expert, int32(e))
		}
	}
	check(t, Write(ids, 0, expert))
	fmt.Printf("%d experts of %s, %d used, %d rows of %d: one matrix of each\n%-6s %7s %5s %10s %10s %10s  chosen\n", count, *expertsType, used, inner, width, "form", "tokens", "runs", "order us", "product us", "TFLOP/s")
	for _, exact := range []bool{false, true} {
		var all []*Multiply
		for _, m := range matrices {
			all = append(all, must[*Multiply](t)(d.NewProduct(c, Product{Matrix: m, Exact: exact})))
		}
		for _, n := range []int{1, 4, 16, 32, 64, 128, 256, 512, 1024, 2048} {
			slots := n * used
			for _, length := range []int{1, 2, 4, 8, 64, 128} {
				if n*used/count*8 < length && length > 2 || length < 8 && n > 256 {
					continue
				}
				u := &Runs{Expert: runs[0], First: runs[1], Slots: runs[2], Count: slots/length + count, Most: length}
				order := func() error {
					a := sortArgs{expert: ids.at, row: rows.at, of: of.at, place: place.at, runExpert: runs[0].at, runFirst: runs[1].at, runSlots: runs[2].at, slots: int32(slots), used: used, most: int32(length)}
					if err := sort.launch(count, 1, 256, unsafe.Pointer(&a)); err != nil {
						return err
					}
					return collect.launch(slots, 1, 256, unsafe.Pointer(&collectArgs{x: x.at, y: collected.at, row: rows.at, n: width}))
				}
				ordered := graphTime(t, d, 4, order)
				k := 0
				us := graphTime(t, d, len(all), func() error {
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

// graphTime is the microseconds of body, of several that run one after another.
func graphTime(t testing.TB, d *Device, times int, body func() error) float64 {
	t.Helper()
	check(t, body()) // what grows has grown
	g := must[*Graph](t)(d.Record(func() error {
		for range times {
			if err := body(); err != nil {
				return err
			}
		}
		return nil
	}))
	defer g.Close()
	must[[]float32](t)(d.Time(2, g.Launch))
	return float64(median(must[[]float32](t)(d.Time(5, g.Launch)))) * 1000 / float64(times)
}
