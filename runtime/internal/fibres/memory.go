//go:build emulate

package fibres

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"sync"
	"syscall"
	"unsafe"
)

const (
	page = 4096
	// Total is the memory that a device says it has.
	Total      = 16 << 30
	arenaBytes = 1 << 42 // of addresses, none of which is used twice
)

// arena hands out device memory: pages that are used between pages that cannot be, each allocation
// at the end of its own. What is freed cannot be used again.
var arena struct {
	sync.Mutex
	all  []byte
	next int // page
}

// piece is one allocation.
type piece struct {
	at, size uint64
	first    int    // byte of the arena at which its pages begin
	pages    []byte // nil for a global of a module
}

// Memory is what a device has allocated, in the order of addresses.
type Memory struct {
	pieces []piece
	Used   uint64 // bytes

	// Alignment of allocations: the strictest that an instruction asks for, so that what follows an
	// allocation is soon found; 0 for 16.
	Alignment uint64
}

// filling is what fresh memory and what surrounds an allocation hold: NaN as f32, f16 and bf16.
const filling = 0xff

// Alloc allocates; false where there is no more.
func (m *Memory) Alloc(size uint64) (at uint64, ok bool) {
	if size == 0 || size > Total-m.Used {
		return 0, false
	}
	n := int((size + page - 1) / page * page)
	arena.Lock()
	defer arena.Unlock()
	if arena.all == nil {
		all, err := syscall.Mmap(-1, 0, arenaBytes, syscall.PROT_NONE, syscall.MAP_ANON|syscall.MAP_PRIVATE|syscall.MAP_NORESERVE)
		if err != nil {
			return 0, false
		}
		arena.all = all
	}
	first := arena.next + page
	if first+n+page > len(arena.all) {
		return 0, false
	}
	pages := arena.all[first:][:n:n]
	if err := syscall.Mprotect(pages, syscall.PROT_READ|syscall.PROT_WRITE); err != nil {
		return 0, false
	}
	arena.next = first + n
	for i := range pages {
		pages[i] = filling
	}
	alignment := cmp.Or(m.Alignment, 16)
	offset := uint64(n) - (size+alignment-1)/alignment*alignment
	p := piece{at: address(pages) + offset, size: size, first: first, pages: pages}
	m.add(p)
	m.Used += size
	return p.at, true
}

func address(b []byte) uint64 { return uint64(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) }

// Add makes memory that something else allocated a piece.
func (m *Memory) Add(at, size uint64) { m.add(piece{at: at, size: size}) }

func (m *Memory) add(p piece) {
	i, _ := slices.BinarySearchFunc(m.pieces, p.at, func(q piece, at uint64) int { return compare(q.at, at) })
	m.pieces = slices.Insert(m.pieces, i, p)
}

func compare(a, b uint64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// Free gives back what Alloc gave, or what Add was told of; false where that is nothing.
func (m *Memory) Free(at uint64) bool {
	i, ok := slices.BinarySearchFunc(m.pieces, at, func(q piece, at uint64) int { return compare(q.at, at) })
	if !ok {
		return false
	}
	p := m.pieces[i]
	m.pieces = slices.Delete(m.pieces, i, i+1)
	if p.pages == nil {
		return true
	}
	m.Used -= p.size
	if syscall.Madvise(p.pages, syscall.MADV_DONTNEED) != nil || syscall.Mprotect(p.pages, syscall.PROT_NONE) != nil {
		return false
	}
	return true
}

// Bytes is the memory from an address on, nil where it is not within one piece.
func (m *Memory) Bytes(at, size uint64) []byte {
	p := m.nearest(at)
	if p == nil || at < p.at || at-p.at > p.size || size > p.size-(at-p.at) {
		return nil
	}
	return unsafe.Slice((*byte)(Pointer(at)), size)
}

// Pointer makes a pointer of an address outside Go's memory.
func Pointer(at uint64) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&at)) }

// nearest is the last piece that begins at an address or before, or the first of all.
func (m *Memory) nearest(at uint64) *piece {
	if len(m.pieces) == 0 {
		return nil
	}
	i, ok := slices.BinarySearchFunc(m.pieces, at, func(q piece, at uint64) int { return compare(q.at, at) })
	if !ok && i > 0 {
		i--
	}
	return &m.pieces[i]
}

// spoiled finds an allocation around which something was written, within its pages: up to 64 bytes
// before it, up to 15 after it.
func (m *Memory) spoiled() string {
	for _, p := range m.pieces {
		if p.pages == nil {
			continue
		}
		begin := p.at - address(p.pages)
		before := p.pages[begin-min(begin, 64) : begin]
		after := p.pages[begin+p.size:]
		if bytes.Count(before, []byte{filling}) != len(before) {
			p.clean(before)
			return fmt.Sprintf("wrote before an allocation of %d bytes", p.size)
		}
		if bytes.Count(after, []byte{filling}) != len(after) {
			p.clean(after)
			return fmt.Sprintf("wrote behind an allocation of %d bytes", p.size)
		}
	}
	return ""
}

func (piece) clean(b []byte) {
	for i := range b {
		b[i] = filling
	}
}

// Describe says where an address is.
func (m *Memory) Describe(at uint64) string {
	p := m.nearest(at)
	switch {
	case p == nil || at < p.at:
		// Below all that is allocated, or there is nothing.
	case at < p.at+p.size:
		return fmt.Sprintf("byte %d of an allocation of %d bytes", at-p.at, p.size)
	case at < p.at+p.size+page:
		return fmt.Sprintf("%d bytes behind the end of an allocation of %d bytes", at-p.at-p.size, p.size)
	}
	for _, q := range m.pieces {
		if at < q.at && q.at-at <= page {
			return fmt.Sprintf("%d bytes before an allocation of %d bytes", q.at-at, q.size)
		}
	}
	if start := address(arena.all); at >= start && at < start+arenaBytes {
		if at < start+uint64(arena.next) {
			return "device memory that was freed"
		}
		return "device memory that was never allocated"
	}
	return "no device memory"
}
