//go:build gpu

package gputest

import (
	"slices"
	"testing"

	"github.com/kvgen/kvgen/runtime/gpu"
)

// GraphTime is the microseconds of body, of several that run one after another.
func GraphTime(t testing.TB, d *gpu.Queue, times int, body func() error) float64 {
	t.Helper()
	Check(t, body()) // what grows has grown
	g := Must[*gpu.Recording](t)(d.Record(func() error {
		for range times {
			if err := body(); err != nil {
				return err
			}
		}
		return nil
	}))
	defer g.Close()
	Time(t, d, 2, g.Launch)
	return float64(Median(Time(t, d, 5, g.Launch))) * 1000 / float64(times)
}

// Registers is how many a thread of a kernel uses.
func Registers(t testing.TB, k gpu.Kernel) int {
	t.Helper()
	return Must[int](t)(k.(interface{ Registers() (int, error) }).Registers())
}

// Median is the middle of some numbers, which it sorts.
func Median(x []float32) float32 {
	slices.Sort(x)
	return x[len(x)/2]
}

// Fill repeats a pattern over the memory.
func Fill(t testing.TB, m *gpu.Buffer, pattern []uint16) {
	if m.Size == 0 {
		return
	}
	n := min(uint64(2*len(pattern)), m.Size)
	Check(t, gpu.Write(m, 0, pattern[:n/2]))
	for n < m.Size {
		piece := min(n, m.Size-n)
		Check(t, m.Slice(n, piece).CopyFrom(m))
		n += piece
	}
}

// Time is how many milliseconds each of n runs of body took on the device.
func Time(t testing.TB, q *gpu.Queue, n int, body func() error) []float32 {
	t.Helper()
	return Must[[]float32](t)(q.Device.(interface {
		Time(n int, body func() error) ([]float32, error)
	}).Time(n, body))
}

// ReadRate is the best of some grids, in GB/s.
func ReadRate(t testing.TB, d *gpu.Queue, m *gpu.Buffer) float64 {
	t.Helper()
	f := Must[gpu.Kernel](t)(d.Kernel("read_all", func(d *gpu.Dialect) (*gpu.Source, error) { return gpu.FrameSource(d, "read") }))
	to := Must[*gpu.Buffer](t)(d.Alloc(16))
	best := 0.0
	for _, blocks := range []int{2, 4, 8} {
		arg := &struct {
			from, to uint64
			n        int64
		}{m.Address(), to.Address(), int64(m.Size / 16)}
		times := Time(t, d, 9, func() error { return f.Launch(gpu.Grid{X: d.Limits().Cores * blocks, Threads: 512}, arg) })
		best = max(best, float64(m.Size)/float64(Median(times))/1e6)
	}
	return best
}
