package cuda

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"unsafe"

	"github.com/kvgen/kvgen/runtime/cuda/builtin"
	"github.com/kvgen/kvgen/runtime/gpu"
)

// ErrNoCompiler says that a kernel had to be compiled and NVRTC is not there.
var ErrNoCompiler error = gpu.NoCompiler("NVRTC, the CUDA run-time compiler, is needed to compile a kernel for the first time (package cuda-nvrtc, or pip install nvidia-cuda-nvrtc)")

// Compiler makes images for a GPU of sources. It keeps them in a folder, and loads NVRTC only for
// what is not there. Where there is no NVRTC it takes what comes with the program.
type Compiler struct {
	Files   []string // where NVRTC may be, before the usual places
	Only    bool     // it is not looked for in the usual places
	Library Library  // NVRTC itself, in place of a file
	Folder  *Folder  // nil: nothing is kept
	// is told, once, that kernels are used that come with the program; nil for nobody
	Notice func(text string)

	// NVRTC is started once and compiles one program at a time, whatever the threads
	mu      sync.Mutex
	api     *compilerAPI
	lib     string
	err     error                            // why there is no NVRTC
	arch    []int                            // that it knows, ascending
	builtin func() (*builtin.Archive, error) // nil for builtin.Kernels
	noticed bool
}

// Target is what an image is made for.
type Target struct {
	Arch   int // compute capability, 90 for 9.0
	Driver int // Device.DriverVersion
}

// Image is a compiled program, and how it came about.
type Image struct {
	Code    []byte // a cubin, or PTX with a final 0
	Cached  bool
	BuiltIn *BuiltIn // nil for one that was made here
	Log     string   // of the compiler
}

// Compile returns the image of a source.
func (c *Compiler) Compile(s *gpu.Source, t Target) (*Image, error) {
	key := imageKey(s, t)
	if code, ok := c.Folder.Get(key); ok {
		return &Image{Code: code, Cached: true}, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.start(openLibrary); err != nil {
		return c.builtIn(s, t.Arch, err)
	}
	option, ptx, err := c.target(t.Arch)
	if err != nil {
		return nil, err
	}
	image, err := c.compile(s, ptx, option)
	if err != nil {
		return nil, err
	}
	if err := c.Folder.Put(key, image.Code); err != nil {
		image.Log += "not kept: " + err.Error() + "\n"
	}
	return image, nil
}

// imageKey is the hash of everything that an image depends on. The compiler's version is not in it:
// what one version made is as right as what another would, and the image can be used where there is
// no compiler.
func imageKey(s *gpu.Source, t Target) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s sm_%d driver %d", sourceHash(s), t.Arch, t.Driver)
	return hex.EncodeToString(h.Sum(nil))
}

// sourceHash is that of the texts that are compiled, without their comments, and of the options.
func sourceHash(s *gpu.Source) string {
	h := sha256.New()
	put := func(part string) { fmt.Fprintf(h, "%d:%s", len(part), part) }
	put(uncommented(s.Main))
	for _, name := range slices.Sorted(maps.Keys(s.Headers)) {
		put(name)
		put(uncommented(s.Headers[name]))
	}
	put(strings.Join(options(s), "\n"))
	return hex.EncodeToString(h.Sum(nil))
}

// uncommented is a text without its comments, the blanks before them and the lines that are empty
// then. A frame whose comments alone are changed makes the same kernel, so what was compiled of it
// before can be used. A program is hashed whenever it is asked for, hundreds of times for a model,
// so this is one walk over the text.
func uncommented(text string) string {
	var out strings.Builder
	out.Grow(len(text))
	for line := range strings.Lines(text) {
		if at := commentAt(line); at >= 0 {
			line = strings.TrimRight(line[:at], " \t") + line[len(strings.TrimSuffix(line, "\n")):]
		}
		if line != "\n" {
			out.WriteString(line)
		}
	}
	return out.String()
}

// commentAt is where the comment of a line begins, -1 for none. A literal, in which // is none,
// ends on its line.
func commentAt(line string) int {
	if !strings.Contains(line, "//") {
		return -1
	}
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '"' || c == '\'':
			if n := literal(line[i:]); n > 0 {
				i += n - 1
			}
		case strings.HasPrefix(line[i:], "//"):
			return i
		}
	}
	return -1
}

// literal is the length of the literal that a text begins with, 0 where its quote is not closed.
func literal(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case s[0]:
			return i + 1
		case '\\':
			i++
		}
	}
	return 0
}

// options are those of a source, but for the architecture.
func options(s *gpu.Source) []string {
	if s.Exact {
		return []string{"--fmad=false"}
	}
	return nil
}

// start loads NVRTC.
func (c *Compiler) start(open func(string) (Library, error)) error {
	if c.api != nil || c.err != nil {
		return c.err
	}
	c.err = func() error {
		// NVRTC finds its second library by name alone; loaded first, it is found
		for _, f := range c.Files {
			if more, _ := filepath.Glob(filepath.Join(filepath.Dir(f), "*nvrtc-builtins*")); strings.ContainsAny(f, `/\`) {
				for _, b := range more {
					if !strings.Contains(b, ".alt.") {
						open(b)
					}
				}
			}
		}
		lib := c.Library
		if lib == nil {
			var err error
			files := c.Files
			if !c.Only {
				files = slices.Concat(files, compilerFiles)
			}
			if len(files) == 0 {
				return errors.New("it is not to be used")
			}
			if lib, err = openFirst(open, files); err != nil {
				return err
			}
		}
		a := &compilerAPI{}
		if err := bindAll(lib, a); err != nil {
			return err
		}
		var n int32
		if code := a.ArchCount(&n); code != 0 || n < 1 {
			return fmt.Errorf("%s: no list of architectures: %s", lib.Name(), text(a.ErrorText(code)))
		}
		archs := make([]int32, n)
		if code := a.Archs(&archs[0]); code != 0 {
			return fmt.Errorf("%s: no list of architectures: %s", lib.Name(), text(a.ErrorText(code)))
		}
		for _, v := range archs {
			c.arch = append(c.arch, int(v))
		}
		slices.Sort(c.arch)
		c.api, c.lib = a, lib.Name()
		return nil
	}()
	return c.err
}

// target is the option for a GPU, and whether the result is PTX: that of the newest architecture
// that the compiler knows, for a GPU that is newer still.
func (c *Compiler) target(arch int) (option string, ptx bool, err error) {
	if slices.Contains(c.arch, arch) {
		return fmt.Sprintf("--gpu-architecture=sm_%d", arch), false, nil
	}
	for _, known := range slices.Backward(c.arch) {
		if known < arch {
			return fmt.Sprintf("--gpu-architecture=compute_%d", known), true, nil
		}
	}
	return "", false, fmt.Errorf("cuda: %s compiles for compute capability %d.%d and up, the GPU has %d.%d", c.lib, c.arch[0]/10, c.arch[0]%10, arch/10, arch%10)
}

// compile makes PTX or a cubin; target is the option that says for what, and more may follow.
func (c *Compiler) compile(s *gpu.Source, ptx bool, target string, more ...string) (*Image, error) {
	options := slices.Concat([]string{target, "--std=c++17", "--device-as-default-execution-space"}, options(s), more)
	var pin runtime.Pinner
	defer pin.Unpin()
	names := slices.Sorted(maps.Keys(s.Headers))
	var texts []string
	for _, n := range names {
		texts = append(texts, s.Headers[n])
	}
	var p uintptr
	fail := func(code int32, what string) error {
		if code == 0 {
			return nil
		}
		return fmt.Errorf("cuda: kernel %s: %s failed to %s: %s", s.Name, c.lib, what, text(c.api.ErrorText(code)))
	}
	code := c.api.Create(&p, cString(s.Main), cString(s.Name+".cu"), int32(len(names)), cStrings(texts, &pin), cStrings(names, &pin))
	if err := fail(code, "take the program"); err != nil {
		return nil, err
	}
	defer c.api.Destroy(&p)
	code = c.api.Compile(p, int32(len(options)), cStrings(options, &pin))
	log := c.log(p)
	if err := fail(code, "compile it"); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, log)
	}
	sizeOf, get := c.api.CubinSize, c.api.Cubin
	if ptx {
		sizeOf, get = c.api.PTXSize, c.api.PTX
	}
	var n uint64
	if err := fail(sizeOf(p, &n), "give its size"); err != nil {
		return nil, err
	}
	if n == 0 || n > 1<<30 {
		return nil, fmt.Errorf("cuda: kernel %s: %s made an image of %d bytes", s.Name, c.lib, n)
	}
	image := make([]byte, n)
	if err := fail(get(p, unsafe.SliceData(image)), "give the image"); err != nil {
		return nil, err
	}
	return &Image{Code: image, Log: log}, nil
}

func (c *Compiler) log(p uintptr) string {
	var n uint64
	if c.api.LogSize(p, &n) != 0 || n < 2 || n > 1<<24 {
		return ""
	}
	b := make([]byte, n)
	if c.api.Log(p, unsafe.SliceData(b)) != 0 {
		return ""
	}
	return strings.TrimRight(string(b), "\x00")
}
