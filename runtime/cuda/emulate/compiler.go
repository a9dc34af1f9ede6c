//go:build emulate

package emulate

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"unsafe"

	"github.com/kvgen/kvgen/runtime/internal/fibres"
)

//go:embed device
var device embed.FS

// replaced is the header of the project that holds instructions, and what takes its place.
const replaced, replacement = "warp.cuh", "warp.h"

// flags of g++ for kernels. Nothing is fused, with or without --fmad=false. A misaligned access and
// an index outside an array trap.
var flags = []string{"-O1", "-std=c++17", "-fPIC", "-ffp-contract=off", "-fno-strict-aliasing", "-fno-exceptions", "-fno-rtti", "-fno-gnu-unique",
	"-fno-stack-protector", "-fwrapv", "-w"}

// Folder is where images of kernels are kept that this version of the emulation made: a folder for
// cuda.Folder.
func Folder() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = os.TempDir()
	}
	return filepath.Join(dir, "kvrun", "emulate-"+version()[:16])
}

// version is the hash of what the emulation adds to a source.
var version = sync.OnceValue(func() string {
	h := sha256.New()
	for _, files := range []fs.FS{device, fibres.Files} {
		fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			b, err := fs.ReadFile(files, name)
			fmt.Fprintf(h, "%s %d:%s", name, len(b), b)
			return err
		})
	}
	fmt.Fprint(h, flags)
	return hex.EncodeToString(h.Sum(nil))
})

// unpack writes the emulation's own files into a folder.
func unpack(dir string) error {
	text, err := fibres.Files.ReadFile("device/scheduler.h")
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "scheduler.h"), text, 0o666)
	}
	if err != nil {
		return err
	}
	files, err := device.ReadDir("device")
	if err != nil {
		return err
	}
	for _, f := range files {
		b, err := device.ReadFile("device/" + f.Name())
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, f.Name()), b, 0o666); err != nil {
			return err
		}
	}
	return nil
}

// program is one that was created and perhaps compiled.
type program struct {
	name, main string
	headers    map[string]string
	image      []byte
	log        string
}

// Results of NVRTC.
const (
	badInput    = 3
	badProgram  = 4
	failed      = 6
	unsupported = 5
)

// Compiler is an NVRTC that compiles for the emulated device.
func Compiler() *Library {
	var mu sync.Mutex
	programs := map[uintptr]*program{}
	next := uintptr(1)
	get := func(p uintptr) *program {
		mu.Lock()
		defer mu.Unlock()
		return programs[p]
	}
	size := func(of func(*program) []byte) func(uintptr, *uint64) int32 {
		return func(p uintptr, n *uint64) int32 {
			if get(p) == nil {
				return badProgram
			}
			*n = uint64(len(of(get(p))))
			return 0
		}
	}
	content := func(of func(*program) []byte) func(uintptr, *byte) int32 {
		return func(p uintptr, out *byte) int32 {
			if get(p) == nil {
				return badProgram
			}
			b := of(get(p))
			copy(unsafe.Slice(out, len(b)), b)
			return 0
		}
	}
	log := func(p *program) []byte { return append([]byte(p.log), 0) }
	image := func(p *program) []byte { return p.image }
	return &Library{"emulated NVRTC", map[string]any{
		"nvrtcVersion":              func(major, minor *int32) int32 { *major, *minor = 13, 0; return 0 },
		"nvrtcGetErrorString":       func(code int32) *byte { return cString(fmt.Sprintf("NVRTC error %d", code)) },
		"nvrtcGetNumSupportedArchs": func(n *int32) int32 { *n = 1; return 0 },
		"nvrtcGetSupportedArchs":    func(archs *int32) int32 { *archs = arch; return 0 },
		"nvrtcCreateProgram": func(p *uintptr, main, name *byte, n int32, texts, names unsafe.Pointer) int32 {
			q := &program{name: goString(name), main: goString(main), headers: map[string]string{}}
			for i := range n {
				q.headers[goString(unsafe.Slice((**byte)(names), n)[i])] = goString(unsafe.Slice((**byte)(texts), n)[i])
			}
			mu.Lock()
			defer mu.Unlock()
			programs[next] = q
			*p = next
			next++
			return 0
		},
		"nvrtcDestroyProgram": func(p *uintptr) int32 {
			mu.Lock()
			defer mu.Unlock()
			delete(programs, *p)
			return 0
		},
		"nvrtcCompileProgram": func(p uintptr, n int32, options unsafe.Pointer) int32 {
			q := get(p)
			if q == nil {
				return badProgram
			}
			var list []string
			for _, o := range unsafe.Slice((**byte)(options), n) {
				list = append(list, goString(o))
			}
			if err := q.compile(list); err != nil {
				q.log += err.Error() + "\n"
				return failed
			}
			return 0
		},
		"nvrtcGetProgramLogSize": size(log),
		"nvrtcGetProgramLog":     content(log),
		"nvrtcGetCUBINSize":      size(image),
		"nvrtcGetCUBIN":          content(image),
		"nvrtcGetPTXSize":        func(uintptr, *uint64) int32 { return unsupported },
		"nvrtcGetPTX":            func(uintptr, *byte) int32 { return unsupported },
	}}
}

// compile makes a shared library of the program. The preprocessed text is looked through for
// kernels, and each gets a function that the device can call.
func (p *program) compile(options []string) error {
	dir, err := os.MkdirTemp("", "emulate")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var names []string
	put := func(name, text string) {
		if err == nil && !filepath.IsLocal(name) {
			err = fmt.Errorf("the header name %q", name)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666)
		}
		names = append(names, name)
	}
	for name, text := range p.headers {
		put(name, text)
	}
	put(p.name, p.main)
	if err == nil {
		err = unpack(dir)
	}
	if err == nil && p.headers[replaced] != "" {
		err = os.WriteFile(filepath.Join(dir, replaced), []byte("#include \""+replacement+"\"\n"), 0o666)
	}
	if err != nil {
		return err
	}
	args := append([]string{"-E", "-x", "c++", "-include", "collective.h"}, flags...)
	for _, o := range options {
		if strings.HasPrefix(o, "-D") {
			args = append(args, o)
		}
		if d, ok := strings.CutPrefix(o, "--define-macro="); ok {
			args = append(args, "-D"+d)
		}
	}
	text, err := p.run(dir, append(args, p.name)...)
	if err != nil {
		return err
	}
	text, err = withEntries(text)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "entries.ii"), text, 0o666); err != nil {
		return err
	}
	args = append([]string{"-shared", "-Wl,-Bsymbolic", "-o", "image.so"}, flags...)
	if _, err := p.run(dir, append(args, "entries.ii")...); err != nil {
		return err
	}
	p.image, err = os.ReadFile(filepath.Join(dir, "image.so"))
	return err
}

func (p *program) run(dir string, args ...string) ([]byte, error) {
	cmd := exec.Command("g++", args...)
	cmd.Dir = dir
	var log bytes.Buffer
	cmd.Stderr = &log
	out, err := cmd.Output()
	p.log += log.String()
	if err != nil {
		return nil, fmt.Errorf("g++: %w", err)
	}
	return out, nil
}
