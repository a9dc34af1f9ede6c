package metal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/metal/fake"
)

// addArgs are the arguments of the kernel add: it adds N to each of Count words.
type addArgs struct {
	At    uint64
	Count int32
	N     int32
}

// testMachine has the kernels of these tests.
func testMachine() *fake.Functions {
	word := binary.LittleEndian.Uint32
	return &fake.Functions{Kernels: map[string]func(*fake.Functions, fake.Launch) error{
		"add": func(m *fake.Functions, l fake.Launch) error {
			a := m.At(l.Buffers[0])
			x := m.At(binary.LittleEndian.Uint64(a))
			if x == nil {
				return fmt.Errorf("nothing is at %#x", binary.LittleEndian.Uint64(a))
			}
			for i := range word(a[8:]) {
				binary.LittleEndian.PutUint32(x[4*i:], word(x[4*i:])+word(a[12:]))
			}
			return nil
		},
		"sizes": func(m *fake.Functions, l fake.Launch) error {
			copy(m.At(l.Buffers[0]), "\x07\x00\x00\x00\xfe\xff\xff\xff")
			return nil
		},
	}}
}

// opened is a device of a fake system, which must have nothing left when the test is over.
func opened(t *testing.T, s *fake.System, folder string) *Device {
	t.Helper()
	d, err := OpenWith(s, 0, folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		if live := s.Live(); live != "" {
			t.Errorf("of the device are left: %s", live)
		}
	})
	return d
}

func source(main string) *gpu.Source { return &gpu.Source{Name: "test", Main: main} }

// adder is the kernel add.
func adder(t *testing.T, d *Device) gpu.Kernel {
	t.Helper()
	m, err := d.Build(source("kernels\n"))
	check(t, err)
	k, err := m.Kernel("add", 0)
	check(t, err)
	return k.Overlap()
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// systems runs a test under every version of macOS, with command buffers that run late and at once.
func systems(t *testing.T, f func(t *testing.T, s *fake.System)) {
	for _, major := range []int64{13, 14, 15, 26} {
		for _, eager := range []bool{false, true} {
			t.Run(fmt.Sprintf("macOS %d, eager %v", major, eager), func(t *testing.T) {
				s := fake.New(major, testMachine())
				s.Eager = eager
				f(t, s)
			})
		}
	}
}

var one = gpu.Grid{X: 1, Threads: 32}

// TestOrder does everything that a queue does and holds it to the order in which it was asked for.
func TestOrder(t *testing.T) {
	systems(t, func(t *testing.T, s *fake.System) {
		d := opened(t, s, "")
		k := adder(t, d)
		q := gpu.NewQueue(d)
		x, err := q.Alloc(64)
		check(t, err)
		y, err := q.Alloc(64)
		check(t, err)
		add := func(b *gpu.Buffer, n int32) {
			t.Helper()
			check(t, k.Launch(one, &addArgs{b.Address(), 16, n}))
		}
		holds := func(b *gpu.Buffer, want int32) {
			t.Helper()
			got := make([]int32, 16)
			check(t, gpu.Read(b, 0, got))
			if got[0] != want || got[15] != want {
				t.Fatalf("%v, want %d", got, want)
			}
		}
		holds(x, 0) // fresh memory is zeroed
		sixteen := func(n int32) []int32 { return slices.Repeat([]int32{n}, 16) }
		check(t, gpu.Post(x, 0, sixteen(5)))
		add(x, 1)
		add(x, 2)
		check(t, y.CopyFrom(x))
		check(t, gpu.Post(x, 0, sixteen(100))) // not before the copy
		add(x, 3)
		holds(y, 8)
		holds(x, 103)
		add(y, 1)
		check(t, y.Clear())
		add(y, 4)
		holds(y, 4)
		check(t, gpu.Post(y, 2, []uint16{1})) // half a word goes by the processor
		add(y, 1)
		got := make([]int32, 2)
		check(t, gpu.Read(y, 0, got))
		if want := []int32{1<<16 + 5, 5}; !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
		check(t, d.Copy(x.Address()+1, y.Address()+1, 3))
		check(t, d.Clear(x.Address()+5, 1))
		big := make([]int32, 40<<10)
		z, err := q.Alloc(4 * uint64(len(big)))
		check(t, err)
		add(x, 0)
		big[len(big)-1] = 7
		check(t, gpu.Post(z, 0, big)) // more than is staged
		clear(big)
		check(t, gpu.Read(z, 0, big))
		if big[len(big)-1] != 7 {
			t.Error("a long write is lost")
		}
		for range 500 { // more than one command buffer
			add(z, 1)
		}
		for range 20 { // more than a chunk
			add(z, 1)
			check(t, gpu.Post(z, 4096, make([]int32, 16<<10)))
		}
		check(t, gpu.Read(z, 0, got))
		if got[0] != 520 {
			t.Errorf("after 520 launches %d", got[0])
		}
		for _, b := range []*gpu.Buffer{x, y, z} {
			check(t, b.Free())
		}
	})
}

func TestReplay(t *testing.T) {
	systems(t, func(t *testing.T, s *fake.System) {
		d := opened(t, s, "")
		k := adder(t, d)
		q := gpu.NewQueue(d)
		x, err := q.Alloc(64)
		check(t, err)
		y, err := q.Alloc(64)
		check(t, err)
		a := &addArgs{x.Address(), 16, 1}
		r, err := q.Record(func() error {
			for range 100 {
				if err := k.Launch(one, a); err != nil {
					return err
				}
			}
			if err := y.CopyFrom(x); err != nil {
				return err
			}
			if err := x.Clear(); err != nil {
				return err
			}
			if err := gpu.Post(x, 0, []int32{1}); err == nil {
				t.Error("a write is recorded")
			}
			if err := gpu.Read(x, 0, []int32{1}); err == nil {
				t.Error("a read is recorded")
			}
			if err := d.Clear(x.Address(), 1); err == nil {
				t.Error("a fill of a byte is recorded")
			}
			a.N = 1000 // too late
			return nil
		})
		check(t, err)
		got := make([]int32, 16)
		check(t, gpu.Read(y, 0, got))
		if got[0] != 0 {
			t.Error("what is recorded runs")
		}
		before := s.Sent["MTLCommandQueue.commandBuffer"]
		for range 5 {
			check(t, gpu.Post(x, 0, []int32{7}))
			check(t, r.Launch())
			check(t, gpu.Read(y, 0, got))
			if got[0] != 107 || got[1] != 100 {
				t.Fatalf("replayed: %v", got)
			}
		}
		if n := s.Sent["MTLCommandQueue.commandBuffer"] - before; n != 5 {
			t.Errorf("5 replays take %d command buffers", n)
		}
		check(t, r.Close())
		if err := r.Launch(); err == nil {
			t.Error("a closed recording is launched")
		}
		want := errors.New("no")
		if _, err := q.Record(func() error { return want }); err != want {
			t.Errorf("a recording whose body fails: %v", err)
		}
		check(t, k.Launch(one, a)) // not recorded any more
		check(t, q.Sync())
		check(t, x.Free())
		check(t, y.Free())
	})
}

// TestEncodings counts what a token of 32 layers of 12 kernels costs.
func TestEncodings(t *testing.T) {
	s := fake.New(15, testMachine())
	d := opened(t, s, "")
	k := adder(t, d)
	q := gpu.NewQueue(d)
	x, err := q.Alloc(64)
	check(t, err)
	r, err := q.Record(func() error {
		for range 32 * 12 {
			if err := k.Launch(one, &addArgs{x.Address(), 16, 1}); err != nil {
				return err
			}
		}
		return nil
	})
	check(t, err)
	clear(s.Sent)
	check(t, gpu.Post(x, 0, []int32{1}))
	check(t, r.Launch())
	check(t, q.Sync())
	for name, want := range map[string]int{"Queue.commandBuffer": 1, "Buffer.commit": 1, "Buffer.computeCommandEncoderWithDispatchType:": 1, "Buffer.blitCommandEncoder": 0,
		"Encoder.dispatchThreadgroups:threadsPerThreadgroup:": 384, "Encoder.memoryBarrierWithScope:": 383, "Encoder.setComputePipelineState:": 1,
		"Encoder.setBuffer:offset:atIndex:": 1, "Encoder.setBufferOffset:atIndex:": 383} {
		name = strings.NewReplacer("Queue.", "MTLCommandQueue.", "Buffer.", "MTLCommandBuffer.", "Encoder.", "MTLComputeCommandEncoder.").Replace(name)
		if s.Sent[name] != want {
			t.Errorf("a token sends %s %d times, want %d", name, s.Sent[name], want)
		}
	}
	check(t, r.Close())
	check(t, x.Free())
}

func TestModules(t *testing.T) {
	systems(t, func(t *testing.T, s *fake.System) {
		s.Warn = true // a warning gives a library and an error
		folder := t.TempDir()
		for again := range 2 {
			d, err := OpenWith(s, 0, folder)
			check(t, err)
			src := &gpu.Source{Name: "test", Main: "#include \"a.metalh\"\nmain\n", Headers: map[string]string{"a.metalh": "#pragma once\nA\n"}, Exact: true}
			m, err := d.Build(src)
			check(t, err)
			if same, err := d.Build(src); err != nil || same != m {
				t.Errorf("a program is built twice: %v", err)
			}
			clear(s.Sent)
			k, err := m.Kernel("add", 1024)
			check(t, err)
			if n := s.Sent["MTLBinaryArchive.addComputePipelineFunctionsWithDescriptor:error:"]; n != 1-again {
				t.Errorf("machine code is added to the archive %d times in process %d", n, again)
			}
			if n, err := k.Resident(512); n != 4 || err != nil {
				t.Errorf("a core holds %d groups: %v", n, err)
			}
			facts, err := m.Facts("sizes", 2)
			if err != nil || !slices.Equal(facts, []int32{7, -2}) {
				t.Errorf("facts: %v, %v", facts, err)
			}
			if _, err := m.Kernel("none", 0); err == nil || !strings.Contains(err.Error(), "the kernel test has no none") {
				t.Errorf("a kernel that there is not: %v", err)
			}
			check(t, d.Close())
			if live := s.Live(); live != "" {
				t.Errorf("left: %s", live)
			}
		}
	})
}
