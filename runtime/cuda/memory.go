package cuda

import (
	"fmt"
	"reflect"
	"runtime"
	"unsafe"

	"github.com/kvgen/kvgen/runtime/gpu"
)

// Alloc allocates so many bytes, zeroed. The error says how much there is.
func (d *Device) Alloc(bytes uint64) (address uint64, err error) {
	err = d.do(func() error {
		if err := d.api.check(d.api.Alloc(&address, max(bytes, 16)), "allocating %s on %s", gpu.Size(bytes), d.Name); err != nil {
			return err
		}
		return d.api.check(d.api.Fill(address, 0, max(bytes, 16), d.stream), "clearing %s on %s", gpu.Size(bytes), d.Name)
	})
	if err == nil {
		return address, nil
	}
	if free, total, e := d.Available(); e == nil {
		err = fmt.Errorf("%w; %s of %s are free", err, gpu.Size(free), gpu.Size(total))
	}
	return 0, err
}

// Free gives memory back.
func (d *Device) Free(address, bytes uint64) error {
	return d.do(func() error { return d.api.check(d.api.Free(address), "freeing %s on %s", gpu.Size(bytes), d.Name) })
}

// Clear makes zeros, after what was launched before.
func (d *Device) Clear(at, bytes uint64) error {
	return d.do(func() error {
		return d.api.check(d.api.Fill(at, 0, bytes, d.stream), "clearing %s on %s", gpu.Size(bytes), d.Name)
	})
}

// Copy copies on the device, after what was launched before.
func (d *Device) Copy(to, from, bytes uint64) error {
	return d.do(func() error {
		return d.api.check(d.api.Copy(to, from, bytes, d.stream), "copying %s on %s", gpu.Size(bytes), d.Name)
	})
}

// memory is where the numbers of a slice lie, and how many bytes they are.
func memory(slice any) (at unsafe.Pointer, bytes uint64) {
	v := reflect.ValueOf(slice)
	return v.UnsafePointer(), uint64(v.Len()) * uint64(v.Type().Elem().Size())
}

// Write copies a slice to the device. The driver copies memory that is not pinned before it
// returns.
func (d *Device) Write(to uint64, slice any) error {
	from, n := memory(slice)
	return d.do(func() error {
		defer runtime.KeepAlive(slice)
		return d.api.check(d.api.Write(to, from, n, d.stream), "copying %s to %s", gpu.Size(n), d.Name)
	})
}

// Read copies to a slice, after everything that was launched before.
func (d *Device) Read(slice any, from uint64) error {
	to, n := memory(slice)
	return d.do(func() error {
		defer runtime.KeepAlive(slice)
		if err := d.api.check(d.api.StreamSync(d.stream), "waiting for %s", d.Name); err != nil {
			return err
		}
		return d.api.check(d.api.Read(to, from, n), "copying %s from %s", gpu.Size(n), d.Name)
	})
}
