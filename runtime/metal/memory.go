package metal

import (
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"unsafe"

	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/metal/objc"
)

// piece is memory that the GPU and the processor share.
type piece struct {
	id        objc.ID // MTLBuffer
	at, bytes uint64  // as kernels see it
	host      unsafe.Pointer
}

// slice is n bytes of the piece as the processor sees them.
func (p *piece) slice(at, n uint64) []byte { return unsafe.Slice((*byte)(unsafe.Add(p.host, at)), n) }

// memory is what is allocated.
type memory struct {
	pieces  []*piece  // by address
	ids     []objc.ID // the same, as an encoder is told before macOS 15
	changed bool      // since residency was last committed
}

// find finds n bytes at an address, and how far into their piece they are.
func (m *memory) find(at, n uint64) (p *piece, offset uint64, err error) {
	i, exact := slices.BinarySearchFunc(m.pieces, at, func(p *piece, at uint64) int {
		switch {
		case p.at < at:
			return -1
		case p.at > at:
			return 1
		}
		return 0
	})
	if !exact {
		i--
	}
	if i < 0 || at-m.pieces[i].at > m.pieces[i].bytes || n > m.pieces[i].bytes-(at-m.pieces[i].at) {
		return nil, 0, fmt.Errorf("metal: reads and writes stay inside a piece of memory: %d bytes at %#x are in none", n, at)
	}
	return m.pieces[i], at - m.pieces[i].at, nil
}

// newPiece makes a buffer, zeroed.
func (d *Device) newPiece(bytes uint64) (*piece, error) {
	bytes = max(bytes, 16)
	if bytes > d.longest {
		return nil, fmt.Errorf("metal: a piece of memory on %s has at most %s: %s were asked for", d.limits.Name, gpu.Size(d.longest), gpu.Size(bytes))
	}
	if used := d.api.Allocated(d.device); bytes > d.total-min(d.total, used) {
		return nil, d.full(bytes)
	}
	p := &piece{id: d.api.NewBuffer(d.device, bytes, untracked), bytes: bytes}
	if p.id == 0 {
		return nil, d.full(bytes)
	}
	if p.host, p.at = d.api.Contents(p.id), d.api.Address(p.id); p.host == nil || p.at == 0 || p.at%256 != 0 {
		d.api.Release(p.id)
		return nil, fmt.Errorf("metal: %s of %s lie at %#x for the GPU and %p for the processor: kernels need a multiple of 256", gpu.Size(bytes), d.limits.Name, p.at, p.host)
	}
	clear(p.slice(0, bytes))
	return p, nil
}

// full says how much memory there is.
func (d *Device) full(bytes uint64) error {
	return fmt.Errorf("metal: allocating %s on %s: too little memory: %s of the %s that the system recommends for a GPU are free", gpu.Size(bytes), d.limits.Name,
		gpu.Size(d.total-min(d.total, d.api.Allocated(d.device))), gpu.Size(d.total))
}

// Alloc allocates so many bytes, zeroed. The error says how much there is.
func (d *Device) Alloc(bytes uint64) (address uint64, err error) {
	err = d.do(func() error {
		p, err := d.newPiece(bytes)
		if err != nil {
			return err
		}
		i, _ := slices.BinarySearchFunc(d.memory.pieces, p, byAddress)
		d.memory.pieces = slices.Insert(d.memory.pieces, i, p)
		d.memory.ids = slices.Insert(d.memory.ids, i, p.id)
		d.submit() // whose encoder knows nothing of it
		if d.residency != 0 {
			d.api.AddResident(d.residency, p.id)
			d.memory.changed = true
		}
		address = p.at
		return nil
	})
	return address, err
}

func byAddress(a, b *piece) int {
	if a.at < b.at {
		return -1
	}
	return 1
}

// Free gives memory back, after everything that was launched.
func (d *Device) Free(address, bytes uint64) error {
	return d.do(func() error {
		p, offset, err := d.memory.find(address, bytes)
		if err != nil {
			return err
		}
		if offset != 0 {
			return fmt.Errorf("metal: memory is given back as it was allocated: %d bytes at %#x are a part of a piece", bytes, address)
		}
		if err := d.wait(); err != nil {
			return err
		}
		i := slices.Index(d.memory.pieces, p)
		d.memory.pieces, d.memory.ids = slices.Delete(d.memory.pieces, i, i+1), slices.Delete(d.memory.ids, i, i+1)
		d.drop(p)
		return nil
	})
}

// drop releases the buffer of a piece.
func (d *Device) drop(p *piece) {
	if d.residency != 0 {
		d.api.RemoveResident(d.residency, p.id)
		d.memory.changed = true
	}
	d.api.Release(p.id)
}

// aligned says whether Metal copies or fills it: whole words.
func aligned(numbers ...uint64) bool {
	for _, n := range numbers {
		if n%4 != 0 {
			return false
		}
	}
	return true
}

// Clear makes zeros, after what was launched before.
func (d *Device) Clear(at, bytes uint64) error {
	return d.do(func() error {
		p, offset, err := d.memory.find(at, bytes)
		if err != nil || bytes == 0 {
			return err
		}
		return d.order(aligned(offset, bytes), func() error {
			return d.blit(func(e objc.ID) { d.api.Fill(e, p.id, objc.Range{Location: offset, Length: bytes}, 0) })
		}, func() { clear(p.slice(offset, bytes)) })
	})
}

// Copy copies on the device, after what was launched before.
func (d *Device) Copy(to, from, bytes uint64) error {
	return d.do(func() error {
		p, offset, err := d.memory.find(to, bytes)
		if err != nil || bytes == 0 {
			return err
		}
		q, start, err := d.memory.find(from, bytes)
		if err != nil {
			return err
		}
		return d.order(aligned(offset, start, bytes), func() error {
			return d.blit(func(e objc.ID) { d.api.CopyBytes(e, q.id, start, p.id, offset, bytes) })
		}, func() { copy(p.slice(offset, bytes), q.slice(start, bytes)) })
	})
}

// order does something with memory after what was launched before: encode on the GPU if that can,
// and otherwise host on the processor.
func (d *Device) order(able bool, encode func() error, host func()) error {
	switch {
	case d.recording != nil && able:
		d.recording.nodes = append(d.recording.nodes, encode)
		return nil
	case d.recording != nil:
		return fmt.Errorf("metal: what is recorded copies and clears whole words of 4 bytes")
	case able:
		return encode()
	}
	if err := d.wait(); err != nil {
		return err
	}
	host()
	return nil
}

// bytesOf is the memory of a slice of numbers.
func bytesOf(slice any) []byte {
	v := reflect.ValueOf(slice)
	return unsafe.Slice((*byte)(v.UnsafePointer()), uintptr(v.Len())*v.Type().Elem().Size())
}

// mostStaged is what Write hands to commands that are being encoded, instead of waiting for them.
const mostStaged = 64 << 10

// Write copies a slice to the device: at once where nothing is running, and otherwise by a copy of
// its own, in order.
func (d *Device) Write(to uint64, slice any) error {
	defer runtime.KeepAlive(slice)
	from := bytesOf(slice)
	n := uint64(len(from))
	return d.do(func() error {
		p, offset, err := d.memory.find(to, n)
		if err != nil || n == 0 {
			return err
		}
		if d.recording != nil {
			return fmt.Errorf("metal: nothing is copied to the device while launches are recorded")
		}
		idle, err := d.idle()
		if err != nil {
			return err
		}
		if !idle && n <= mostStaged && aligned(offset, n) {
			at, err := d.room(n)
			if err != nil {
				return err
			}
			staged := d.work.chunk()
			copy(staged.slice(at, n), from)
			return d.blit(func(e objc.ID) { d.api.CopyBytes(e, staged.id, at, p.id, offset, n) })
		}
		if err := d.wait(); err != nil {
			return err
		}
		copy(p.slice(offset, n), from)
		return nil
	})
}

// Read copies to a slice, after everything that was launched before.
func (d *Device) Read(slice any, from uint64) error {
	defer runtime.KeepAlive(slice)
	to := bytesOf(slice)
	return d.do(func() error {
		p, offset, err := d.memory.find(from, uint64(len(to)))
		if err != nil {
			return err
		}
		if d.recording != nil {
			return fmt.Errorf("metal: nothing is read from the device while launches are recorded")
		}
		if err := d.wait(); err != nil {
			return err
		}
		copy(to, p.slice(offset, uint64(len(to))))
		return nil
	})
}
