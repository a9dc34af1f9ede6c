package gpu

// Device is one GPU, as its driver gives it. Everything that is launched or copied is done in the
// order in which it was asked for. Its methods may be called from any goroutine, one at a time.
//
// Addresses are those that kernels see. Use a Queue and its buffers, which check bounds.
type Device interface {
	// Limits says what the GPU is.
	Limits() Limits

	// Dialect is the text that kernels for it are written in.
	Dialect() *Dialect

	// Available returns how many bytes of its memory are free, and how many there are.
	Available() (free, total uint64, err error)

	// Alloc allocates so many bytes, zeroed, at a multiple of 256. The error says how much there
	// is.
	Alloc(bytes uint64) (address uint64, err error)

	// Free gives back what Alloc gave.
	Free(address, bytes uint64) error

	// Write copies a slice of numbers to the device. It does not wait for what was launched before;
	// the slice may be changed when it returns.
	Write(to uint64, slice any) error

	// Read copies from the device to a slice of numbers, after everything that was launched before.
	Read(slice any, from uint64) error

	// Copy copies from one piece of the device's memory to another, Clear makes zeros.
	Copy(to, from, bytes uint64) error
	Clear(at, bytes uint64) error

	// Build compiles a program and loads it, once. The driver may keep what it compiled on disk.
	Build(s *Source) (Module, error)

	// Record collects what body launches, instead of running it.
	Record(body func() error) (Replay, error)

	// Sync waits until everything that was launched is done. Errors of kernels appear here.
	Sync() error

	// Close gives the device back; what was allocated on it is gone.
	Close() error
}

// Limits is what kernels and their callers need to know of a GPU.
type Limits struct {
	Name        string
	Generation  string // in its maker's count, which Driver.Generation is the word for: 9.0
	Arch        string // what kernels are compiled for, as results name it: sm_90
	Cores       int    // multiprocessors, each of which runs whole blocks
	CacheBytes  int    // of the cache that all cores share
	SharedBytes int    // shared memory that a block can have
}

// Module is a compiled program on a device.
type Module interface {
	// Kernel finds a kernel that is launched with at most so many bytes of dynamic shared memory.
	Kernel(name string, shared int) (Kernel, error)

	// Facts reads n integers that the program declares under a name: sizes that it was compiled
	// with.
	Facts(name string, n int) ([]int32, error)
}

// Kernel is a function that a device runs.
type Kernel interface {
	// Launch starts it. args points to the struct that is its one argument.
	Launch(g Grid, args any) error

	// Resident is how many blocks of so many threads a core holds at once.
	Resident(threads int) (int, error)

	// Overlap returns a kernel whose blocks may start while the launch before it ends: it waits for
	// that by itself before it reads anything (await_previous). Devices that cannot do so change
	// nothing.
	Overlap() Kernel
}

// Grid is how much of a kernel is launched: X by Y blocks.
type Grid struct {
	X, Y    int // Y: 0 counts as 1
	Threads int // of a block
	// bytes of dynamic shared memory of a block; 0 for those that the kernel was looked up with
	Shared int
}

// Replay is a sequence of launches that is started as one.
type Replay interface {
	Launch() error
	Close() error
}

// NoCompiler says that a kernel had to be compiled and that what compiles is not on this machine.
type NoCompiler string

func (e NoCompiler) Error() string { return string(e) }

// Flag is a truth as an argument of a kernel.
func Flag(b bool) int32 {
	if b {
		return 1
	}
	return 0
}
