//go:build unix

package kernels_test

import (
	"fmt"
	"runtime/debug"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/kernels/conform"
)

// A fenced buffer ends, or begins, at a page that cannot be read: canaries see writes outside of a
// buffer, this sees reads too.
type fencedSide int

const (
	fencedEnd fencedSide = iota
	fencedStart
)

func (s fencedSide) String() string { return [...]string{"end", "start"}[s] }

// bytes is n bytes with such a page at that side, for the time of the test.
func (s fencedSide) bytes(t *testing.T, n int) []byte {
	t.Helper()
	page := unix.Getpagesize()
	size := (n + page - 1) / page * page
	raw, err := unix.Mmap(-1, 0, size+2*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Munmap(raw) })
	for _, fence := range [][]byte{raw[:page], raw[page+size:]} {
		if err := unix.Mprotect(fence, unix.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	inside := raw[page : page+size : page+size]
	if s == fencedEnd {
		return inside[size-n:]
	}
	return inside[:n:n]
}

func (s fencedSide) floats(t *testing.T, x []float32) []float32 {
	t.Helper()
	if len(x) == 0 {
		return nil
	}
	b := s.bytes(t, 4*len(x))
	y := unsafe.Slice((*float32)(unsafe.Pointer(&b[0])), len(x))
	copy(y, x)
	return y
}

func (s fencedSide) packed(t *testing.T, row []byte) []byte {
	t.Helper()
	b := s.bytes(t, len(row))
	copy(b, row)
	return b
}

// faults runs f and returns what it touched that it may not.
func faults(f func()) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	f()
	return nil
}

// TestTouchesInside runs every kernel on buffers beside pages that cannot be touched.
func TestTouchesInside(t *testing.T) {
	b := fencedEnd.bytes(t, 8)
	var read byte
	if err := faults(func() { read = *(*byte)(unsafe.Add(unsafe.Pointer(&b[7]), 1)) }); err == nil || read != 0 {
		t.Fatal("a read beyond a fenced buffer goes unseen")
	}
	has := func(i *kernels.Impl) bool { return i.Decode != nil }
	forEachImpl(t, has, func(t *testing.T, typ *kernels.Type, impl *kernels.Impl) {
		for _, side := range []fencedSide{fencedEnd, fencedStart} {
			for _, blocks := range []int{1, 3, 9} {
				check := func(what string, f func()) {
					if err := faults(f); err != nil {
						t.Errorf("%s of %d blocks, the page at the %v: %v", what, blocks, side, err)
					}
				}
				touch(t, typ, impl, side, blocks*typ.Block, check)
			}
		}
	})
}

// touch runs the kernels of a type on rows of n values.
func touch(t *testing.T, typ *kernels.Type, impl *kernels.Impl, side fencedSide, n int, check func(what string, f func())) {
	const rows, m = 3, 2
	row, values := packed(t, typ, rows*n, 5)
	w, x := side.packed(t, row), side.floats(t, noise(m*n, 6, 1))
	p, y, o := side.floats(t, noise(m*rows, 7, .5)), side.floats(t, make([]float32, m*rows)), side.floats(t, make([]float32, m*n))
	all := side.floats(t, values)
	var ws kernels.Workspace
	stride := typ.RowBytes(n)
	check("Decode", func() { impl.Decode(all, w) })
	if impl.Encode != nil {
		to := side.bytes(t, len(row))
		check("Encode", func() { impl.Encode(to, all) })
	}
	check("Matmul", func() { impl.Matmul(y, rows, x, n, m, w, stride, rows, n, &ws) })
	if impl.Mix != nil {
		check("Mix", func() { impl.Mix(o, n, p, rows, m, w, stride, rows, n, &ws) })
	}
	if impl.MixQ8 != nil {
		check("MixQ8", func() { impl.MixQ8(o, n, p, rows, m, w, stride, rows, n, &ws) })
	}
	if impl.MatmulQ8 != nil && n%conform.Q8Unit(typ) == 0 {
		var act kernels.Act
		act.Resize(m, n, typ.ActGroup)
		kernels.Default().QuantiseAct(&act, x, n, m)
		check("MatmulQ8", func() { impl.MatmulQ8(y, rows, &act, m, w, stride, rows, n, &ws) })
	}
}
