package cuda

import (
	"runtime"
	"unsafe"
)

// goString copies a C string.
func goString(p *byte) string {
	n := 0
	for *(*byte)(unsafe.Add(unsafe.Pointer(p), n)) != 0 {
		n++
	}
	return string(unsafe.Slice(p, n))
}

// cString is s with the 0 that C wants.
func cString(s string) *byte { return unsafe.SliceData(append([]byte(s), 0)) }

// cStrings is an array of C strings that stays in place until the pinner is unpinned.
func cStrings(all []string, pin *runtime.Pinner) unsafe.Pointer {
	if len(all) == 0 {
		return nil
	}
	list := make([]*byte, len(all))
	for i, s := range all {
		list[i] = cString(s)
		pin.Pin(list[i])
	}
	pin.Pin(&list[0])
	return unsafe.Pointer(&list[0])
}
