package gpu

import (
	"fmt"
	"reflect"
)

// Buffer is a piece of device memory, or a part of one.
type Buffer struct {
	device Device
	at     uint64
	Size   uint64 // bytes
	part   bool
}

// Address is where the buffer begins, as kernels see it; 0 for nil.
func (b *Buffer) Address() uint64 {
	if b == nil {
		return 0
	}
	return b.at
}

// Slice is size bytes of the buffer from byte at on, which is the caller's to keep inside it: what
// lies outside has no bytes.
func (b *Buffer) Slice(at, size uint64) *Buffer {
	at = min(at, b.Size)
	return &Buffer{device: b.device, at: b.at + at, Size: min(size, b.Size-at), part: true}
}

// Fits says whether n bytes from byte at on are inside the buffer.
func (b *Buffer) Fits(at, n uint64) error {
	if at > b.Size || n > b.Size-at {
		return fmt.Errorf("gpu: reads and writes stay inside a buffer: %d bytes from byte %d on are outside a piece of %d", n, at, b.Size)
	}
	return nil
}

// Holds says whether the buffer, which messages call what, has at least n bytes.
func (b *Buffer) Holds(what string, n uint64) error {
	if n > b.Size {
		return fmt.Errorf("gpu: the %s must hold %d bytes: there are %d", what, n, b.Size)
	}
	return nil
}

// Free gives the memory back. A part cannot be given back by itself.
func (b *Buffer) Free() error {
	if b.part {
		return fmt.Errorf("gpu: memory is given back as it was allocated: %s are a part of a piece", Size(b.Size))
	}
	return b.device.Free(b.at, b.Size)
}

// Clear makes all of it zeros, after what was launched before.
func (b *Buffer) Clear() error { return b.device.Clear(b.at, b.Size) }

// CopyFrom makes it the same as another buffer of its size, after what was launched before.
func (b *Buffer) CopyFrom(from *Buffer) error {
	if err := from.Fits(0, b.Size); err != nil {
		return err
	}
	return b.device.Copy(b.at, from.at, b.Size)
}

// Number is a value whose bytes mean the same on the host and on the device.
type Number interface {
	~uint8 | ~uint16 | ~int32 | ~uint32 | ~float32 | ~float64
}

// Write copies x to the buffer, from byte at on, and waits.
func Write[N Number](b *Buffer, at uint64, x []N) error {
	if err := Post(b, at, x); err != nil {
		return err
	}
	return b.device.Sync()
}

// Post is Write that does not wait for what was launched before. x may be changed when it returns.
func Post[N Number](b *Buffer, at uint64, x []N) error {
	if err := b.Fits(at, bytesOf(x)); err != nil || len(x) == 0 {
		return err
	}
	return b.device.Write(b.at+at, x)
}

// Read copies from byte at of the buffer to x, after everything that was launched before.
func Read[N Number](b *Buffer, at uint64, x []N) error {
	if err := b.Fits(at, bytesOf(x)); err != nil || len(x) == 0 {
		return err
	}
	return b.device.Read(x, b.at+at)
}

func bytesOf[N Number](x []N) uint64 { return uint64(len(x)) * SizeOf[N]() }

// SizeOf is the bytes of a number.
func SizeOf[N Number]() uint64 { return uint64(reflect.TypeFor[N]().Size()) }

// Size is a number of bytes for messages.
func Size(n uint64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%d bytes", n)
}
