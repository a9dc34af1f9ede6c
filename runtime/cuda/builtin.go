package cuda

import (
	"errors"
	"fmt"

	"github.com/kvgen/kvgen/runtime/cuda/builtin"
	"github.com/kvgen/kvgen/runtime/gpu"
)

// NoCompiler is the file name of no NVRTC at all.
const NoCompiler = "none"

// Use has NVRTC be the given file and no other. With NoCompiler nothing is compiled, nor taken that
// was compiled before: all kernels are those that come with the program.
func (c *Compiler) Use(file string) {
	c.Files, c.Only, c.Library = []string{file}, true, nil
	if file == NoCompiler {
		c.Files, c.Folder = nil, nil
	}
}

// BuiltIn says of a kernel that comes with the program what it was made for.
type BuiltIn struct {
	Arch         int // virtual architecture: 80 for compute_80
	Major, Minor int // version of CUDA that a driver needs
}

// driverOf is the first driver on Linux for each version of CUDA, from its release notes.
var driverOf = map[int]int{12_0: 525, 12_1: 530, 12_2: 535, 12_3: 545, 12_4: 550, 12_5: 555, 12_6: 560, 12_8: 570, 12_9: 575, 13_0: 580}

// driver names the driver that is needed.
func (b BuiltIn) driver() string {
	text := fmt.Sprintf("a driver for CUDA %d.%d", b.Major, b.Minor)
	if n := driverOf[10*b.Major+b.Minor]; n > 0 {
		text += fmt.Sprintf(" (%d)", n)
	}
	return text + " or newer"
}

// builtIn is the image of a source among those that come with the program, and otherwise the error
// that says what is missing; why says why there is no NVRTC.
func (c *Compiler) builtIn(s *gpu.Source, arch int, why error) (*Image, error) {
	load := c.builtin
	if load == nil {
		load = builtin.Kernels
	}
	a, err := load()
	if err != nil {
		return nil, fmt.Errorf("cuda: %w", err)
	}
	k := a.Find(sourceHash(s), arch)
	if k == nil {
		set, err := builtin.Wanted()
		if err != nil {
			return nil, fmt.Errorf("cuda: %w", err)
		}
		return nil, fmt.Errorf("cuda: the kernel %s for compute capability %d.%d does not come with the program. %w (%w). What does come with it is for %v",
			s.Name, arch/10, arch%10, ErrNoCompiler, why, set)
	}
	b := &BuiltIn{Arch: k.Arch, Major: a.Major, Minor: a.Minor}
	if c.Notice != nil && !c.noticed {
		c.Notice(fmt.Sprintf("kernels that come with the program are used, PTX that needs %s: %v (%v)", b.driver(), ErrNoCompiler, why))
	}
	c.noticed = true
	return &Image{Code: append([]byte(k.PTX), 0), BuiltIn: b}, nil
}

// refused says what a driver's refusal of an image means, if it came with the program.
func (i *Image) refused(d *Device, err error) error {
	var e *Error
	if i.BuiltIn == nil || !errors.As(err, &e) {
		return err
	}
	switch e.Code {
	case 222: // CUDA_ERROR_UNSUPPORTED_PTX_VERSION
		return fmt.Errorf("%w; it comes with the program and needs %s, and this one is for CUDA %d.%d: install a newer driver, or NVRTC (pip install nvidia-cuda-nvrtc), which compiles for this one",
			err, i.BuiltIn.driver(), d.DriverVersion/1000, d.DriverVersion%1000/10)
	case 221: // CUDA_ERROR_JIT_COMPILER_NOT_FOUND
		return fmt.Errorf("%w; it comes with the program as PTX, and the driver's own compiler, libnvidia-ptxjitcompiler, is missing: install it, or NVRTC (pip install nvidia-cuda-nvrtc)", err)
	}
	return fmt.Errorf("%w; it comes with the program as PTX of compute_%d; NVRTC (pip install nvidia-cuda-nvrtc) would compile it for this GPU", err, i.BuiltIn.Arch)
}
