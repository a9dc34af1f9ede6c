package metal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/metal/fake"
	"github.com/kvgen/kvgen/runtime/metal/objc"
)

func failing(name string, n int) map[string]map[int]fake.Error {
	return map[string]map[int]fake.Error{name: {n: {Domain: "TestDomain", Code: 77, Text: "for a test"}}}
}

// TestRefused opens what cannot be opened. Nothing may be left of it.
func TestRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		set  func(s *fake.System)
		want string
	}{
		{"no GPU", func(s *fake.System) { s.GPUs = nil }, "metal: there is no GPU 0: the system finds 0"},
		{"an Intel Mac", func(s *fake.System) {
			s.GPUs[0].Families, s.GPUs[0].Name = []int64{2002, 3001}, "AMD Radeon Pro 560"
		}, "metal: kernels need a GPU of Apple's family 7 (M1) or later: GPU 0, AMD Radeon Pro 560, is none; --device cpu"},
		{"an old system", func(s *fake.System) { s.Major = 12 }, "metal: kernels need macOS 13 or later: this is Version 12.1 (Build 1); --device cpu"},
		{"no queue", func(s *fake.System) { s.Fail = failing("MTLDevice.newCommandQueue", 0) }, "metal: Fake M1 gives no command queue"},
		{"no fence", func(s *fake.System) { s.Fail = failing("MTLDevice.newFence", 0) }, "metal: Fake M1 gives no fence"},
		{"no buffer", func(s *fake.System) { s.Fail = failing("MTLDevice.newBufferWithLength:options:", 0) }, "metal: allocating 262144 bytes on Fake M1: too little memory: 64.0 MiB of the 64.0 MiB"},
		{"not a second buffer", func(s *fake.System) { s.Fail = failing("MTLDevice.newBufferWithLength:options:", 1) }, "too little memory"},
		{"no set", func(s *fake.System) { s.Fail = failing("MTLDevice.newResidencySetWithDescriptor:error:", 0) }, "metal: making a set of resident memory on Fake M1: for a test (TestDomain 77)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := fake.New(15, testMachine())
			c.set(s)
			_, err := OpenWith(s, 0, "")
			if err == nil || !strings.HasPrefix(err.Error(), c.want) && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %s", err, c.want)
			}
			if live := s.Live(); live != "" {
				t.Errorf("left: %s", live)
			}
		})
	}
	for _, n := range []int{-1, 1} {
		if _, err := OpenWith(fake.New(15, testMachine()), n, ""); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("there is no GPU %d: the system finds 1", n)) {
			t.Errorf("GPU %d: %v", n, err)
		}
	}
}

func TestLimits(t *testing.T) {
	s := fake.New(15, testMachine())
	s.GPUs[0].Families = append(s.GPUs[0].Families, 1008, 1009, 1010)
	d := opened(t, s, "")
	want := gpu.Limits{Name: "Fake M1", Generation: "Apple10", Arch: "apple10", Cores: 8, CacheBytes: 8 << 20, SharedBytes: 32 << 10}
	if d.Limits() != want {
		t.Errorf("%+v, want %+v", d.Limits(), want)
	}
	unknown := fake.New(15, testMachine())
	unknown.GPUs[0].Cores = 0
	if n := opened(t, unknown, "").Limits().Cores; n != 7 {
		t.Errorf("a GPU of unknown size has %d cores", n)
	}
	free, total, err := d.Available()
	if err != nil || total != 64<<20 || free != total-2*chunkBytes {
		t.Errorf("%d of %d bytes are free: %v", free, total, err)
	}
	for _, c := range []struct {
		bytes uint64
		want  string
	}{
		{1 << 40, "metal: a piece of memory on Fake M1 has at most 32.0 MiB: 1024.0 GiB were asked for"},
		{32 << 20, "metal: allocating 32.0 MiB on Fake M1: too little memory: 31.5 MiB of the 64.0 MiB that the system recommends"},
	} {
		first, err := d.Alloc(32 << 20)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Alloc(c.bytes); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%v, want %s", err, c.want)
		}
		check(t, d.Free(first, 32<<20))
	}
}

// TestLost has command buffers fail with each code. One error comes, clear, and from everything
// after it the same.
func TestLost(t *testing.T) {
	for code, want := range map[int]string{
		1: "driver failed", 2: "ran longer than", 3: "memory that is not its own", 4: "took the GPU away", 5: "unknown", 7: "in the background",
		8: "memory ran out", 9: "given back", 11: "was removed", 12: "stack overflowed",
	} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			s := fake.New(15, testMachine())
			s.Fail = map[string]map[int]fake.Error{"MTLCommandBuffer.error": {1: {Domain: "MTLCommandBufferErrorDomain", Code: code, Text: "unknown in a test"}}}
			d := opened(t, s, "")
			k := adder(t, d)
			x, err := d.Alloc(64)
			check(t, err)
			check(t, k.Launch(one, &addArgs{x, 16, 1}))
			check(t, d.Sync())
			check(t, k.Launch(one, &addArgs{x, 16, 1}))
			lost := d.Sync()
			var e *Error
			if !errors.As(lost, &e) || e.Code != code || e.OutOfMemory() != (code == 8) || !strings.Contains(lost.Error(), want) || !strings.Contains(lost.Error(), "nothing that was in the GPU's memory can be used") {
				t.Fatalf("%v, want %s", lost, want)
			}
			_, again := d.Alloc(16)
			for _, err := range []error{again, k.Launch(one, &addArgs{x, 16, 1}), d.Read(make([]int32, 1), x), d.Free(x, 64), d.Sync()} {
				if err != lost {
					t.Errorf("after that: %v", err)
				}
			}
			if d.awake.activity != 0 {
				t.Error("a device that is lost keeps the machine awake")
			}
		})
	}
}

// TestFailures has every call fail that can, first in the middle of work.
func TestFailures(t *testing.T) {
	for _, c := range []struct {
		call string
		n    int
		want string
	}{
		{"MTLCommandQueue.commandBuffer", 0, "metal: Fake M1 gives no command buffer"},
		{"MTLCommandBuffer.computeCommandEncoderWithDispatchType:", 0, "metal: Fake M1 gives no encoder"},
		{"MTLCommandBuffer.blitCommandEncoder", 0, "metal: Fake M1 gives no encoder of copies"},
		{"MTLDevice.newLibraryWithSource:options:error:", 0, "metal: compiling the kernel test of [] for Fake M1: for a test (TestDomain 77)"},
		{"MTLLibrary.newFunctionWithName:", 0, "metal: the kernel test has no add"},
		{"MTLDevice.newComputePipelineStateWithDescriptor:options:reflection:error:", 0, "metal: making machine code of add of test for Fake M1: for a test (TestDomain 77)"},
		{"MTLDevice.newBufferWithLength:options:", 2, "metal: allocating 64 bytes on Fake M1: too little memory"},
		{"MTLDevice.newBufferWithLength:options:", 3, "for the arguments of 1 launches"},
	} {
		t.Run(c.call, func(t *testing.T) {
			s := fake.New(15, testMachine())
			s.Fail = failing(c.call, c.n)
			d := opened(t, s, "")
			err := func() error {
				x, err := d.Alloc(64)
				if err != nil {
					return err
				}
				m, err := d.Build(source("text"))
				if err != nil {
					return err
				}
				k, err := m.Kernel("add", 0)
				if err != nil {
					return err
				}
				r, err := d.Record(func() error { return k.Launch(one, &addArgs{x, 16, 1}) })
				if err != nil {
					return err
				}
				defer r.Close()
				if err := r.Launch(); err != nil {
					return err
				}
				if err := d.Clear(x, 64); err != nil {
					return err
				}
				return k.Launch(one, &addArgs{x, 16, 1})
			}()
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %s", err, c.want)
			}
			// what failed once works the next time
			y, err := d.Alloc(64)
			check(t, err)
			check(t, adder(t, d).Launch(one, &addArgs{y, 16, 3}))
			got := make([]int32, 16)
			check(t, d.Read(got, y))
			if got[15] != 3 {
				t.Errorf("after the failure: %v", got)
			}
		})
	}
}

func TestLaunchesRefused(t *testing.T) {
	m := testMachine()
	m.Threads = 256
	d := opened(t, fake.New(15, m), "")
	built, err := d.Build(source("text"))
	check(t, err)
	if _, err := built.Kernel("add", 40<<10); err == nil || !strings.Contains(err.Error(), "at most 32768 bytes of threadgroup memory on Fake M1: 40960") {
		t.Errorf("too much memory: %v", err)
	}
	k, err := built.Kernel("add", 0)
	check(t, err)
	x, err := d.Alloc(64)
	check(t, err)
	for want, g := range map[string]gpu.Grid{
		"a group has at most 256 threads on Fake M1: 512":             {X: 1, Threads: 512},
		"at least 1 group of 1 thread: 0x1 groups of 32":              {Threads: 32},
		"at least 1 group of 1 thread: 1x1 groups of 0":               {X: 1},
		"at most 32768 bytes of threadgroup memory on Fake M1: 32769": {X: 1, Threads: 32, Shared: 32769},
	} {
		if err := k.Launch(g, &addArgs{x, 16, 1}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	for what, err := range map[string]error{
		"outside": d.Write(x+60, []int32{1, 2}), "before": d.Clear(x-4, 4), "behind": d.Copy(x, x+64, 4), "a part": d.Free(x+16, 16), "twice": errors.Join(d.Free(x, 64), d.Free(x, 64)),
	} {
		if err == nil {
			t.Errorf("memory %s is used", what)
		}
	}
}

// TestCompileErrors holds an error of the compiler to the file and line that it is in.
func TestCompileErrors(t *testing.T) {
	d := opened(t, fake.New(15, testMachine()), "")
	_, err := d.Build(&gpu.Source{Name: "attend", Exact: true, Main: "#include \"a.metalh\"\n#define X\n#include \"b.metal\"\n",
		Headers: map[string]string{"a.metalh": "#pragma once\n#include <metal_stdlib>\n", "b.metal": "#include \"a.metalh\"\n\n#error stop\n"}})
	if want := "metal: compiling the kernel attend of [a.metalh b.metal] for Fake M1: b.metal:3:2: error: stopped (MTLLibraryErrorDomain 3); docs/metal.md says"; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestFlatten(t *testing.T) {
	f := flatten(&gpu.Source{Name: "main", Main: "one\n#include \"a.metalh\"\n#include \"a.metalh\"\nlast", Headers: map[string]string{"a.metalh": "#pragma once\na\n"}})
	if want := "one\n\na\nlast\n"; f.text.String() != want {
		t.Errorf("%q, want %q", f.text.String(), want)
	}
	if want := []string{"main:1", "a.metalh:1", "a.metalh:2", "main:4"}; !slices.Equal(f.lines, want) {
		t.Errorf("lines %v, want %v", f.lines, want)
	}
	if got := f.told("program_source:3:7: error: x\nprogram_source:99:1"); got != "a.metalh:2:7: error: x\nprogram_source:99:1" {
		t.Errorf("told %q", got)
	}
	m := testMachine()
	d := opened(t, fake.New(15, m), "")
	for _, exact := range []bool{false, true} {
		_, err := d.Build(&gpu.Source{Name: "x", Main: "body\n", Exact: exact})
		check(t, err)
		text := m.Texts()[len(m.Texts())-1]
		if strings.Contains(text, "fp contract(off)") != exact || !strings.HasSuffix(text, "body\n") {
			t.Errorf("exact %v: %q", exact, text)
		}
	}
}

// TestArchive has files of machine code that are no use. Kernels work without them.
func TestArchive(t *testing.T) {
	folder := t.TempDir()
	run := func(s *fake.System) (added int) {
		t.Helper()
		d, err := OpenWith(s, 0, folder)
		check(t, err)
		adder(t, d)
		check(t, d.Close())
		if live := s.Live(); live != "" {
			t.Errorf("left: %s", live)
		}
		return s.Sent["MTLBinaryArchive.serializeToURL:error:"]
	}
	files := func() (names []string) {
		names, err := filepath.Glob(filepath.Join(folder, "*"))
		check(t, err)
		return names
	}
	if n := run(fake.New(15, testMachine())); n != 1 || len(files()) != 1 {
		t.Fatalf("%d archives written, %v", n, files())
	}
	if n := run(fake.New(15, testMachine())); n != 0 {
		t.Error("machine code that is kept is made again")
	}
	if run(fake.New(16, testMachine())); len(files()) != 2 {
		t.Errorf("another system has the files %v", files())
	}
	check(t, os.WriteFile(files()[0], []byte("cut off"), 0o666))
	check(t, os.WriteFile(files()[1], nil, 0o666))
	if n := run(fake.New(15, testMachine())); n != 1 {
		t.Errorf("a spoiled archive is written %d times", n)
	}
	for _, call := range []string{"MTLDevice.newBinaryArchiveWithDescriptor:error:", "MTLBinaryArchive.addComputePipelineFunctionsWithDescriptor:error:", "MTLBinaryArchive.serializeToURL:error:"} {
		check(t, os.RemoveAll(folder))
		s := fake.New(15, testMachine())
		s.Fail = failing(call, 0)
		run(s)
		if len(files()) != 0 {
			t.Errorf("%s fails, and there is %v", call, files())
		}
	}
}

// TestAwake has the machine sleep again when there is no work.
func TestAwake(t *testing.T) {
	s := fake.New(15, testMachine())
	d := opened(t, s, "")
	k := adder(t, d)
	x, err := d.Alloc(64)
	check(t, err)
	work := func() {
		check(t, k.Launch(one, &addArgs{x, 16, 1}))
		check(t, d.Sync())
	}
	if d.awake.activity != 0 {
		t.Error("there is no work, and the machine is kept awake")
	}
	work()
	work()
	d.awake.look(d)
	if s.Sent["NSProcessInfo.beginActivityWithOptions:reason:"] != 1 || d.awake.activity == 0 {
		t.Error("there is work, and the machine may sleep")
	}
	d.awake.last = time.Now().Add(-2 * pause)
	d.awake.look(d)
	if s.Sent["NSProcessInfo.endActivity:"] != 1 || d.awake.activity != objc.ID(0) {
		t.Error("there is no work any more, and the machine is kept awake")
	}
	work()
	if s.Sent["NSProcessInfo.beginActivityWithOptions:reason:"] != 2 {
		t.Error("there is work again, and the machine may sleep")
	}
}

func TestClosed(t *testing.T) {
	d := opened(t, fake.New(15, testMachine()), "")
	check(t, d.Close())
	check(t, d.Close())
	if _, err := d.Alloc(16); err != errClosed {
		t.Errorf("a closed device: %v", err)
	}
}

func TestSourceFolder(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) { check(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666)) }
	if _, err := readSource(filepath.Join(dir, "none"), nil, nil); err == nil {
		t.Error("a folder that there is not")
	}
	put("own.metalh", "of no name")
	put("README", "no kernel")
	if _, err := readSource(dir, nil, nil); err == nil || !strings.Contains(err.Error(), "no file of "+dir+" has the name of one of the program") {
		t.Errorf("a folder without kernels: %v", err)
	}
	put("encoder.metalh", "mine")
	var told string
	more, err := readSource(dir, func(file string) (string, bool) { return "more", file == "type-x.metalh" }, func(s string) { told = s })
	check(t, err)
	if want := "kernels are made with files of " + dir + ": encoder.metalh; of no name that the program has: own.metalh"; told != want {
		t.Errorf("%s, want %s", told, want)
	}
	dialect := NewDialect(more)
	for file, want := range map[string]string{"encoder.metalh": "mine", "own.metalh": "of no name", "type-x.metalh": "more"} {
		if text, ok := dialect.Text(file); !ok || text != want {
			t.Errorf("%s is %q", file, text)
		}
	}
	if text, _ := dialect.Text("type-f16.metalh"); !strings.Contains(text, "Type_f16") {
		t.Error("what the folder lacks is not that of the program")
	}
	put("encoder.metalh", strings.Repeat("x", mostSource+1))
	if _, err := readSource(dir, nil, nil); err == nil || !strings.Contains(err.Error(), "at most 1.0 MiB") {
		t.Errorf("a file without an end: %v", err)
	}
}
