package kernels_test

import (
	"math"
	"slices"
	"testing"
	"unsafe"
)

// fence is the number of canary bytes on each side of guarded memory.
const fence = 128

// canary fills the fences; as a float32 it is an unlikely value, not a NaN.
const canary = 0xA5

// guarded returns n bytes that start at the given offset from a 64-byte boundary, and a check that
// nothing around them was written.
func guarded(n, align int) (b []byte, check func(t *testing.T)) {
	raw := make([]byte, n+2*fence+64+align)
	for i := range raw {
		raw[i] = canary
	}
	skip := -int(uintptr(unsafe.Pointer(&raw[0])))&63 + fence + align
	b = raw[skip : skip+n : skip+n]
	return b, func(t *testing.T) {
		t.Helper()
		for i, v := range raw {
			if v != canary && (i < skip || i >= skip+n) {
				t.Errorf("byte %d of %d was written", i-skip, n)
				return
			}
		}
	}
}

// guardedFloats is guarded for n floats; align counts floats.
func guardedFloats(n, align int) (x []float32, check func(t *testing.T)) {
	b, check := guarded(4*n, 4*align)
	if n == 0 {
		return nil, check
	}
	return unsafe.Slice((*float32)(unsafe.Pointer(&b[0])), n), check
}

// frozen returns a check that x keeps its bits.
func frozen(x []float32) func(t *testing.T) {
	was := slices.Clone(x)
	return func(t *testing.T) {
		t.Helper()
		for i := range x {
			if math.Float32bits(x[i]) != math.Float32bits(was[i]) {
				t.Errorf("input value %d was changed", i)
				return
			}
		}
	}
}

// frozenBytes is frozen for bytes.
func frozenBytes(b []byte) func(t *testing.T) {
	was := slices.Clone(b)
	return func(t *testing.T) {
		t.Helper()
		if !slices.Equal(b, was) {
			t.Error("input bytes were changed")
		}
	}
}

// signedBytes is b as int8.
func signedBytes(b []byte) []int8 {
	if len(b) == 0 {
		return nil
	}
	return unsafe.Slice((*int8)(unsafe.Pointer(&b[0])), len(b))
}
