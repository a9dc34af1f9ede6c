//go:build emulate || gpu

package gputest

import (
	"math"
	"testing"

	"github.com/kvgen/kvgen/runtime/gpu"
)

// Must is for steps that a test cannot go on without.
func Must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// Check fails the test on an error.
func Check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Integers is what a piece of memory holds.
func Integers(t testing.TB, m *gpu.Buffer) []int32 {
	t.Helper()
	x := make([]int32, m.Size/4)
	Check(t, gpu.Read(m, 0, x))
	return x
}

// Upload is memory of the device with the given numbers.
func Upload[N gpu.Number](t testing.TB, d *gpu.Queue, x []N) *gpu.Buffer {
	t.Helper()
	m := Must[*gpu.Buffer](t)(d.Alloc(uint64(len(x)) * gpu.SizeOf[N]()))
	Check(t, gpu.Write(m, 0, x))
	t.Cleanup(func() { m.Free() })
	return m
}

// Sequence is n numbers from first on.
func Sequence(first, n int) (all []int32) {
	for i := range n {
		all = append(all, int32(first+i))
	}
	return all
}

// SameBits compares floats bit for bit.
func SameBits(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i, w := range want {
		if math.Float32bits(got[i]) != math.Float32bits(w) {
			t.Fatalf("%s: value %d is %g, want %g", what, i, got[i], w)
		}
	}
}

// Read copies n floats back.
func Read(t testing.TB, m *gpu.Buffer, n int) []float32 {
	t.Helper()
	x := make([]float32, n)
	Check(t, gpu.Read(m, 0, x))
	return x
}
