//go:build linux || darwin || freebsd

package cuda

import (
	"runtime"

	"github.com/ebitengine/purego"
)

type shared struct {
	file   string
	handle uintptr
}

// openLibrary loads a library. The reason of a failure is kept by thread, and purego asks for it in
// a second call.
func openLibrary(file string) (Library, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	h, err := purego.Dlopen(file, purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		return nil, unloadable(file, err)
	}
	return shared{file, h}, nil
}

func (s shared) Name() string { return s.file }

// Bind looks the symbol up first: RegisterLibFunc panics on one that is missing.
func (s shared) Bind(fn any, symbol string) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	p, err := purego.Dlsym(s.handle, symbol)
	if err != nil {
		return err
	}
	purego.RegisterFunc(fn, p)
	return nil
}

// driverFiles and compilerFiles are the names under which the libraries are installed, newest
// first.
var (
	driverFiles   = []string{"libcuda.so.1", "libcuda.so"}
	compilerFiles = []string{"libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so", "/usr/local/cuda/lib64/libnvrtc.so"}
)
