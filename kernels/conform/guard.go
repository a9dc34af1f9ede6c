package conform

import (
	"fmt"
	"math"
	"slices"
	"unsafe"
)

// fence is the number of canary bytes on each side of guarded memory.
const fence = 128

// canary fills the fences; as a float32 it is an unlikely value, not a NaN.
const canary = 0xA5

// Guarded returns n bytes that start at the given offset from a 64-byte boundary, and a check that
// nothing around them was written.
func Guarded(n, align int) (b []byte, check func() error) {
	raw := make([]byte, n+2*fence+64+align)
	for i := range raw {
		raw[i] = canary
	}
	skip := -int(uintptr(unsafe.Pointer(&raw[0])))&63 + fence + align
	b = raw[skip : skip+n : skip+n]
	return b, func() error {
		for i, v := range raw {
			if v != canary && (i < skip || i >= skip+n) {
				return &Wrong{Place: fmt.Sprintf("byte %d of %d of the output", i-skip, n), Expected: "not written", Got: fmt.Sprintf("%02x", v)}
			}
		}
		return nil
	}
}

// GuardedFloats is Guarded for n floats; align counts floats.
func GuardedFloats(n, align int) (x []float32, check func() error) {
	b, check := Guarded(4*n, 4*align)
	if n == 0 {
		return nil, check
	}
	return unsafe.Slice((*float32)(unsafe.Pointer(&b[0])), n), check
}

// Frozen returns a check that x keeps its bits.
func Frozen(x []float32) (check func() error) {
	was := slices.Clone(x)
	return func() error {
		for i := range x {
			if math.Float32bits(x[i]) != math.Float32bits(was[i]) {
				return &Wrong{Place: fmt.Sprintf("value %d of the input", i), Expected: exactly(was[i]), Got: exactly(x[i])}
			}
		}
		return nil
	}
}

// FrozenBytes is Frozen for bytes.
func FrozenBytes(b []byte) (check func() error) {
	was := slices.Clone(b)
	return func() error { return at(sameBytes(b, was), "the input") }
}
