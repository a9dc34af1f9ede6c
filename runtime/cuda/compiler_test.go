package cuda

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/gpu/attend"
	"github.com/kvgen/kvgen/runtime/gpu/rows"
)

// fakeCompiler is an NVRTC that knows the given architectures; the image is the last option list
// and the text.
func fakeCompiler(archs ...int32) (lib fake, compiled *int) {
	compiled = new(int)
	var option string
	ok := func(p uintptr, out *byte) int32 { copy(unsafe.Slice(out, len(option)), option); return 0 }
	length := func(p uintptr, n *uint64) int32 { *n = uint64(len(option)); return 0 }
	return fake{"libfakertc.so", map[string]any{
		"nvrtcVersion":              func(major, minor *int32) int32 { *major, *minor = 13, 0; return 0 },
		"nvrtcGetErrorString":       func(code int32) *byte { return cString(fmt.Sprint("NVRTC_ERROR_", code)) },
		"nvrtcGetNumSupportedArchs": func(n *int32) int32 { *n = int32(len(archs)); return 0 },
		"nvrtcGetSupportedArchs":    func(p *int32) int32 { copy(unsafe.Slice(p, len(archs)), archs); return 0 },
		"nvrtcCreateProgram": func(p *uintptr, main, name *byte, n int32, texts, names unsafe.Pointer) int32 {
			*p = 1
			return 0
		},
		"nvrtcDestroyProgram": func(p *uintptr) int32 { return 0 },
		"nvrtcCompileProgram": func(p uintptr, n int32, options unsafe.Pointer) int32 {
			*compiled++
			option = goString(unsafe.Slice((**byte)(options), n)[0])
			if strings.Contains(option, "bad") {
				return 6
			}
			return 0
		},
		"nvrtcGetProgramLogSize": func(p uintptr, n *uint64) int32 { *n = 4; return 0 },
		"nvrtcGetProgramLog":     func(p uintptr, out *byte) int32 { copy(unsafe.Slice(out, 4), "log\x00"); return 0 },
		"nvrtcGetCUBINSize":      length,
		"nvrtcGetCUBIN":          ok,
		"nvrtcGetPTXSize":        length,
		"nvrtcGetPTX":            ok,
	}}, compiled
}

func started(t *testing.T, folder *Folder, archs ...int32) (*Compiler, *int) {
	t.Helper()
	lib, compiled := fakeCompiler(archs...)
	c := &Compiler{Folder: folder}
	if err := c.start(func(string) (Library, error) { return lib, nil }); err != nil {
		t.Fatal(err)
	}
	return c, compiled
}

var anySource = &gpu.Source{Name: "any", Main: "#include \"h\"\nvoid f() {}", Headers: map[string]string{"h": "text"}}

// TestTarget asks for the GPU's own code where NVRTC can make it, for PTX that the driver
// translates where the GPU is newer.
func TestTarget(t *testing.T) {
	for arch, want := range map[int]string{90: "--gpu-architecture=sm_90", 89: "--gpu-architecture=compute_80", 120: "--gpu-architecture=compute_90"} {
		c, _ := started(t, nil, 90, 75, 80)
		image, err := c.Compile(anySource, Target{Arch: arch})
		if err != nil || string(image.Code) != want {
			t.Errorf("%d: %v, %v", arch, image, err)
		}
	}
	c, _ := started(t, nil, 80, 90)
	if _, err := c.Compile(anySource, Target{Arch: 75}); err == nil || !strings.Contains(err.Error(), "compiles for compute capability 8.0 and up, the GPU has 7.5") {
		t.Errorf("%v", err)
	}
}

func TestNoCompiler(t *testing.T) {
	c := &Compiler{}
	c.start(func(name string) (Library, error) { return nil, fmt.Errorf("%s cannot be loaded", name) })
	_, err := c.Compile(anySource, Target{Arch: 90})
	if !errors.Is(err, ErrNoCompiler) || !strings.Contains(err.Error(), "kernel any") || !strings.Contains(err.Error(), compilerFiles[0]) {
		t.Errorf("%v", err)
	}
}

// TestFolder compiles once, and again when anything that the image depends on changes or the file
// is not as it was written.
func TestFolder(t *testing.T) {
	folder := &Folder{filepath.Join(t.TempDir(), "kernels")}
	c, compiled := started(t, folder, 90)
	compile := func(s *gpu.Source, target Target, wantCompiled bool) {
		t.Helper()
		before := *compiled
		image, err := c.Compile(s, target)
		if err != nil || image.Cached == wantCompiled || *compiled-before != map[bool]int{true: 1}[wantCompiled] {
			t.Fatalf("%+v, %v, %d times compiled", image, err, *compiled-before)
		}
		if string(image.Code) != "--gpu-architecture=sm_90" {
			t.Fatalf("image %q", image.Code)
		}
	}
	target := Target{Arch: 90, Driver: 13000}
	compile(anySource, target, true)
	compile(anySource, target, false)
	compile(anySource, Target{Arch: 90, Driver: 13010}, true)
	compile(&gpu.Source{Name: "any", Main: anySource.Main, Headers: map[string]string{"h": "other"}}, target, true)
	compile(&gpu.Source{Name: "any", Main: anySource.Main, Headers: anySource.Headers, Exact: true}, target, true)
	file := folder.file(imageKey(anySource, target))
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	flipped := append([]byte(nil), good...)
	flipped[len(flipped)-1] ^= 1
	for _, bad := range [][]byte{nil, good[:10], good[:len(good)-1], flipped, append(good[:len(good):len(good)], 0)} {
		if err := os.WriteFile(file, bad, 0o666); err != nil {
			t.Fatal(err)
		}
		compile(anySource, target, true)
		compile(anySource, target, false)
	}
	if left, _ := filepath.Glob(filepath.Join(folder.Path, "new-*")); len(left) != 0 {
		t.Errorf("left over: %q", left)
	}
}

// TestFolderShared writes and reads one key from many sides at once: a reader sees a whole image or
// none.
func TestFolderShared(t *testing.T) {
	folder := &Folder{t.TempDir()}
	image := []byte(strings.Repeat("image", 10000))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				if err := folder.Put("key", image); err != nil {
					t.Error(err)
				}
				if b, ok := folder.Get("key"); ok && len(b) != len(image) {
					t.Errorf("read %d of %d bytes", len(b), len(image))
				}
			}
		})
	}
	wg.Wait()
	if _, ok := folder.Get("key"); !ok {
		t.Error("nothing was kept")
	}
}

// TestFolderReadOnly still compiles, and says what it could not keep.
func TestFolderReadOnly(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	c, _ := started(t, &Folder{filepath.Join(file, "below")}, 90)
	image, err := c.Compile(anySource, Target{Arch: 90})
	if err != nil || !strings.Contains(image.Log, "not kept") {
		t.Errorf("%+v, %v", image, err)
	}
}

// TestSources puts together the programs of every pair of types and every rotation: each struct
// that a program names is included, and before it is used.
func TestSources(t *testing.T) {
	n := 0
	for _, k := range kernels.Default().Types() {
		for _, v := range kernels.Default().Types() {
			for _, dim := range []int{40, 64, 72, 80, 96, 112, 128, 192, 256, 512, 576} {
				if k.Fits(dim) != nil || v.Fits(dim) != nil {
					continue
				}
				key, value := rows.Side{Type: k, Dim: dim}, rows.Side{Type: v, Dim: dim}
				for _, r := range kernels.Default().Rotations() {
					if r.Fits(dim, k.Quantised) == nil {
						key.Rotation = r
					}
				}
				a := attend.Shape{Key: key, Value: value}
				s, err := a.Source(generated)
				if err != nil {
					t.Fatal(err)
				}
				n++
				if n := attend.SliceOf(rows.Pair{Key: key, Value: value}); value.Row()%n != 0 || n%16 != 0 || n != value.Row() && v.Quantised && (n%64 != 0 || n%v.Block != 0 && v.Block%n != 0) {
					t.Errorf("%s: rows of %d in slices of %d", s.Name, value.Row(), attend.SliceOf(rows.Pair{Key: key, Value: value}))
				}
				for _, line := range strings.Split(s.Main, "\n") {
					if name, ok := strings.CutPrefix(line, "#include "); ok && s.Headers[strings.Trim(name, `"`)] == "" {
						t.Errorf("%s: nothing for %s", s.Name, line)
					}
				}
				for _, name := range []string{k.Name, v.Name} {
					if !strings.Contains(s.Headers["type-"+name+".cuh"], "struct ") || strings.Count(s.Main, "type-"+name+".cuh") != 1 {
						t.Errorf("%s: the struct of %s is not there once", s.Name, name)
					}
				}
			}
		}
	}
	if n < 1000 {
		t.Errorf("%d programs", n)
	}
}

func TestMissingText(t *testing.T) {
	s := rows.Side{Type: &kernels.Type{Name: "unheard_of", Block: 32, Bytes: 18, KV: true}, Dim: 64}
	if _, err := rows.StoreSource(generated, s, true); err == nil || !strings.Contains(err.Error(), "type unheard_of") {
		t.Errorf("%v", err)
	}
}

// TestTexts has a compiler find a type that is not of the table, what that includes, and all others
// still.
func TestTexts(t *testing.T) {
	d, _ := opened(t)
	s := rows.Side{Type: &kernels.Type{Name: "own", Block: 32, Bytes: 18, KV: true}, Dim: 64}
	c, compiled := started(t, nil, 90)
	d.Compiler = c
	if _, err := rows.New(gpu.NewQueue(d), s, true, 1, 64); err == nil || !strings.Contains(err.Error(), "type own") || *compiled != 0 {
		t.Errorf("without texts: %v", err)
	}
	texts := map[string]string{"type-own.cuh": "#include \"transform-turn.cuh\"\nstruct Own {};\n", "transform-turn.cuh": "struct Turn {};\n"}
	d.more = func(name string) (string, bool) { text, ok := texts[name]; return text, ok }
	rows.New(gpu.NewQueue(d), s, true, 1, 64)
	if *compiled != 1 {
		t.Error("its program was not compiled")
	}
	src, err := rows.StoreSource(d.Dialect(), s, true)
	if err != nil || src.Headers["transform-turn.cuh"] == "" || strings.Contains(src.Main, "turn") {
		t.Errorf("%v: %+v", err, src)
	}
	delete(texts, "transform-turn.cuh")
	if _, err := rows.StoreSource(d.Dialect(), s, true); err == nil || !strings.Contains(err.Error(), "no kernel text for the file transform-turn.cuh") {
		t.Errorf("half of it: %v", err)
	}
}
