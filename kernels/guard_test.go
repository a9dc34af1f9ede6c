package kernels_test

import (
	"testing"
	"unsafe"

	"github.com/kvgen/kvgen/kernels/conform"
)

// must makes an error of a check one of the test.
func must(check func() error) func(*testing.T) {
	return func(t *testing.T) {
		t.Helper()
		if err := check(); err != nil {
			t.Error(err)
		}
	}
}

// guarded returns n bytes that start at the given offset from a 64-byte boundary, and a check that
// nothing around them was written.
func guarded(n, align int) (b []byte, check func(t *testing.T)) {
	b, err := conform.Guarded(n, align)
	return b, must(err)
}

// guardedFloats is guarded for n floats; align counts floats.
func guardedFloats(n, align int) (x []float32, check func(t *testing.T)) {
	x, err := conform.GuardedFloats(n, align)
	return x, must(err)
}

// frozen returns a check that x keeps its bits.
func frozen(x []float32) func(t *testing.T) { return must(conform.Frozen(x)) }

// signedBytes is b as int8.
func signedBytes(b []byte) []int8 {
	if len(b) == 0 {
		return nil
	}
	return unsafe.Slice((*int8)(unsafe.Pointer(&b[0])), len(b))
}
