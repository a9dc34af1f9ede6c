package cuda

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/cuda/builtin"
	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/gpu/attend"
	"github.com/kvgen/kvgen/runtime/gpu/rows"
)

// without is a compiler with no NVRTC, with PTX of anySource, and what it was told.
func without(folder *Folder, archs ...int) (c *Compiler, told *[]string) {
	told = new([]string)
	a := &builtin.Archive{Major: 12}
	for _, arch := range archs {
		a.Kernels = append(a.Kernels, builtin.Kernel{Name: "any", Hash: sourceHash(anySource), Arch: arch, PTX: fmt.Sprint("ptx of ", arch)})
	}
	c = &Compiler{Files: []string{"libkvrun-has-no-such-compiler.so"}, Only: true, Folder: folder,
		Notice: func(text string) { *told = append(*told, text) }, builtin: func() (*builtin.Archive, error) { return a, nil }}
	return c, told
}

// TestBuiltInUsed has no NVRTC, and the kernel comes with the program: it is for the newest
// architecture that is not newer than the GPU, is said once, and is not kept as something that was
// compiled.
func TestBuiltInUsed(t *testing.T) {
	folder := &Folder{filepath.Join(t.TempDir(), "kernels")}
	c, told := without(folder, 80, 90)
	for arch, want := range map[int]string{80: "ptx of 80\x00", 89: "ptx of 80\x00", 90: "ptx of 90\x00", 120: "ptx of 90\x00"} {
		image, err := c.Compile(anySource, Target{Arch: arch})
		if err != nil || string(image.Code) != want || image.BuiltIn == nil || image.Cached {
			t.Errorf("%d: %+v, %v", arch, image, err)
		}
	}
	if len(*told) != 1 {
		t.Fatalf("told %q", *told)
	}
	for _, want := range []string{"come with the program", "a driver for CUDA 12.0 (525) or newer", "pip install nvidia-cuda-nvrtc", "libkvrun-has-no-such-compiler.so cannot be loaded"} {
		if !strings.Contains((*told)[0], want) {
			t.Errorf("%q says nothing of %q", (*told)[0], want)
		}
	}
	// Where there is NVRTC it is used, and nothing is told.
	lib, compiled := fakeCompiler(90)
	c, told = without(folder, 80, 90)
	c.Library = lib
	if image, err := c.Compile(anySource, Target{Arch: 90}); err != nil || *compiled != 1 || image.BuiltIn != nil || len(*told) != 0 {
		t.Errorf("with NVRTC: %+v, %v, told %q", image, err, *told)
	}
}

// TestBuiltInMissing has no NVRTC and a kernel that does not come with the program: of another
// source, of another architecture, or of a type that the real archive has not.
func TestBuiltInMissing(t *testing.T) {
	c, told := without(nil, 80)
	changed := *anySource
	changed.Main += " "
	_, err := c.Compile(&changed, Target{Arch: 90})
	_, older := c.Compile(anySource, Target{Arch: 75})
	c.builtin = nil
	odd := rows.Side{Type: kernels.Default().ByName("turbo2"), Dim: 576}
	s, e := attend.Shape{Key: odd, Value: odd}.Source(generated)
	if e != nil {
		t.Fatal(e)
	}
	_, real := c.Compile(s, Target{Arch: 90})
	for _, x := range []struct {
		err  error
		want string
	}{{err, "kernel any for compute capability 9.0"}, {older, "kernel any for compute capability 7.5"}, {real, "kernel attend-turbo2-turbo2-576-576 for compute capability 9.0"}} {
		for _, want := range []string{x.want, "does not come with the program", "pip install nvidia-cuda-nvrtc", "libkvrun-has-no-such-compiler.so", "weights of f32, f16", "q8_0/q8_0 for heads of 64"} {
			if !errors.Is(x.err, ErrNoCompiler) || !strings.Contains(x.err.Error(), want) {
				t.Errorf("%q says nothing of %q", x.err, want)
			}
		}
	}
	if len(*told) != 0 {
		t.Errorf("told %q", *told)
	}
	c.builtin = func() (*builtin.Archive, error) { return nil, errors.New("damaged") }
	if _, err := c.Compile(anySource, Target{Arch: 90}); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("a damaged archive: %v", err)
	}
}

// TestUse names one NVRTC, or none: no other is tried, and with none nothing is taken that was
// compiled before.
func TestUse(t *testing.T) {
	folder := &Folder{t.TempDir()}
	if err := folder.Put(imageKey(anySource, Target{Arch: 90}), []byte("compiled before")); err != nil {
		t.Fatal(err)
	}
	lib, _ := fakeCompiler(90)
	for file, want := range map[string]string{NoCompiler: "it is not to be used", "/none/libnvrtc.so": "/none/libnvrtc.so cannot be loaded"} {
		c, told := without(folder, 90)
		c.Library = lib
		c.Use(file)
		if file != NoCompiler {
			c.Folder = nil
		}
		image, err := c.Compile(anySource, Target{Arch: 90})
		if err != nil || image.BuiltIn == nil || len(*told) != 1 || !strings.Contains((*told)[0], want) {
			t.Errorf("%s: %+v, %v, told %q", file, image, err, *told)
		}
	}
}

// TestBuiltInRefused has a driver that does not take the PTX.
func TestBuiltInRefused(t *testing.T) {
	for code, want := range map[int32][]string{
		222: {"loading the kernel any on Fake GPU", "CUDA_ERROR_222", "needs a driver for CUDA 12.0 (525) or newer", "this one is for CUDA 13.0", "NVRTC"},
		221: {"CUDA_ERROR_221", "libnvidia-ptxjitcompiler", "NVRTC"},
		218: {"CUDA_ERROR_218", "PTX of compute_80", "NVRTC"},
	} {
		d, state := opened(t)
		state.fail["cuModuleLoadData"] = code
		d.Compiler, _ = without(nil, 80)
		_, err := d.Build(anySource)
		for _, w := range want {
			if err == nil || !strings.Contains(err.Error(), w) {
				t.Errorf("%d: %v says nothing of %q", code, err, w)
			}
		}
		// What was compiled here is refused for other reasons.
		lib, _ := fakeCompiler(90)
		d.Compiler = &Compiler{Library: lib}
		if _, err := d.Build(anySource); err == nil || strings.Contains(err.Error(), "comes with the program") {
			t.Errorf("%d, compiled here: %v", code, err)
		}
	}
}

// TestBuiltInEarly starts blocks early only where their code waits for what came before: code of
// compute_80 does not.
func TestBuiltInEarly(t *testing.T) {
	for _, c := range []struct {
		gpu   int32
		archs []int
		want  bool
	}{{90, []int{80, 90}, true}, {90, []int{80}, false}, {100, []int{90}, true}, {80, []int{80}, false}} {
		d, _ := opened(t)
		d.Arch = int(c.gpu)
		d.Compiler, _ = without(nil, c.archs...)
		m, err := d.Build(anySource)
		if err != nil {
			t.Fatal(err)
		}
		f, err := m.Kernel("f", 0)
		if err != nil {
			t.Fatal(err)
		}
		if early := f.Overlap().(*kernel).early; early != c.want {
			t.Errorf("sm_%d with PTX of %v: early %t", c.gpu, c.archs, early)
		}
	}
}

// TestHashOfComments: what the compiler does not see does not make a kernel stale; all else does,
// also what looks like a comment.
func TestHashOfComments(t *testing.T) {
	hash := func(text string) string {
		return sourceHash(&gpu.Source{Main: "int a; // one\n#include \"a\"\n", Headers: map[string]string{"a": text}})
	}
	was := hash("  // The sum.\n  int b = '/' / 2; // \"half\n\n  say(\"a // b\");\n")
	if hash("\tint b") == was || hash("  int b = '/' / 2;\n  // text\n  say(\"a // b\"); // more\n") != was {
		t.Error("a comment changes the hash, or the code does not")
	}
	if hash("  int b = '/' / 2;\n  say(\"a // c\");\n") == was || hash("  int b = '/' / 3;\n  say(\"a // b\");\n") == was {
		t.Error("a literal does not change the hash")
	}
}

// BenchmarkSourceHash is what every request for a program costs, hundreds of times for a model.
func BenchmarkSourceHash(b *testing.B) {
	s := &gpu.Source{Main: "x", Headers: map[string]string{"a": strings.Repeat("  int b = '/' / 2; // \"half\n  // The sum.\n  say(\"a\");\n", 2000)}}
	b.SetBytes(int64(len(s.Headers["a"])))
	for b.Loop() {
		sourceHash(s)
	}
}
