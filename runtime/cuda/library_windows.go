package cuda

import (
	"fmt"

	"github.com/ebitengine/purego"
	"golang.org/x/sys/windows"
)

type shared struct {
	file string
	dll  *windows.DLL
}

func openLibrary(file string) (Library, error) {
	dll, err := windows.LoadDLL(file)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be loaded: %w", file, err)
	}
	return shared{file, dll}, nil
}

func (s shared) Name() string { return s.file }

func (s shared) Bind(fn any, symbol string) error {
	p, err := s.dll.FindProc(symbol)
	if err != nil {
		return err
	}
	purego.RegisterFunc(fn, p.Addr())
	return nil
}

// driverFiles and compilerFiles are the names under which the libraries are installed, newest first.
var (
	driverFiles   = []string{"nvcuda.dll"}
	compilerFiles = []string{"nvrtc64_130_0.dll", "nvrtc64_120_0.dll"}
)
