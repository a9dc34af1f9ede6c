package cuda

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/ebitengine/purego"
	"golang.org/x/sys/windows"
)

type shared struct {
	file string
	dll  *windows.DLL
}

// openLibrary loads a library. A name without a folder is looked for in the system's folder alone:
// not beside the program, in the current folder or on the PATH, where anybody may have put a file
// of that name.
func openLibrary(file string) (Library, error) {
	path, flags := file, uintptr(windows.LOAD_LIBRARY_SEARCH_SYSTEM32)
	if strings.ContainsAny(file, `/\:`) {
		var err error
		if path, err = filepath.Abs(file); err != nil {
			return nil, err
		}
		flags |= windows.LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR // what it needs may lie beside it
	}
	handle, err := windows.LoadLibraryEx(path, 0, flags)
	if err != nil {
		return nil, unloadable(file, err)
	}
	return shared{file, &windows.DLL{Name: file, Handle: handle}}, nil
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

// driverFiles and compilerFiles are the names under which the libraries are installed, newest
// first. The driver comes with the system; the toolkit's installer says in CUDA_PATH where its
// folder is.
var (
	driverFiles   = []string{"nvcuda.dll"}
	compilerFiles = ofToolkit("nvrtc64_130_0.dll", "nvrtc64_120_0.dll")
)

func ofToolkit(names ...string) (files []string) {
	folder := os.Getenv("CUDA_PATH")
	for _, name := range names {
		if filepath.IsAbs(folder) {
			files = append(files, filepath.Join(folder, "bin", "x64", name), filepath.Join(folder, "bin", name))
		}
		files = append(files, name)
	}
	return files
}
