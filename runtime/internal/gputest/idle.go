package gputest

import (
	"github.com/kvgen/kvgen/runtime/drivers"
	"github.com/kvgen/kvgen/runtime/gpu"
)

// Idle is a device that computes nothing, for tests of what is refused before anything is launched.
// It needs no compiler. Facts of its programs are all 32.
func Idle() *gpu.Queue { return gpu.NewQueue(&idle{}) }

type idle struct {
	next     uint64
	Launches int
}

func (d *idle) Limits() gpu.Limits {
	return gpu.Limits{Name: "Idle GPU", Cores: 4, CacheBytes: 1 << 20, SharedBytes: 100 << 10}
}

func (d *idle) Dialect() *gpu.Dialect                { return drivers.All()[0].Dialect(nil) }
func (d *idle) Available() (free, _ uint64, _ error) { return 1 << 30, 1 << 30, nil }

func (d *idle) Alloc(bytes uint64) (uint64, error) {
	d.next += 1 << 32
	return d.next, nil
}

func (d *idle) Free(uint64, uint64) error                    { return nil }
func (d *idle) Write(uint64, any) error                      { return nil }
func (d *idle) Read(any, uint64) error                       { return nil }
func (d *idle) Copy(uint64, uint64, uint64) error            { return nil }
func (d *idle) Clear(uint64, uint64) error                   { return nil }
func (d *idle) Build(*gpu.Source) (gpu.Module, error)        { return d, nil }
func (d *idle) Record(body func() error) (gpu.Replay, error) { return nil, body() }
func (d *idle) Sync() error                                  { return nil }
func (d *idle) Close() error                                 { return nil }
func (d *idle) Kernel(string, int) (gpu.Kernel, error)       { return d, nil }
func (d *idle) Launch(gpu.Grid, any) error                   { d.Launches++; return nil }
func (d *idle) Resident(int) (int, error)                    { return 2, nil }
func (d *idle) Overlap() gpu.Kernel                          { return d }

func (d *idle) Facts(_ string, n int) ([]int32, error) {
	all := make([]int32, n)
	for i := range all {
		all[i] = 32
	}
	return all, nil
}
