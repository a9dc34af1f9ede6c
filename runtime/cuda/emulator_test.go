//go:build emulate

package cuda_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/runtime/cuda"
	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/internal/gputest"
)

// These tests are of the emulation itself, through this package.

// numbers is the struct Numbers of the kernels here.
type numbers struct {
	from, to uint64
	n, value int32
}

const numbersText = `
struct Numbers { const int* from; int* to; int n, value; };
`

// compiled builds a program and finds its kernels.
func compiled(t testing.TB, q *gpu.Queue, text string, names ...string) (all []gpu.Kernel) {
	t.Helper()
	m := gputest.Must[gpu.Module](t)(q.Build(&gpu.Source{Name: "test", Main: "#include \"warp.cuh\"\n" + numbersText + text, Headers: map[string]string{"warp.cuh": "replaced"}}))
	for _, name := range names {
		all = append(all, gputest.Must[gpu.Kernel](t)(m.Kernel(name, 1024)))
	}
	return all
}

// TestLanes runs what lanes of a warp and threads of a block exchange.
func TestLanes(t *testing.T) {
	d := gputest.Open(t)
	f := compiled(t, d, `
extern "C" __global__ void __launch_bounds__(64) lanes(const Numbers p) {
  const int t = threadIdx.x, lane = t & 31;
  int* to = p.to + t;
  to[0] = __shfl_sync(~0u, t, 5);
  to[64] = __shfl_xor_sync(~0u, t, 3);
  to[128] = __shfl_up_sync(~0u, t, 2);
  to[192] = __shfl_down_sync(~0u, t, 2, 16);
  to[256] = __ballot_sync(~0u, lane % 3 == 0);
  to[320] = __reduce_add_sync(~0u, t);
  to[384] = __any_sync(~0u, t == 40) + 2 * __all_sync(~0u, t > 31);
  to[448] = lane < 8 ? __shfl_sync(0xffu, t, 1) : __shfl_sync(0xffffff00u, t, 9); // two parts of a warp
  DYNAMIC_SHARED(shared);
  int* all = (int*)shared;
  all[t] = t;
  to[576] = __syncthreads_count(t % 2);
  to[512] = all[63 - t];
}
extern "C" __global__ void early(const Numbers p) {
  __shared__ int all[64];
  if (threadIdx.x >= p.n) return;
  all[threadIdx.x] = threadIdx.x;
  __syncthreads();
  p.to[threadIdx.x] = all[p.n - 1 - threadIdx.x] + __reduce_max_sync(~0u, (int)threadIdx.x);
}
extern "C" __global__ void last(const Numbers p) { // the last block finds what the others left
  if (threadIdx.x == 0) atomicAdd(p.to + 1, (int)blockIdx.x);
  __threadfence();
  __shared__ bool is_last;
  if (threadIdx.x == 0) is_last = atomicInc((unsigned*)p.to, gridDim.x - 1) == gridDim.x - 1;
  __syncthreads();
  if (is_last && threadIdx.x == 0) p.to[2] = p.to[1];
}
`, "lanes", "early", "last")
	m := gputest.Must[*gpu.Buffer](t)(d.Alloc(4 * 640))
	a := numbers{to: m.Address(), n: 40}
	gputest.Check(t, f[0].Launch(gpu.Grid{X: 1, Threads: 64}, &a))
	got := gputest.Integers(t, m)
	for i := range 64 {
		lane, base := i%32, i/32*32
		sum, ballot := 0, uint32(0)
		for k := range 32 {
			sum += base + k
			if k%3 == 0 {
				ballot |= 1 << k
			}
		}
		up, down := i-2, i+2
		if lane < 2 {
			up = i
		}
		if lane%16 >= 14 {
			down = i
		}
		part := base + 9
		if lane < 8 {
			part = base + 1
		}
		want := []int32{int32(base + 5), int32(i ^ 3), int32(up), int32(down), int32(ballot), int32(sum), int32(base / 32 * 3), int32(part), int32(63 - i), 32}
		for k, w := range want {
			if got[64*k+i] != w {
				t.Errorf("thread %d, test %d: %d, want %d", i, k, got[64*k+i], w)
			}
		}
	}
	gputest.Check(t, f[1].Launch(gpu.Grid{X: 1, Threads: 64}, &a))
	got = gputest.Integers(t, m)
	for i := range 40 {
		want := int32(39-i) + 31
		if i >= 32 {
			want += 8
		}
		if got[i] != want {
			t.Errorf("early: thread %d: %d, want %d", i, got[i], want)
		}
	}
	gputest.Check(t, gpu.Write(m, 0, make([]int32, 3)))
	gputest.Check(t, f[2].Launch(gpu.Grid{X: 10, Threads: 64}, &a))
	if got := gputest.Integers(t, m)[:3]; !slices.Equal(got, []int32{0, 45, 45}) {
		t.Errorf("last: %v", got)
	}
}

// TestFaults plants mistakes, each of which must be found and named.
func TestFaults(t *testing.T) {
	for _, c := range []struct {
		name, body string
		want       []string
	}{
		{"behind", "if (threadIdx.x == 7 && blockIdx.x == 1) p.to[p.n] = 1;", []string{"thread 7,0,0 of block 1,0,0", "write at", "0 bytes behind the end of an allocation of 64 bytes"}},
		{"read", "p.to[0] = p.to[p.n + 1];", []string{"thread 0,0,0 of block 0,0,0", "read at", "4 bytes behind the end of an allocation of 64 bytes"}},
		{"before", "p.to[-1] = 1;", []string{"wrote before an allocation of 64 bytes"}},
		{"null", "*(int*)0 = 1;", []string{"null pointer"}},
		{"freed", "p.to[0] = *p.from;", []string{"read at", "memory that was freed"}},
		{"shared", "DYNAMIC_SHARED(shared); shared[1024] = 1;", []string{"write at", "no device memory"}},
		{"division", "p.to[0] = p.n / (p.value - 1);", []string{"division by zero"}},
		{"unaligned", "unsigned w[4]; Chunk<16>::load((const unsigned char*)p.to + 4, w); p.to[0] = w[0];", []string{"16 bytes at the address", "no multiple"}},
		{"meeting", "if (threadIdx.x % 32 == 3) __shfl_sync(~0u, 1, 0); else __syncwarp();", []string{"different instructions"}},
		{"waiting", "if (threadIdx.x % 32 == 3) __syncthreads(); else __syncwarp();", []string{"wait for ever", "1 at a barrier", "31 for lanes"}},
		{"stack", "volatile char large[1 << 20]; large[0] = 1; p.to[0] = large[0];", []string{"write at"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := gputest.Open(t)
			f := compiled(t, d, "extern \"C\" __global__ void planted(const Numbers p) { "+c.body+" }", "planted")[0]
			m, freed := gputest.Must[*gpu.Buffer](t)(d.Alloc(64)), gputest.Must[*gpu.Buffer](t)(d.Alloc(64))
			gputest.Check(t, freed.Free())
			a := numbers{from: freed.Address(), to: m.Address(), n: 16, value: 1}
			err := f.Launch(gpu.Grid{X: 2, Threads: 32}, &a)
			var e *cuda.Error
			if !errors.As(err, &e) || !e.Lost() {
				t.Fatalf("%v", err)
			}
			for _, w := range append(c.want, "kernel planted") {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q says nothing of %q", err, w)
				}
			}
			if err := d.Sync(); err == nil {
				t.Error("the device works after it")
			}
		})
	}
	d := gputest.Open(t) // and another device does
	f := compiled(t, d, `extern "C" __global__ void planted(const Numbers p) { p.to[threadIdx.x] = 1; }`, "planted")[0]
	m := gputest.Must[*gpu.Buffer](t)(d.Alloc(64))
	gputest.Check(t, f.Launch(gpu.Grid{X: 2, Threads: 16}, &numbers{to: m.Address()}))
	if got := gputest.Integers(t, m); got[15] != 1 {
		t.Errorf("%v", got)
	}
}

// TestRecorded launches a graph: its kernels have the arguments of the time of recording, and see
// memory as it is when they run.
func TestRecorded(t *testing.T) {
	d := gputest.Open(t)
	f := compiled(t, d, `extern "C" __global__ void add(const Numbers p) { p.to[0] += p.value; }`, "add")[0]
	m := gputest.Must[*gpu.Buffer](t)(d.Alloc(16))
	a := &numbers{to: m.Address()}
	g := gputest.Must[*gpu.Recording](t)(d.Record(func() error {
		for a.value = 1; a.value < 4; a.value++ {
			if err := f.Launch(gpu.Grid{X: 1, Threads: 1}, a); err != nil {
				return err
			}
		}
		return nil
	}))
	a.value = 1000
	if got := gputest.Integers(t, m); got[0] != 0 {
		t.Errorf("recording has run: %v", got)
	}
	gputest.Check(t, g.Launch())
	gputest.Check(t, gpu.Write(m, 0, []int32{100}))
	gputest.Check(t, g.Launch())
	if got := gputest.Integers(t, m); got[0] != 106 {
		t.Errorf("%v, want 106", got)
	}
	gputest.Check(t, g.Close())
	for name, body := range map[string]func() error{
		"waiting":    func() error { return d.Sync() },
		"reading":    func() error { return gpu.Read(m, 0, make([]int32, 1)) },
		"allocating": func() error { _, err := d.Alloc(16); return err },
		"freeing":    func() error { return m.Free() },
	} {
		if _, err := d.Record(body); err == nil || !strings.Contains(err.Error(), "STREAM_CAPTURE_UNSUPPORTED") {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := d.Record(func() error { body(); return nil }); err == nil || !strings.Contains(err.Error(), "STREAM_CAPTURE_INVALIDATED") {
			t.Errorf("%s: %v", name, err)
		}
	}
	gputest.Check(t, d.Sync())
}

// BenchmarkLaunch is of a kernel of 8 blocks of 256 threads that does nothing, and of one with a
// barrier and a reduction.
func BenchmarkLaunch(b *testing.B) {
	d := gputest.Open(b)
	f := compiled(b, d, `
extern "C" __global__ void nothing(const Numbers p) {}
extern "C" __global__ void sums(const Numbers p) {
  __shared__ int all[8];
  int v = threadIdx.x;
  for (int k = 16; k; k >>= 1) v += __shfl_xor_sync(~0u, v, k);
  if (threadIdx.x % 32 == 0) all[threadIdx.x / 32] = v;
  __syncthreads();
  if (threadIdx.x == 0) p.to[blockIdx.x] = all[0] + all[7];
}`, "nothing", "sums")
	m := gputest.Must[*gpu.Buffer](b)(d.Alloc(64))
	a := &numbers{to: m.Address()}
	for i, name := range []string{"nothing", "sums"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				gputest.Check(b, f[i].Launch(gpu.Grid{X: 8, Threads: 256}, a))
			}
		})
	}
}
